"""Where a space is found: by its name, or in a file of either language."""

from importlib import resources
from pathlib import Path

import pytest

from space.errors import SpaceError
from space.sources import find_source, list_names

FOLDER = resources.files("space") / "spaces"


def test_every_named_space_is_listed_and_found() -> None:
    names = list_names()
    assert {"motifs-2018", "motifs-small"} <= set(names)
    for name in names:
        source = find_source(name, Path("anywhere"), "space")
        assert (source.where, source.folder) == (f"{name}.yaml", Path("anywhere"))
        assert source.document["name"] == name


def test_only_the_notation_keeps_its_text(tmp_path: Path) -> None:
    text = (FOLDER / "motifs-small.yaml").read_text()
    (tmp_path / "short.yaml").write_text(text)
    (tmp_path / "full.yaml").write_text("name: full\ngenome: {stages: []}\n")
    short = find_source("short.yaml", tmp_path, "space")
    assert (short.text, short.folder) == (text, tmp_path)
    full = find_source(tmp_path / "full.yaml", Path(), "space")
    assert (full.text, full.document["name"]) == (None, "full")


def test_what_is_neither_is_one_error_with_the_names(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match=r"space: .*motifs-smal.*motifs-small"):
        find_source("motifs-smal", tmp_path, "space")
