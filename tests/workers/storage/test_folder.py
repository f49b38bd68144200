"""A folder as a storage; what it has in common with others is in test_protocol.py."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from space.errors import InputError
from workers.storage.folder import FolderStorage


def test_what_is_being_written_is_not_listed(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    storage.write("a/b", b"x")
    (tmp_path / "a" / ".group.partial-host-1-2").mkdir()
    (tmp_path / "a" / ".group.partial-host-1-2" / "tensors").write_bytes(b"half")
    assert [one.key for one in storage.list()] == ["a/b"]


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with (
        pytest.raises(InputError, match="not a regular file"),
        FolderStorage(tmp_path).open("fifo"),
    ):
        pass


def test_nothing_is_made_before_something_is_written(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path / "none")
    assert storage.list() == []
    assert storage.groups("a", "b") == []
    assert not (tmp_path / "none").exists()
