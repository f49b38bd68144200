"""Data sets of other packages: packed as the others, and held to what a `Source` is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from space.errors import DataError, InputError
from tests.support.packages import install, install_page
from workers.data.datasets import describe, open_source
from workers.data.outside import close_spec, load_class
from workers.data.packing import pack
from workers.data.specs import OutsideData, data_spec

BARS = {"name": "my_package.bars:Bars", "size": 8}

BAD = """
from dataclasses import replace

import numpy as np
from pydantic import BaseModel
from workers.data.source import Source, Split


class Good:
    version = "1"

    class Options(BaseModel, extra="forbid"):
        labels: int = 4
        channels: int = 1
        side: int = 8
        splits: int = 2
        kind: str = "uint8"
        own: int = 2
        origins: int = 0

    def __init__(self, size, seed, options):
        self.options = options

    def open(self):
        options = self.options
        split = Split(
            labels=np.arange(options.labels) % 2,
            read=lambda places: np.zeros(
                (len(places), options.side, options.side, options.channels), options.kind
            ),
        )
        names = ["train", "test", "validation"][: options.splits]
        splits = {name: split for name in names}
        if options.origins:
            splits["train"] = replace(split, origins=np.zeros(options.origins, dtype=int))
        if "validation" in splits:
            splits["validation"] = replace(split, labels=np.arange(options.own))
        return Source(
            classes=("a", "b"), channels=options.channels, fingerprint="", splits=splits
        )


class Unversioned(Good):
    version = None


class Nothing(Good):
    def open(self):
        return {}


class Outside(Good):
    def open(self):
        source = super().open()
        source.splits["train"].labels[:] = 7
        return source
"""


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = install_page(tmp_path / "site")
    install(folder, {"bad_package/bad.py": BAD}, name="bad-package")
    monkeypatch.syspath_prepend(folder)
    yield folder
    for name in [name for name in sys.modules if name.split(".")[0] in PACKAGES]:
        del sys.modules[name]


PACKAGES = ("my_package", "bad_package")
GOOD = {"name": "bad_package.bad:Good", "validation": 0}


def change(installed: Path, old: str, new: str) -> None:
    """Another version of the package is installed, and Python started anew."""
    file = installed / "my_package" / "bars.py"
    file.write_text(file.read_text().replace(old, new))
    for name in [name for name in sys.modules if name.split(".")[0] in PACKAGES]:
        del sys.modules[name]
    for cached in (installed / "my_package").glob("__pycache__/*"):
        cached.unlink()


def test_it_is_packed_as_the_others_are(tmp_path: Path) -> None:
    made = pack(data_spec({**BARS, "images": 60, "train_images": 40}), tmp_path / "packs")
    assert (made.splits, made.size) == ({"train": 40, "validation": 6, "test": 15}, 8)
    assert made.classes == ["across", "down"]
    assert made.images("train").max() == 255
    again = data_spec(made.spec)
    assert pack(again, tmp_path / "packs").path == made.path, "its manifest says how it was made"


def test_a_validation_split_of_its_own_is_taken_whole() -> None:
    facts = GOOD | {"size": 8, "splits": 3, "validation": 0.1}
    source = open_source(data_spec(facts))
    assert [len(source.splits[name].labels) for name in source.splits] == [4, 2, 4]
    assert source.validation == "its own"
    assert set(open_source(data_spec(facts | {"validation": 0})).splits) == {"train", "test"}


def test_one_data_set_is_one_pack_however_it_is_written(tmp_path: Path) -> None:
    """By its options, with the defaults written out or not."""
    default = pack(data_spec(BARS), tmp_path)
    assert pack(data_spec({**BARS, "images": 200}), tmp_path).path == default.path
    other = pack(data_spec({**BARS, "images": 100}), tmp_path)
    assert other.path != default.path
    assert other.checksum != default.checksum


def test_another_version_is_packed_anew(tmp_path: Path, installed: Path) -> None:
    first = pack(data_spec(BARS), tmp_path / "packs")
    change(installed, 'version = "1"', 'version = "2"')
    second = pack(data_spec(BARS), tmp_path / "packs")
    assert second.path != first.path
    assert second.checksum == first.checksum, "the images are the same"
    change(installed, "= 255", "= 254")
    change(installed, 'version = "2"', 'version = "3"')
    assert pack(data_spec(BARS), tmp_path / "packs").checksum != first.checksum


def test_entry_points_are_listed_and_named() -> None:
    rows = {info.name: info for info in describe()}
    assert rows["bars"].origin == "my-package"
    assert "my_package.bars" not in sys.modules, "a list loads no code"
    spec = data_spec({**BARS, "name": "bars"})
    assert isinstance(spec, OutsideData)
    assert close_spec(spec).options == {"images": 200}
    assert load_class("bars").version == "1"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": "bars", "imgaes": 3}, 'data: unknown key "imgaes"; did you mean "images"?'),
        ({"images": 3}, "data.images: 3 is not at least 8"),
        ({"name": "bad_package.bad:Unversioned"}, "data.name: .* it has no text version"),
        ({"name": "bad_package.bad:Source"}, "is not a data set: it has no pydantic model"),
        ({"name": "bad_package.bad:Nothing"}, "opens a dict, and no Source"),
        ({"name": "bad_package.bad:Outside"}, "labels of train outside of its 2 classes"),
        ({"name": "bad_package.bad:Good", "channels": 65}, "has 65 channels, and not 1 to 64"),
        ({"name": "bad_package.bad:Good", "splits": 1}, "the splits train, and not train and"),
        ({"name": "bad_package.bad:Good", "labels": 0}, "has no images of train"),
        ({**GOOD, "side": 9}, r"gives uint8 \(4, 9, 9, 1\) for uint8 "),
        ({**GOOD, "kind": "float32"}, "gives float32"),
        ({**GOOD, "validation": 0.1, "splits": 3, "own": 1}, "no image of validation .* 'b'"),
        ({**GOOD, "origins": 3}, "origins of train that are no array"),
        ({**GOOD, "origins": 4}, "images of train of one origin and two classes"),
        ({**GOOD, "validation": 0.1}, "validation: 0.1 leaves no image .* 'a', which has 2"),
        ({"name": "nobody.here:Data"}, "no installed distribution has a module nobody"),
    ],
)
def test_what_is_no_data_set_is_refused(
    tmp_path: Path, changes: dict[str, Any], expected: str
) -> None:
    with pytest.raises(DataError, match=expected):
        pack(data_spec(BARS | changes), tmp_path / "packs")
    assert not list((tmp_path / "packs").glob("[!.]*")), "nothing is left"


def test_the_size_has_to_be_written() -> None:
    with pytest.raises(InputError, match=r"size: missing"):
        data_spec({"name": "bars"})


def test_images_are_read_by_their_places() -> None:
    source = open_source(data_spec({**BARS, "test_images": 10}))
    images = source.splits["test"].read(np.array([3, 1]))
    assert images.shape == (2, 8, 8, 1)
    assert source.fingerprint == "1 "
