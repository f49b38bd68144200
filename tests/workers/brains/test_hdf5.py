from __future__ import annotations

import os
import re
from pathlib import Path

import h5py
import pytest

from space.errors import DataError
from workers.brains.hdf5 import decode_text, refuse_damage


def test_damage_is_one_error_with_the_file_and_its_kind(tmp_path: Path) -> None:
    path = tmp_path / "cut.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n")
    line = f"{re.escape(str(path))}: cannot be read as NWB \\("
    with pytest.raises(DataError, match=line), refuse_damage(path, "NWB"), h5py.File(path):
        pass
    with pytest.raises(DataError, match=r"^here: is wrong$"), refuse_damage(path, "NWB"):
        raise DataError("here", "is wrong")


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.h5"
    os.mkfifo(pipe)
    with pytest.raises(DataError, match="is not a regular file"), refuse_damage(pipe, "NWB"):
        raise AssertionError("it was opened")


def test_texts_are_bytes_in_the_file() -> None:
    assert [decode_text(value) for value in (b"V4 \xc3\xa9", b"\xff", "IT", 3)] == [
        "V4 é",
        "\ufffd",
        "IT",
        "3",
    ]
