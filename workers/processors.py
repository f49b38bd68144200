"""How many processors this process may use, which may be fewer than the machine has."""

import math
import os
import re
from collections.abc import Iterator
from pathlib import Path


def usable_processors(proc: Path = Path("/proc/self")) -> int:
    """The cores that this process may run on, cut to its control groups' quota; at least 1.

    A container or a batch job often gets a share of a machine's time and not some of its cores:
    the quota (cgroup v2 or v1, a part of a core rounded up) of the process's own group and of all
    groups above it counts. `proc` is the process's folder of the proc file system.
    """
    cores = _cores()
    quotas = [math.ceil(quota) for quota in _quotas(proc)]
    return max(1, min([cores, *quotas]))


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quotas(proc: Path) -> Iterator[float]:
    """Every quota on the process, in cores."""
    groups = _groups(_text(proc / "cgroup"))
    for line in _text(proc / "mountinfo").splitlines():
        left, _, right = line.partition(" - ")
        fields, system = left.split(), right.split()
        if len(fields) < 5 or len(system) < 3:
            continue
        root, mount = (_unescape(field) for field in fields[3:5])
        if system[0] == "cgroup2":
            group = groups.get("")
        elif system[0] == "cgroup" and "cpu" in system[2].split(","):
            group = groups.get("cpu")
        else:
            continue
        if group is not None:
            for folder in _folders(Path(mount), root, group):
                if (quota := _quota(folder)) is not None:
                    yield quota


def _groups(text: str) -> dict[str, str]:
    """{controller: path of the process's group}; that of cgroup v2 is named ""."""
    parts = [line.split(":", 2) for line in text.splitlines() if line.count(":") >= 2]
    return {name: path for _, names, path in parts for name in names.split(",")}


def _folders(mount: Path, root: str, group: str) -> Iterator[Path]:
    """The group's folder and those above it; only the mount where the group lies outside it.

    A container often sees its own group as the mount, and its name as the host writes it.
    """
    try:
        inner = Path(group).relative_to(root)
    except ValueError:
        inner = Path()
    if ".." in inner.parts:
        inner = Path()
    for part in (inner, *inner.parents):
        yield mount / part


def _quota(folder: Path) -> float | None:
    """A group's quota in cores, None without one."""
    words = _text(folder / "cpu.max").split()
    if not words:
        words = [_text(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")]
    try:
        quota, period = (int(number) for number in words)
    except ValueError:  # "max 100000", or no such file
        return None
    return quota / period if quota > 0 and period > 0 else None


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="surrogateescape")
    except OSError:
        return ""


def _unescape(field: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)
