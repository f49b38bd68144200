"""A pack's manifest: checked field by field, and the files that it names read through when due."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from space.errors import DataError
from workers import files
from workers.data.manifest import (
    MANIFEST,
    STAMP,
    File,
    manifest_checksum,
    read_manifest,
    verify_files,
)

NAMES = ("train.images.npy", "train.labels.npy", "test.images.npy", "test.labels.npy")
VALIDATION = ("validation.images.npy", "validation.labels.npy")


def facts(**changes: Any) -> dict[str, Any]:
    """A manifest without its checksum."""
    document: dict[str, Any] = {
        "format": 1,
        "spec": {"name": "digits"},
        "classes": ["a", "b"],
        "size": 8,
        "channels": 1,
        "counts": {"train": 2, "test": 1},
        "mean": [0.5],
        "std": [0.25],
        "files": {name: {"bytes": 3, "sha256": "0"} for name in NAMES},
    }
    return document | changes


def sealed(folder: Path, document: dict[str, Any]) -> Path:
    """The folder, with a manifest whose checksum is right."""
    whole = document | {"checksum": manifest_checksum(document)}
    (folder / MANIFEST).write_text(json.dumps(whole))
    return folder


def test_a_manifest_comes_back_and_its_checksum_is_of_keys_that_are_not_known_too(
    tmp_path: Path,
) -> None:
    plain = read_manifest(sealed(tmp_path, facts()))
    assert (plain.size, plain.counts) == (8, {"train": 2, "test": 1})
    three = facts(
        counts={"train": 2, "validation": 1, "test": 1},
        files={name: {"bytes": 3, "sha256": "0"} for name in (*NAMES, *VALIDATION)},
    )
    assert set(read_manifest(sealed(tmp_path, three)).counts) == {"train", "validation", "test"}
    later = read_manifest(sealed(tmp_path, facts(more="of a later version")))
    assert later.checksum != plain.checksum
    shuffled = dict(reversed(facts().items()))
    assert read_manifest(sealed(tmp_path, shuffled)).checksum == plain.checksum


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"format": 2}, "is of format 2, this version of Ventral reads 1; pack the data again"),
        ({"format": "1"}, "cannot be read (format"),
        ({"channels": 0}, "cannot be read (channels"),
        ({"mean": [0.5, 0.5]}, "not one mean and std for each of 1 channels"),
        ({"std": [-1]}, "cannot be read (std[0]"),
        ({"classes": []}, "cannot be read (classes"),
        ({"counts": {"train": 2}}, "names the splits train"),
        ({"counts": {"train": 2, "test": 0}}, "cannot be read (counts.test"),
        ({"files": {}}, "not test.images.npy, test.labels.npy, train.images.npy"),
    ],
)
def test_a_manifest_of_another_form_is_refused_by_its_field(
    tmp_path: Path, changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(DataError) as caught:
        read_manifest(sealed(tmp_path, facts(**changes)))
    assert problem in str(caught.value)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", '{"format": 1', "\x00", '{"a": 1, "a": 2}'])
def test_what_is_no_manifest_is_one_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match="holds no pack; make one with `ventral data pack`"):
        read_manifest(tmp_path)
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(DataError, match=r"manifest\.json: cannot be read .* and pack the data"):
        read_manifest(tmp_path)


def test_a_changed_fact_is_seen_by_the_checksum(tmp_path: Path) -> None:
    text = (sealed(tmp_path, facts()) / MANIFEST).read_text()
    (tmp_path / MANIFEST).write_text(text.replace('"size": 8', '"size": 9'))
    with pytest.raises(DataError, match="was altered after it was packed"):
        read_manifest(tmp_path)


@pytest.fixture
def packed(tmp_path: Path) -> dict[str, File]:
    """Two files in the folder, as they were packed."""
    for name in ("a", "b"):
        (tmp_path / name).write_text(f"of {name}")
    return {n: File(bytes=4, sha256=files.sha256(tmp_path / n)) for n in ("a", "b")}


def test_files_are_read_through_once_and_again_when_asked_for_or_touched(
    tmp_path: Path, packed: dict[str, File], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    sha256 = files.sha256

    def noted(path: Path) -> str:
        read.append(path.name)
        return sha256(path)

    monkeypatch.setattr(files, "sha256", noted)
    verify_files(tmp_path, packed, always=False)
    assert read == ["a", "b"]
    verify_files(tmp_path, packed, always=False)
    assert read == ["a", "b"]
    verify_files(tmp_path, packed, always=True)
    os.utime(tmp_path / "a", ns=(1, 1))
    verify_files(tmp_path, packed, always=False)
    (tmp_path / STAMP).write_text("{")
    verify_files(tmp_path, packed, always=False)
    assert read == ["a", "b"] * 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", STAMP]


@pytest.mark.parametrize("always", [False, True])
def test_a_file_that_is_another_is_named(
    tmp_path: Path, packed: dict[str, File], always: bool
) -> None:
    (tmp_path / "b").write_text("OF b")
    with pytest.raises(DataError, match=r"b: was altered after it was packed; delete"):
        verify_files(tmp_path, packed, always=always)
    assert not (tmp_path / STAMP).exists()
    (tmp_path / "b").write_text("longer")
    with pytest.raises(DataError, match="b: has 6 bytes where 4 were packed"):
        verify_files(tmp_path, packed, always=always)
    (tmp_path / "b").unlink()
    with pytest.raises(DataError, match=r"b: cannot be read \(No such file"):
        verify_files(tmp_path, packed, always=always)


def test_a_folder_that_cannot_be_written_is_read_through_each_time(
    tmp_path: Path, packed: dict[str, File], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: Path, _data: bytes) -> None:
        raise OSError("read-only file system")

    monkeypatch.setattr(files, "write", refuse)
    verify_files(tmp_path, packed, always=False)
    assert not (tmp_path / STAMP).exists()
