"""What a machine offers, and ending what a killed driver left behind."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from search.home import Process
from search.machine import Machine, largest, machine, together
from search.tune import cluster
from search.tune.cluster import (
    MARK,
    PRIVATE,
    _Watch,
    marked,
    survey,
    sweep,
)
from space.errors import InputError
from tests.effort import refuse_ray
from tests.waiting import GUARD


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
        assert ours.wait(GUARD) == -9
        assert other.poll() is None
        assert not scratch.exists()
        assert not record.exists()
    finally:
        for process in (ours, other):
            process.kill()
            process.wait()


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"mark": "a"}'])
def test_a_missing_or_broken_record_is_no_error(
    tmp_path: Path, text: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("nothing is waited for"))
    record = tmp_path / "cluster.json"
    if text is not None:
        record.write_text(text)
    assert sweep(record) == 0
    assert not record.exists()


def test_a_folder_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    record = tmp_path / "cluster.json"
    record.write_text(json.dumps({"mark": "bbbb", "scratch": str(precious)}))
    sweep(record)
    assert precious.exists()


def test_what_several_machines_have() -> None:
    machines = [Machine(cpus=4, gpus=0), Machine(cpus=2, gpus=3)]
    assert largest(machines) == Machine(cpus=4, gpus=3)
    assert together(machines) == Machine(cpus=6, gpus=3)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("127.0.0.1:1", "nothing answers there"),
        ("somewhere", "is no address of a Ray cluster"),
        ("ray://somewhere:10001", "Ray's client cannot carry a search"),
    ],
)
def test_an_address_with_no_cluster_is_refused_at_once(
    address: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_ray(monkeypatch)
    with pytest.raises(InputError, match=words):
        survey(address)


def test_a_cluster_of_somebody_s_own_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """What looks like a raylet is asked for its address, unless it is a driver's own."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    code = "import time; print(1, flush=True); time.sleep(60)"
    command = ["/somewhere/raylet", "-c", code, "--gcs-address=127.0.0.1:1"]

    def found(environment: dict[str, str]) -> bool:
        process = subprocess.Popen(
            command,
            executable=sys.executable,
            env=os.environ | environment,
            stdout=subprocess.PIPE,
        )
        try:
            assert process.stdout is not None
            process.stdout.readline()
            with pytest.raises(InputError) as error:
                survey("auto")
            return "127.0.0.1:1" in str(error.value)
        finally:
            process.kill()
            process.wait()

    assert found({})
    assert not found({PRIVATE: "1"})


def test_a_lost_cluster_is_told_once_it_is_silent_for_long() -> None:
    well, told = [True], []
    watch = _Watch(lambda: well[0], 1.0, told.append)
    watch.start()
    time.sleep(1.5)
    assert told == []
    well[0] = False
    watch.join(GUARD)
    assert len(told) == 1


def test_what_forgotten_drivers_left_is_swept_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "SHORT_ROOT", str(tmp_path))
    gone = subprocess.Popen(["true"])
    dead = dataclasses.replace(Process.current(), pid=gone.pid, born="1")
    gone.wait()
    elsewhere = dataclasses.replace(dead, host="another/boot/pid")
    left = sleeper("cccc")
    owners = {"ventral-dead": dead, "ventral-far": elsewhere, "ventral-mine": Process.current()}
    for name, owner in owners.items():
        scratch = tmp_path / name
        scratch.mkdir()
        record = {"mark": "cccc", "scratch": str(scratch), "driver": str(owner)}
        (scratch / "owner.json").write_text(json.dumps(record))
    (tmp_path / "ventral-odd").mkdir()
    (tmp_path / "ventral-odd" / "owner.json").write_text("{")
    try:
        cluster.sweep_forgotten()
        assert left.wait(GUARD) == -9
    finally:
        left.kill()
    kept = {path.name for path in tmp_path.iterdir()}
    assert kept == {"ventral-far", "ventral-mine", "ventral-odd"}
