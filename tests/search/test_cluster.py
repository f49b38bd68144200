"""What a machine offers, and ending what a killed driver left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from search.cluster import MARK, Machine, machine, marked, sweep


@pytest.mark.parametrize(
    ("offered", "cpus", "gpus", "slots"),
    [
        ((4, 0), 1, 0, 4),
        ((4, 0), 0.4, 0, 10),
        ((4, 0), 3, 0, 1),
        ((3, 0), 0.1, 0, 30),
        ((16, 2), 1, 1, 2),
        ((16, 2), 1, 2, 1),
        ((16, 2), 1, 0.1, 16),
        ((64, 2), 1, 0.3, 6),  # three on each device, not six and a bit on both
        ((1, 2), 1, 0.1, 1),
    ],
)
def test_slots(offered: tuple[int, int], cpus: float, gpus: float, slots: int) -> None:
    assert Machine(cpus=offered[0], gpus=offered[1]).slots(cpus, gpus) == slots


def test_visible_devices_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,3")
    assert machine().gpus == 2
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert machine().gpus == 0
    assert machine().cpus >= 1


def sleeper(mark: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", "import time; print(1, flush=True); time.sleep(60)"]
    process = subprocess.Popen(command, env=os.environ | {MARK: mark}, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_only_marked_processes_and_the_named_folder_are_swept(tmp_path: Path) -> None:
    ours, other = sleeper("aaaa"), sleeper("aaaab")
    scratch = Path(tempfile.mkdtemp(prefix="ventral-", dir=tmp_path))
    record = tmp_path / "cluster.json"
    record.write_text(json.dumps({"mark": "aaaa", "scratch": str(scratch)}))
    try:
        assert marked("aaaa") == [ours.pid]
        assert sweep(record) == 1
        assert ours.wait(5) == -9
        assert other.poll() is None
        assert not scratch.exists()
        assert not record.exists()
    finally:
        for process in (ours, other):
            process.kill()
            process.wait()


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"mark": "a"}'])
def test_a_missing_or_broken_record_is_no_error(tmp_path: Path, text: str | None) -> None:
    record = tmp_path / "cluster.json"
    if text is not None:
        record.write_text(text)
    began = time.monotonic()
    assert sweep(record) == 0
    assert not record.exists()
    assert time.monotonic() - began < 1


def test_a_folder_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    record = tmp_path / "cluster.json"
    record.write_text(json.dumps({"mark": "bbbb", "scratch": str(precious)}))
    sweep(record)
    assert precious.exists()
