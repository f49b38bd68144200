"""Packs: mapped, not read, and never silently altered."""

import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from space.errors import DataError
from workers.data.pack import Pack
from workers.data.packing import pack
from workers.data.specs import Digits, DigitsOccluded

SPEC = DigitsOccluded(size=16, train_images=300, test_images=100)


def test_a_moved_pack_is_the_same(tmp_path: Path) -> None:
    made = pack(SPEC, tmp_path / "a")
    shutil.copytree(made.path, tmp_path / "b")
    assert Pack.load(tmp_path / "b", made.checksum).checksum == made.checksum


def flip_byte(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("name", ["train.images.npy", "test.labels.npy", "manifest.json"])
def test_an_altered_byte_is_found(tmp_path: Path, name: str) -> None:
    made = pack(SPEC, tmp_path)
    flip_byte(made.path / name, -20)
    with pytest.raises(DataError, match=name) as caught:
        Pack.load(made.path)
    assert f"delete {made.path}" in caught.value.cure


def test_a_byte_altered_behind_the_clock_is_found_on_demand(tmp_path: Path) -> None:
    made = pack(SPEC, tmp_path)
    path = made.path / "train.images.npy"
    before = path.stat()
    flip_byte(path, -1)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    Pack.load(made.path)
    with pytest.raises(DataError, match="was altered"):
        Pack.load(made.path, verify=True)


def test_wrong_packs_are_refused(tmp_path: Path) -> None:
    made = pack(SPEC, tmp_path)
    with pytest.raises(DataError, match="holds other images"):
        Pack.load(made.path, "0" * 64)
    with pytest.raises(DataError, match="holds no pack"):
        Pack.load(tmp_path / "none")
    with (made.path / "test.images.npy").open("ab") as file:
        file.write(b"x")
    with pytest.raises(DataError, match=r"has \d+ bytes where \d+ were packed"):
        Pack.load(made.path)
    manifest = json.loads((made.path / "manifest.json").read_text())
    manifest["format"] = 99
    (made.path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DataError, match="format 99"):
        Pack.load(made.path)


def test_opening_a_pack_is_quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read through a second time, and arrays are mapped."""
    made = pack(Digits(), tmp_path)
    Pack.load(made.path)
    monkeypatch.setattr("workers.files.sha256", lambda path: pytest.fail(f"{path} is read"))
    images = Pack.load(made.path, made.checksum).images("train")
    assert isinstance(images.base, np.memmap) or isinstance(images, np.memmap)


def test_the_checksum_is_of_the_files(tmp_path: Path) -> None:
    made = pack(Digits(), tmp_path)
    for name, entry in made.manifest.files.items():
        assert hashlib.sha256((made.path / name).read_bytes()).hexdigest() == entry.sha256
