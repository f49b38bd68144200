"""Writing that survives a kill: hidden folders, what dead processes left, claims to a folder."""

import errno
import fcntl
import hashlib
import os
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.processes import start_python
from tests.support.waiting import GUARD
from workers import files
from workers.files import partial

DEAD = 2**22 + 1
"""The id of no process: above the largest that a system gives."""


def left_behind(parent: Path, stem: str, owner: object, host: str | None = None) -> Path:
    """A hidden folder as a process `owner` would have left it."""
    folder = parent / f".{stem}.partial-{host or socket.gethostname()}-{owner}-00"
    folder.mkdir()
    (folder / "half").write_text("written")
    return folder


def test_a_written_file_is_whole_and_its_digest_is_that_of_its_bytes(tmp_path: Path) -> None:
    data = os.urandom(300_000)
    files.write(tmp_path / "a", b"what was there before, and longer" * 10_000)
    files.write(tmp_path / "a", data)
    files.settle(tmp_path)
    assert (tmp_path / "a").read_bytes() == data
    assert files.sha256(tmp_path / "a") == hashlib.sha256(data).hexdigest()
    with pytest.raises(OSError, match="No such file"):
        files.write(tmp_path / "nowhere" / "a", data)


@given(st.binary(max_size=200))
def test_the_digest_of_any_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes"
    files.write(path, data)
    assert files.sha256(path) == hashlib.sha256(data).hexdigest()


def test_what_was_not_renamed_is_removed_also_after_an_error(tmp_path: Path) -> None:
    parent = tmp_path / "made" / "too"

    def fail_halfway() -> None:
        with partial(parent, "pack") as hidden:
            assert hidden.name.startswith(".pack.partial-")
            (hidden / "file").write_text("half")
            raise RuntimeError("broken")

    with partial(parent, "pack") as hidden:
        (hidden / "file").write_text("whole")
        hidden.rename(parent / "pack")
    with pytest.raises(RuntimeError, match="broken"):
        fail_halfway()
    assert [path.name for path in parent.iterdir()] == ["pack"]
    assert (parent / "pack" / "file").read_text() == "whole"


def test_only_what_dead_processes_of_this_machine_left_is_cleared_away(tmp_path: Path) -> None:
    gone = left_behind(tmp_path, "pack", DEAD)
    kept = {
        left_behind(tmp_path, "pack", os.getpid()),
        left_behind(tmp_path, "pack", DEAD, host="another-machine"),
        left_behind(tmp_path, "other", DEAD),
        left_behind(tmp_path, "pack", "text"),
    }
    with partial(tmp_path, "pack") as hidden:
        assert not gone.exists()
        assert set(tmp_path.iterdir()) == kept | {hidden}
    assert set(tmp_path.iterdir()) == kept


def test_what_another_user_writes_is_left_to_him(tmp_path: Path) -> None:
    kept = left_behind(tmp_path, "pack", 1)
    with partial(tmp_path, "pack"):
        assert kept.exists()


def test_two_of_one_stem_have_folders_of_their_own(tmp_path: Path) -> None:
    with partial(tmp_path, "a") as one, partial(tmp_path, "a") as two:
        assert one != two
        assert one.is_dir()
        assert two.is_dir()


def test_a_replaced_file_is_the_old_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "made" / "record.json"
    files.replace(file, b"old")
    files.replace(file, b"new")

    def fail(_path: Path, _data: bytes) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(files, "write", fail)
    with pytest.raises(OSError, match="no space"):
        files.replace(file, b"newer")
    assert file.read_bytes() == b"new"
    assert [path.name for path in file.parent.iterdir()] == ["record.json"]


HOLDS = """
import sys, time
from pathlib import Path
from workers.files import hold_lock
with hold_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_lock_is_free_when_its_holder_was_killed(tmp_path: Path) -> None:
    """By this version's processes and by those of earlier ones, which lock the file itself."""
    file = tmp_path / ".lock"
    with start_python(HOLDS, str(file)) as holder, file.open("a") as handle:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n", holder.communicate()
        with pytest.raises(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with ThreadPoolExecutor(1) as pool:
            waits = pool.submit(_take, file)
            assert not waits.done()
            holder.kill()
            assert waits.result(GUARD)


def _take(file: Path) -> bool:
    with files.hold_lock(file):
        return True


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_no_marker_takes_the_place_of_a_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(_handle: int, _operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    for _ in range(2):  # what the first left in the way would keep the second waiting
        with pytest.raises(OSError, match=re.escape(os.strerror(number))):
            _take(tmp_path / ".lock")
