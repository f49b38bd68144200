"""CHANGELOG.md has the form of Keep a Changelog, and an entry for the version of the package."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
KINDS = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]


def test_versions_are_dated_and_the_newest_comes_first() -> None:
    headings = re.findall(r"^## (.*)$", CHANGELOG, re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    for heading in headings[1:]:
        assert re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}", heading), heading
    versions = [tuple(map(int, re.findall(r"\d+", heading)[:3])) for heading in headings[1:]]
    assert versions == sorted(versions, reverse=True)


def test_the_package_s_version_has_an_entry() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        version = tomllib.load(file)["project"]["version"]
    unreleased = CHANGELOG.partition("## [Unreleased]")[2].partition("\n## ")[0]
    assert f"## [{version}]" in CHANGELOG or version in unreleased


def test_entries_stand_under_the_kinds_of_the_format() -> None:
    for section in re.split(r"^## ", CHANGELOG, flags=re.MULTILINE)[1:]:
        kinds = re.findall(r"^### (.*)$", section, re.MULTILINE)
        assert kinds == [kind for kind in KINDS if kind in kinds]
        for part in re.split(r"^### .*$", section, flags=re.MULTILINE)[1:]:
            assert part.strip().startswith("- ")


def test_its_links_into_the_repository_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", CHANGELOG):
        assert (ROOT / target).exists(), target
