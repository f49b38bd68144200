"""What a machine has to have: room on its disk, shared memory, limits that let it work."""

from __future__ import annotations

import os
import resource
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from search.doctor.protocol import Fault, Place, Verdict
from search.host.home import sqlite_file
from search.host.sizes import format_bytes

GB = 1000**3
LEAST_BYTES, FEW_BYTES = GB, 10 * GB
"""Below the first a campaign soon ends; below the second it may."""
FEW_INODES = 10_000
PROBE_BYTES = 1_000_000

SHARED_BYTES = 200 * 1000**2
"""Twice what the object store of a campaign's own Ray takes (search/tune/cluster.py)."""

FEW_FILES, LEAST_FILES = 4096, 1024
FEW_PROCESSES = 2048
"""A node's Ray and each of its workers have some dozens of threads, which count."""

NETWORKS = ("nfs", "nfs4", "cifs", "smb3", "lustre", "gpfs", "beegfs", "glusterfs", "fuse.sshfs")
"""File systems whose locks SQLite should not be trusted to."""


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A folder that is written to: `path` is what exists of it.

    `free` and `total` in bytes; `inodes` that are left (None where there is no such limit);
    `error` is why a file cannot be written there; `database` an SQLite file that lies in it.
    """

    role: str
    path: str
    free: int
    total: int
    inodes: int | None = None
    system: str = ""
    error: str | None = None
    database: str | None = None


class DiskCheck:
    """The disks of the home and of temporary files."""

    name = "disk"
    about = (
        "room and rights in the home and the temporary folder; a megabyte is written, and removed"
    )
    drives, trains, seconds = True, True, 30.0

    refused = Fault(
        status="fail",
        problem="{role} {path} cannot be written: {error}",
        cure="make room or change its rights, or set {variable} to another folder",
    )
    full = Fault(
        status="fail",
        problem="{role} {path} has {free} left",
        bound=f"below {format_bytes(LEAST_BYTES)}",
        cure="make room (`ventral gc`), or set {variable} to a folder on another disk",
    )
    low = Fault(
        status="warning",
        problem="{role} {path} has {free} left",
        bound=f"below {format_bytes(FEW_BYTES)}",
        cure="`ventral gc --dry-run` shows what may go; or set {variable} to another disk",
    )
    inodes = Fault(
        status="warning",
        problem="{role} {path} has room for {inodes} more files",
        bound=f"below {FEW_INODES:,}",
        cure="remove small files there, or set {variable} to a folder on another disk",
    )
    network = Fault(
        status="warning",
        problem="{database} is SQLite on a file system of the network ({system})",
        cure="set VENTRAL_STORE (MLFLOW_TRACKING_URI) to PostgreSQL, or to a file on a local disk",
    )
    faults = (refused, full, low, inodes, network)

    def gather(self, place: Place) -> tuple[Folder, ...]:
        """The facts, as far as they can be had."""
        home = place.home
        files = [sqlite_file(url) for url in (home.store_url, home.tracking_uri)]
        database = next((str(file) for file in files if file and file.parent == home.path), None)
        if place.versions is not None:  # a node, which opens no database
            database = None
        return (
            look_at_folder("the home", home.path, database),
            look_at_folder("the temporary folder", Path(tempfile.gettempdir())),
        )

    def judge(self, facts: tuple[Folder, ...]) -> Iterator[Verdict]:
        """What is wrong with them."""
        for folder in facts:
            variable = "VENTRAL_HOME" if folder.role == "the home" else "TMPDIR"
            values = {"role": folder.role, "path": folder.path, "variable": variable}
            free = format_bytes(folder.free)
            if folder.free < LEAST_BYTES:
                yield self.full.fill(free=free, **values)
            elif folder.error is not None:
                yield self.refused.fill(error=folder.error, **values)
            elif folder.free < FEW_BYTES:
                yield self.low.fill(free=free, **values)
            if folder.inodes is not None and folder.inodes < FEW_INODES:
                yield self.inodes.fill(inodes=folder.inodes, **values)
            if folder.database is not None and folder.system in NETWORKS:
                yield self.network.fill(database=folder.database, system=folder.system)

    def describe(self, facts: tuple[Folder, ...]) -> str:
        """The facts in a line, where nothing is wrong."""
        return ", ".join(
            f"{format_bytes(one.free)} of {format_bytes(one.total)} free in {one.path}"
            for one in facts
        )


def look_at_folder(role: str, folder: Path, database: str | None = None) -> Folder:
    """A folder, or what exists of it: its room, and whether a file can be written there."""
    there = next(one for one in (folder, *folder.parents) if one.exists())
    state = os.statvfs(there)
    return Folder(
        role=role,
        path=str(there),
        free=state.f_bavail * state.f_frsize,
        total=state.f_blocks * state.f_frsize,
        inodes=state.f_favail if state.f_files else None,
        system=find_system(there),
        error=try_write(there),
        database=database,
    )


def try_write(folder: Path) -> str | None:
    """Why a file of a megabyte cannot be written to a folder; None if it can. It is removed."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error.strerror or str(error)
    return None


