"""What a machine offers, and the way to a running cluster."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from search import machine as machines
from search.machine import Machine, largest, machine, together
from search.tune import access
from search.tune.cluster import _Watch
from search.tune.joining import _check_admission, survey
from search.tune.remains import PRIVATE
from space.errors import InputError
from tests.support.effort import refuse_ray
from tests.support.waiting import GUARD


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


LISTED = """\
GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-11111111-aaaa)
GPU 1: NVIDIA H100 80GB HBM3 (UUID: GPU-22222222-bbbb)
  MIG 1g.10gb     Device  0: (UUID: MIG-33333333-cccc)
"""


@pytest.mark.parametrize(
    ("visible", "gpus"),
    [
        (None, 2),
        ("", 0),
        ("-1", 0),
        ("NoDevFiles", 0),
        ("0", 1),
        ("1,0", 2),
        ("0,3", 1),
        ("3,0", 0),  # CUDA reads no further
        ("0,0", 1),
        ("GPU-2222", 1),
        ("GPU-", 0),
        ("MIG-33333333-cccc", 1),
        ("9" * 40, 0),
        ("\u0663", 0),
    ],
)
def test_gpus_are_those_that_the_driver_lists_and_cuda_may_see(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, visible: str | None, gpus: int
) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\ncat <<'END'\n{LISTED}END\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert machine().gpus == gpus


def test_visible_numbers_make_no_gpu_where_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setattr(machines, "DRIVER", tmp_path)
    assert machine().gpus == 0
    device = tmp_path / "0000:01:00.0"
    device.mkdir()
    (device / "information").write_text("Model: \t NVIDIA\nGPU UUID: \t GPU-4444\n")
    assert machine().gpus == 1


def test_the_processors_are_those_that_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines, "usable_processors", lambda: 3)
    assert machine().cpus == 3


def test_what_several_machines_have() -> None:
    machines = [Machine(cpus=4, gpus=0), Machine(cpus=2, gpus=3)]
    assert largest(machines) == Machine(cpus=4, gpus=3)
    assert together(machines) == Machine(cpus=6, gpus=3)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("127.0.0.1:1", "nothing answers there"),
        ("somewhere", "is not the address of a Ray cluster"),
        ("ray://somewhere:10001", "Ray's client cannot carry a search"),
    ],
)
def test_an_address_with_no_cluster_is_refused_at_once(
    address: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_ray(monkeypatch)
    with pytest.raises(InputError, match=words):
        survey(address)


def test_a_token_that_a_variable_keeps_from_being_used_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(access.MODE, "disabled")
    monkeypatch.setenv(access.TOKEN, "0" * 64)
    monkeypatch.setattr(access, "probe", lambda _address, _settings: "refused")
    with pytest.raises(InputError, match="RAY_AUTH_MODE=disabled leaves the one here") as error:
        _check_admission("127.0.0.1:1")
    assert error.value.cure == "unset RAY_AUTH_MODE"


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
    well, told = [True], list[Exception]()
    watch = _Watch(lambda: well[0], 1.0, told.append)
    watch.start()
    time.sleep(1.5)
    assert told == []
    well[0] = False
    watch.join(GUARD)
    assert len(told) == 1
