"""How many processors a process may use, with control groups as files of our own."""

import os
from pathlib import Path

import pytest

from workers.processors import usable_processors


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(8)), raising=False)


def _process(folder: Path, groups: str, mounts: list[str]) -> Path:
    """A process's folder of the proc file system that names these groups and mounts."""
    proc = folder / "proc"
    proc.mkdir()
    (proc / "cgroup").write_text(groups)
    (proc / "mountinfo").write_text("".join(f"{mount}\n" for mount in mounts))
    return proc


def _unified(folder: Path, quotas: dict[str, str], group: str, root: str = "/") -> Path:
    """A process in a group of cgroup v2, with the text of cpu.max by group."""
    mount = folder / "with space"
    for name, text in quotas.items():
        (mount / name).mkdir(parents=True, exist_ok=True)
        (mount / name / "cpu.max").write_text(text)
    escaped = str(mount).replace(" ", r"\040")
    line = f"31 23 0:28 {root} {escaped} rw,nosuid shared:4 - cgroup2 cgroup2 rw"
    return _process(folder, f"0::{group}\n", ["23 1 0:20 / / rw - ext4 /dev/sda rw", line])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("100000 100000", 1),
        ("150000 100000", 2),
        ("20000 100000", 1),
        ("1600000 100000", 8),
        ("max 100000", 8),
        ("", 8),
        ("nonsense", 8),
        ("100000 0", 8),
    ],
)
def test_a_quota_is_rounded_up_to_whole_cores(tmp_path: Path, text: str, expected: int) -> None:
    assert usable_processors(_unified(tmp_path, {"job": text}, "/job")) == expected


def test_the_least_quota_of_all_groups_above_counts(tmp_path: Path) -> None:
    quotas = {"slurm": "max 100000", "slurm/job": "300000 100000", "slurm/job/step": "max 100000"}
    assert usable_processors(_unified(tmp_path, quotas, "/slurm/job/step")) == 3


@pytest.mark.parametrize(
    ("root", "group"),
    [("/", "/"), ("/docker/abc", "/docker/abc"), ("/", "/../other"), ("/x", "/y")],
)
def test_a_container_finds_its_group_at_the_mount(tmp_path: Path, root: str, group: str) -> None:
    proc = _unified(tmp_path, {".": "200000 100000"}, group, root)
    assert usable_processors(proc) == 2


@pytest.mark.parametrize(("quota", "expected"), [("250000", 3), ("-1", 8)])
def test_groups_of_version_1_are_read_too(tmp_path: Path, quota: str, expected: int) -> None:
    group = tmp_path / "cpu" / "job"
    group.mkdir(parents=True)
    (group / "cpu.cfs_quota_us").write_text(f"{quota}\n")
    (group / "cpu.cfs_period_us").write_text("100000\n")
    mounts = [
        f"32 31 0:29 / {tmp_path}/memory rw - cgroup cgroup rw,memory",
        f"33 31 0:30 / {tmp_path}/cpu rw - cgroup cgroup rw,cpu,cpuacct",
    ]
    proc = _process(tmp_path, "3:memory:/other\n2:cpu,cpuacct:/job\n", mounts)
    assert usable_processors(proc) == expected


def test_without_control_groups_the_cores_count(tmp_path: Path) -> None:
    assert usable_processors(tmp_path) == 8


def test_fewer_cores_than_the_quota_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: {3}, raising=False)
    assert usable_processors(_unified(tmp_path, {"job": "400000 100000"}, "/job")) == 1