def find_system(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """The kind of file system that a folder lies on; "" where it is not known."""
    try:
        lines = mounts.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    best, system = -1, ""
    for line in lines:
        words = line.split()
        if len(words) < 3:
            continue
        at = Path(words[1].replace("\\040", " "))
        if folder.resolve().is_relative_to(at) and len(at.parts) >= best:
            best, system = len(at.parts), words[2]
    return system


@dataclass(frozen=True, kw_only=True)
class SharedMemory:
    """/dev/shm, in bytes; None if it is not there."""

    total: int | None
    free: int = 0
    error: str | None = None


class SharedMemoryCheck:
    """Shared memory, in which Ray's object store lies."""

    name = "shared memory"
    about = "/dev/shm, where Ray's object store and PyTorch's workers put what they share"
    drives, trains, seconds = False, True, 20.0

    missing = Fault(
        status="fail",
        problem="there is no /dev/shm",
        cure="mount it: `mount -t tmpfs tmpfs /dev/shm`; in a container, `--shm-size=2g`",
    )
    refused = Fault(
        status="fail",
        problem="/dev/shm cannot be written: {error}",
        cure="chmod 1777 /dev/shm; where it is full, see who uses it: `ls -l /dev/shm`",
    )
    small = Fault(
        status="warning",
        problem="/dev/shm has {free} of {total} free: Ray falls back to /tmp, which is slow",
        bound=f"below {format_bytes(SHARED_BYTES)} free",
        cure="in a container, start it with `--shm-size=2g`; else see `ls -l /dev/shm`",
    )
    faults = (missing, refused, small)

    def gather(self, place: Place) -> SharedMemory:  # noqa: ARG002
        """The facts, as far as they can be had."""
        folder = Path("/dev/shm")
        if not folder.is_dir():
            return SharedMemory(total=None)
        state = os.statvfs(folder)
        return SharedMemory(
            total=state.f_blocks * state.f_frsize,
            free=state.f_bavail * state.f_frsize,
            error=try_write(folder),
        )

    def judge(self, facts: SharedMemory) -> Iterator[Verdict]:
        """What is wrong with them."""
        if facts.total is None:
            yield self.missing.fill()
        elif facts.error is not None:
            yield self.refused.fill(error=facts.error)
        elif facts.free < SHARED_BYTES:
            yield self.small.fill(free=format_bytes(facts.free), total=format_bytes(facts.total))

    def describe(self, facts: SharedMemory) -> str:
        """The facts in a line, where nothing is wrong."""
        return f"{format_bytes(facts.free)} of {format_bytes(facts.total or 0)} free in /dev/shm"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of processes; None where there is none.

    `files` that one may have open (soft and hard), `processes` and threads of this user, `size` of
    a file and of the `memory` of one process in bytes, `processor` seconds of one.
    """

    files: tuple[int | None, int | None]
    processes: int | None = None
    size: int | None = None
    memory: int | None = None
    processor: int | None = None


class LimitsCheck:
    """What a process may use."""

    name = "limits"
    about = "open files, processes, and limits on a process's time, memory and files (`ulimit -a`)"
    drives, trains, seconds = True, True, 10.0

    files = Fault(
        status="fail",
        problem="a process may have {files} files open, and cannot raise that above {hard}",
        bound=f"below {LEAST_FILES:,}",
        cure="raise it: `ulimit -Hn 65536`, LimitNOFILE= of systemd, or /etc/security/limits.conf",
    )
    few_files = Fault(
        status="warning",
        problem="a process may have at most {hard} files open; Ray asks for 8192 on a busy node",
        bound=f"below {FEW_FILES:,}",
        cure="raise it: `ulimit -Hn 65536`, LimitNOFILE= of systemd, or /etc/security/limits.conf",
    )
    processes = Fault(
        status="warning",
        problem="this user may have {processes} processes and threads",
        bound=f"below {FEW_PROCESSES:,}",
        cure="raise it: `ulimit -u 65536`, TasksMax= of systemd, pids_limit of a container",
    )
    processor = Fault(
        status="fail",
        problem="a process is ended after {processor} s of the processor",
        cure="run campaigns where there is no such limit (not on a login node): `ulimit -t`",
    )
    size = Fault(
        status="warning",
        problem="a file may have {size} at most",
        cure="`ulimit -f unlimited`: stores, packs and checkpoints grow beyond it",
    )
    memory = Fault(
        status="warning",
        problem="a process may have {memory} of address space, of which Ray and CUDA map a lot",
        cure="`ulimit -v unlimited`",
    )
    faults = (files, few_files, processes, processor, size, memory)

    def gather(self, place: Place) -> Limits:  # noqa: ARG002
        """The facts, as far as they can be had."""
        processes = [_limit(resource.RLIMIT_NPROC), read_tasks()]
        return Limits(
            files=(_limit(resource.RLIMIT_NOFILE), _limit(resource.RLIMIT_NOFILE, hard=True)),
            processes=min((one for one in processes if one is not None), default=None),
            size=_limit(resource.RLIMIT_FSIZE),
            memory=_limit(resource.RLIMIT_AS),
            processor=_limit(resource.RLIMIT_CPU),
        )

    def judge(self, facts: Limits) -> Iterator[Verdict]:
        """What is wrong with them."""
        soft, hard = facts.files
        if hard is not None and hard < LEAST_FILES:
            yield self.files.fill(files=soft, hard=hard)
        elif hard is not None and hard < FEW_FILES:  # Ray raises the soft one itself
            yield self.few_files.fill(hard=hard)
        if facts.processes is not None and facts.processes < FEW_PROCESSES:
            yield self.processes.fill(processes=facts.processes)
        if facts.processor is not None:
            yield self.processor.fill(processor=facts.processor)
        if facts.size is not None:
            yield self.size.fill(size=format_bytes(facts.size))
        if facts.memory is not None:
            yield self.memory.fill(memory=format_bytes(facts.memory))

    def describe(self, facts: Limits) -> str:
        """The facts in a line, where nothing is wrong."""
        hard, processes = (
            "any number of" if one is None else f"{one:,}"
            for one in (facts.files[1], facts.processes)
        )
        return f"{hard} open files, {processes} processes and threads"


def _limit(kind: int, *, hard: bool = False) -> int | None:
    value = resource.getrlimit(kind)[1 if hard else 0]
    return None if value == resource.RLIM_INFINITY else value


def read_tasks(group: Path = Path("/sys/fs/cgroup/pids.max")) -> int | None:
    """How many tasks the control group may have, in a container; None without a limit."""
    try:
        text = group.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() else None
