"""Writing that survives a kill at any moment: nothing half written is ever seen under its name."""

import hashlib
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write(path: Path, data: bytes) -> None:
    """Write a new file and wait until it is on the disk. Raises OSError, on a full disk say."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def settle(folder: Path) -> None:
    """Wait until the names in `folder` (new files, renamed ones) are on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256(path: Path) -> str:
    """Hex digest of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def partial(parent: Path, stem: str) -> Iterator[Path]:
    """A fresh hidden folder in `parent` to write into and then rename; removed if still there.

    What killed processes of this machine left of the same stem is removed first.
    """
    parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{stem}.partial-{socket.gethostname()}-"
    for left in parent.glob(f"{prefix}*"):
        owner = left.name.removeprefix(prefix).partition("-")[0]
        if owner.isdigit() and not _runs(int(owner)):
            shutil.rmtree(left, ignore_errors=True)
    folder = parent / f"{prefix}{os.getpid()}-{os.urandom(4).hex()}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _runs(pid: int) -> bool:
    """Whether there is a process of that number on this machine, whoever's it is."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # another user's
        return True
    return True


@contextmanager
def hold_lock(file: Path) -> Iterator[None]:
    """Hold the lock at `file`, which is made and stays; wait while another process holds it.

    A holder that is killed loses it. Raises OSError where no file can be made, and on a file
    system without locks: a marker in a lock's place would outlive a holder on another machine.
    """
    import filelock  # not for reading an export, which passes this module

    with filelock.FileLock(file, fallback_to_soft=False):
        yield


def replace(file: Path, data: bytes) -> None:
    """Write a file, or write it anew, all of it or nothing. Raises OSError; then nothing is left.

    The folder is made if it is not there.
    """
    with partial(file.parent, file.name) as hidden:
        write(hidden / file.name, data)
        (hidden / file.name).replace(file)
        settle(file.parent)
