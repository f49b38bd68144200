"""Disks, shared memory and limits, as this machine has them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from search.doctor.machine import (
    DiskCheck,
    LimitsCheck,
    SharedMemoryCheck,
    find_system,
    read_tasks,
    try_write,
)
from search.doctor.protocol import Place
from search.host.home import Home

MOUNTS = """\
/dev/vda / ext4 rw 0 0
server:/x /data nfs4 rw 0 0
tmpfs /data/my\\040folder tmpfs rw 0 0
odd
"""


def test_the_kind_of_file_system_is_that_of_the_deepest_mount(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS)
    kinds = {"/home/x": "ext4", "/data/y": "nfs4", "/data/my folder/z": "tmpfs", "/dat": "ext4"}
    for folder, kind in kinds.items():
        assert find_system(Path(folder), mounts) == kind
    assert find_system(Path("/"), tmp_path / "none") == ""


def test_a_home_that_is_not_there_yet_is_looked_at_by_what_is(tmp_path: Path) -> None:
    place = Place(home=Home.at(tmp_path / "new" / "home", {}), environ={})
    home, scratch = DiskCheck().gather(place)
    assert (home.path, home.error) == (str(tmp_path), None)
    assert home.total >= home.free > 0
    assert home.database == str(tmp_path / "new" / "home" / "store.db")
    assert scratch.role == "the temporary folder"
    assert list(tmp_path.iterdir()) == []
    node = DiskCheck().gather(replace(place, versions={}))
    assert node[0].database is None


def test_a_folder_that_cannot_be_written_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert try_write(tmp_path) is None
    assert try_write(tmp_path / "gone") == "No such file or directory"

    def fill(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fill)
    assert try_write(tmp_path) == "No space left on device"
    assert list(tmp_path.iterdir()) == []


def test_this_machine_has_limits_and_shared_memory(tmp_path: Path) -> None:
    place = Place(home=Home.at(tmp_path, {}), environ={})
    limits = LimitsCheck().gather(place)
    assert limits.files[0] is None or limits.files[0] > 0
    shared = SharedMemoryCheck().gather(place)
    assert shared.total is None or shared.total >= shared.free


@pytest.mark.parametrize(("text", "limit"), [("max\n", None), ("512\n", 512), ("", None)])
def test_the_tasks_of_a_control_group(text: str, limit: int | None, tmp_path: Path) -> None:
    file = tmp_path / "pids.max"
    file.write_text(text)
    assert read_tasks(file) == limit
    assert read_tasks(tmp_path / "none") is None
