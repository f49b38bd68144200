"""CITATION.cff is a valid Citation File of version 1.2.0 and says what the project says.

The rules checked are those of the format's guide: the required keys of the file and of each
reference, the names of keys, and the forms of persons, entities and identifiers.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

REQUIRED = {"cff-version", "message", "title", "authors"}
ALLOWED = REQUIRED | {
    "abstract",
    "keywords",
    "license",
    "references",
    "type",
    "version",
}
REFERENCE_REQUIRED = {"type", "title", "authors"}
REFERENCE_ALLOWED = REFERENCE_REQUIRED | {
    "collection-title",
    "conference",
    "doi",
    "end",
    "identifiers",
    "issue",
    "journal",
    "start",
    "volume",
    "year",
}
REFERENCE_TYPES = {"article", "conference-paper"}


def _check_authors(authors: list[dict[str, str]]) -> None:
    assert authors
    for author in authors:
        person = set(author) == {"family-names", "given-names"}
        assert person or set(author) == {"name"}, author
        assert all(isinstance(part, str) and part for part in author.values()), author


def test_the_file_has_the_keys_that_the_format_requires() -> None:
    assert set(CITATION) >= REQUIRED
    assert set(CITATION) <= ALLOWED
    assert CITATION["cff-version"] == "1.2.0"
    assert CITATION["type"] == "software"
    _check_authors(CITATION["authors"])
    assert len(set(CITATION["keywords"])) == len(CITATION["keywords"]) > 0


def test_version_licence_and_keywords_are_those_of_the_package() -> None:
    assert str(CITATION["version"]) == PROJECT["version"]
    assert CITATION["license"] == PROJECT["license"]
    assert CITATION["keywords"] == PROJECT["keywords"]


def test_references_are_complete() -> None:
    for reference in CITATION["references"]:
        assert set(reference) >= REFERENCE_REQUIRED
        assert set(reference) <= REFERENCE_ALLOWED
        assert reference["type"] in REFERENCE_TYPES
        _check_authors(reference["authors"])
        assert int(reference["start"]) < int(reference["end"])
        if "doi" in reference:
            assert re.fullmatch(r"10\.\d{4,9}/\S+", reference["doi"])
        for identifier in reference.get("identifiers", ()):
            assert set(identifier) <= {"type", "value", "description"}
            assert identifier["type"] in ("doi", "other", "swh", "url")


def test_the_references_are_the_sources_that_the_readme_names() -> None:
    sources = " ".join((ROOT / "README.md").read_text().partition("## Sources")[2].split())
    first, second = CITATION["references"]
    assert f"*{first['title']}*" in sources
    for author in first["authors"]:
        assert author["family-names"] in sources
    assert f"*{second['journal']}* {second['volume']}, {second['start']}" in sources
    assert str(first["year"]) in sources
    assert str(second["year"]) in sources


def test_text_fields_are_text() -> None:
    """YAML would read an unquoted title with a colon, or a version 1.0, as something else."""
    texts: list[Any] = [CITATION[key] for key in ("message", "title", "abstract", "version")]
    texts += [reference["title"] for reference in CITATION["references"]]
    assert all(isinstance(text, str) for text in texts)
