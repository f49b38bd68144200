"""What a driver leaves on a machine when it is killed: Ray's processes and a folder; their end.

Before a driver uses Ray it writes down a `Remains`: into the campaign's folder, and a copy into
the scratch folder itself. `sweep` ends what the first names, `sweep_forgotten` looks for the
copies of drivers whose campaigns were not resumed. Neither believes what a file says: a
file may be planted, or have been copied with its home. They act only on a folder that belongs to
this user, that no other user may enter and that holds the copy of the same record, and end only
processes of this user that carry its mark in their environment.

A driver ends what it left itself by the value that it holds, without reading the files again.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import stat
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from search.host.home import Process
from space.documents.outside import is_folder, read_text
from space.errors import InputError, VentralError
from workers import files

MARK = "VENTRAL_CLUSTER"
"""The environment variable by which a driver's Ray processes are recognised."""

PRIVATE = "VENTRAL_PRIVATE"
"""Set for the processes of a driver's own cluster, which no other driver joins."""

PREFIX = "ventral-"
"""How the names of our scratch folders begin."""

OWNER = "owner.json"
"""In a scratch folder: a copy of the record, for those who know of the folder alone."""

SHORT_ROOT = "/tmp"  # a socket's path may have 107 characters, and Ray adds about 70 of them

SCRATCH_BYTES = 64 * 1024**2
"""Room that Ray needs for its logs and sockets in a temporary folder."""

RECORD_BYTES = 10_000
_MARK = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, kw_only=True)
class Remains:
    """What is left of one use of Ray by `driver` once that is gone.

    `mark` stands in the environment of all its processes (None where the cluster is another's),
    `scratch` is its folder.
    """

    mark: str | None
    scratch: Path
    driver: Process

    @classmethod
    def create(cls, record: Path, folder: Path, mark: str | None) -> Remains:
        """A new scratch folder in `folder`, and the record of it in it and at `record`.

        Raises VentralError if they cannot be written; then there is neither.
        """
        scratch: Path | None = None
        try:
            scratch = Path(tempfile.mkdtemp(prefix=PREFIX, dir=folder))
            remains = cls(mark=mark, scratch=scratch.resolve(), driver=Process.current())
            for file in (scratch / OWNER, record):
                files.replace(file, remains.document().encode())
        except OSError as error:
            if scratch is not None:
                shutil.rmtree(scratch, ignore_errors=True)
            where = error.filename or folder
            raise VentralError(
                f"{where}: cannot be written ({error.strerror}); free some space, or make the "
                "folder writable"
            ) from error
        return remains

    @classmethod
    def read(cls, file: Path) -> Remains | None:
        """The record in a regular file of this user's; None if there is none."""
        try:
            state = file.lstat()
            if not stat.S_ISREG(state.st_mode) or state.st_uid != os.getuid():
                return None
            record = json.loads(read_text(file, RECORD_BYTES))
            mark, scratch_path, driver = (record[key] for key in ("mark", "scratch", "driver"))
            if mark is not None and not _MARK.fullmatch(mark):
                return None
            folder = Path(scratch_path)
            process = Process.parse(driver)
            if not folder.is_absolute() or not 0 < process.pid < 2**31:
                return None
            # The folder itself has to be one, and no link to one.
            scratch = folder.parent.resolve() / folder.name
            return cls(mark=mark, scratch=scratch, driver=process)
        except (OSError, InputError, ValueError, LookupError, TypeError, AttributeError):
            return None
        except RecursionError:  # brackets in brackets
            return None

    def document(self) -> str:
        """The record's JSON; `read` is its inverse."""
        content = {
            "mark": self.mark,
            "scratch": str(self.scratch),
            "driver": str(self.driver),
        }
        return json.dumps(content)

    @property
    def proven(self) -> bool:
        """Whether the folder is one that a driver of this user made, for this very record."""
        with contextlib.suppress(OSError, ValueError):  # a path with a NUL in it
            state = self.scratch.lstat()
            return (
                self.scratch.name.startswith(PREFIX)
                and stat.S_ISDIR(state.st_mode)
                and state.st_uid == os.getuid()
                and not state.st_mode & 0o077
                and Remains.read(self.scratch / OWNER) == self
            )
        return False

    def end(self, patience: float = 5.0) -> int:
        """End its processes and remove its folder. Returns how many had to be killed.

        To be called by its own driver, or for one that is `proven` and whose driver is dead.
        """
        killed: set[int] = set()
        until = time.monotonic() + patience
        # A process that is being killed may just have started another one.
        while self.mark and (pids := find_marked(self.mark)) and time.monotonic() < until:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
                    killed.add(pid)
            time.sleep(0.05)
        shutil.rmtree(self.scratch, ignore_errors=True)
        return len(killed)

    def forget(self, record: Path) -> None:
        """Remove the record, unless another driver's stands there by now."""
        if Remains.read(record) == self:
            record.unlink(missing_ok=True)


def sweep(record: Path) -> int:
    """End what the driver left that wrote `record`, and remove the record.

    Returns the number of processes that had to be killed. Nothing is touched while that driver
    lives on this machine; whether one elsewhere does cannot be seen from here, and the caller has
    to know that it is silent. Of a record that proves nothing only the file itself is removed.
    """
    remains = Remains.read(record)
    if remains is not None and remains.driver.alive():
        return 0
    killed = 0
    if remains is not None and remains.proven:
        # Of a driver that cannot be seen from here no process can be, either.
        here = remains.driver.alive() is False
        killed = (remains if here else replace(remains, mark=None)).end()
    if not record.is_dir() or record.is_symlink():
        record.unlink(missing_ok=True)
    return killed


def sweep_forgotten() -> None:
    """End and remove what drivers of this machine left that were killed, and whose campaigns
    were not resumed.
    """
    for root in _roots():
        for file in root.glob(f"{PREFIX}*/{OWNER}"):
            remains = Remains.read(file)
            if remains is None or remains.scratch != root.resolve() / file.parent.name:
                continue
            if remains.driver.alive() is False and remains.proven:
                remains.end()


def scratch_root() -> Path:
    """Where a cluster's scratch folder is made: a temporary folder with room in it.

    Raises VentralError if there is none.
    """
    full = ""
    for root in _roots():
        free = shutil.disk_usage(root).free
        if free >= SCRATCH_BYTES:
            return root
        full = f"{root} has {free // 1024**2} MB of free space left"
    problem = full or "no temporary folder can be written to"
    needed = f"Ray needs {SCRATCH_BYTES // 1024**2} MB in a temporary folder"
    raise VentralError(f"{problem}; {needed}: free some, or set TMPDIR to another folder")


def _roots() -> list[Path]:
    """The temporary folders that scratch folders are made in, the first choice first."""
    roots = []
    for name in (SHORT_ROOT, os.environ.get("TMPDIR") or SHORT_ROOT):
        root = Path(name)
        if is_folder(root) and os.access(root, os.W_OK) and root not in roots:
            roots.append(root)
    return roots


def find_marked(mark: str) -> list[int]:
    """The live processes of this user, this one aside, that carry a mark in their environment."""
    marked = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            # A zombie's environment is empty: it is not found, as it should be. The owner is asked
            # of few: another user's environment may be read by root alone.
            mine = process.environ().get(MARK) == mark and process.uids().real == os.getuid()
            if mine and process.pid != os.getpid():
                marked.append(process.pid)
    return marked


def new_mark() -> str:
    """A mark that no other process carries."""
    return secrets.token_hex(8)
