"""Exports opened side by side: of the same images, under names that differ."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.host.home import Home
from search.upkeep.looks import name_apart, open_exports, record_looks
from space.errors import DataError, InputError
from tests.support.exports import write_trained
from workers.data.pack import Pack
from workers.data.packing import pack
from workers.data.specs import DigitsOccluded


@pytest.fixture
def digits(home: Home) -> Pack:
    """The data of the exports, in the home."""
    spec = DigitsOccluded(size=8, train_images=60, test_images=50)
    return pack(spec, home.ensure(home.data))


def test_exports_of_other_images_are_not_compared(
    home: Home, digits: Pack, tmp_path: Path
) -> None:
    others = pack(DigitsOccluded(size=8, train_images=60, test_images=51), home.data)
    folders = [
        str(write_trained(tmp_path / name, data))
        for name, data in (("one", digits), ("b", others))
    ]
    with pytest.raises(InputError, match="b: it was scored on other images than one; name one"):
        open_exports(folders, home, "test", None)
    opened = open_exports(folders, home, "test", others.path)
    assert {one.data.checksum for one in opened.values()} == {others.checksum}


def test_what_does_not_fit_is_refused(home: Home, digits: Pack, tmp_path: Path) -> None:
    export = write_trained(tmp_path / "one", digits)
    renamed = write_trained(tmp_path / "renamed", digits, classes=("a",) * 10)
    with pytest.raises(InputError, match=r"--data: .* its classes are not those of"):
        open_exports([str(renamed)], home, "test", digits.path)
    with pytest.raises(DataError, match="nowhere"):
        open_exports([str(export)], home, "test", tmp_path / "nowhere")
    selected = write_trained(
        tmp_path / "selected", digits, recipe={"train_on": "train+validation"}
    )
    with pytest.raises(InputError, match="was trained on the validation images"):
        open_exports([str(selected)], home, "validation", None)
    plain = pack(DigitsOccluded(size=8, train_images=60, test_images=50, validation=0), home.data)
    with pytest.raises(InputError, match="has no validation split"):
        open_exports([str(export)], home, "validation", plain.path)


def test_names_are_short_where_they_differ() -> None:
    assert name_apart(["a/cell", "b/other/"]) == ["cell", "other"]
    assert name_apart(["a/cell", "b/cell"]) == ["a/cell", "b/cell"]
    long = ["a" * 90, "b" + "a" * 90]
    assert name_apart([long[0]]) == ["a" * 80]
    assert name_apart(long) == long
    with pytest.raises(InputError, match="a/cell: is named twice"):
        name_apart(["a/cell", "a/cell"])


def test_a_look_at_validation_is_not_put_on_record(home: Home) -> None:
    assert record_looks([], [], home, "validation", "by hand") == []
