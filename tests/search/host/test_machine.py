"""What a machine offers: trials that fit at once, and the GPUs that CUDA would see."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from search.host import machine as machines
from search.host.machine import Machine, largest, machine, together

UUIDS = ["GPU-aaaa1111", "GPU-aabb2222", "GPU-cccc3333"]


@pytest.mark.parametrize(
    ("cpus", "gpus", "slots"),
    [
        (1, 0, 8),
        (3, 0, 2),
        (0.1, 0, 80),
        (0.8, 0, 10),  # 8 / 0.8, whatever rounding makes of it
        (1, 1, 2),
        (1, 0.5, 4),
        (1, 0.4, 4),  # two a device: no trial lives on two
        (1, 2, 1),
        (9, 0, 0),
    ],
)
def test_trials_fit_by_cores_and_by_whole_devices(cpus: float, gpus: float, slots: int) -> None:
    assert Machine(cpus=8, gpus=2).slots(cpus, gpus) == slots


def test_machines_are_compared_and_summed_by_what_they_have() -> None:
    first, second = Machine(cpus=8, gpus=0, name="a"), Machine(cpus=4, gpus=2, name="b")
    assert first == Machine(cpus=8, gpus=0, name="another")
    assert largest([first, second]) == Machine(cpus=8, gpus=2)
    assert together([first, second]) == Machine(cpus=12, gpus=2)
    assert together([first, second]).name == "a"


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of three devices, as NVIDIA's driver lists them, without its tool."""
    for number, uuid in enumerate(UUIDS):
        folder = tmp_path / f"0000:0{number}:00.0"
        folder.mkdir()
        (folder / "information").write_text(f"Model: X\nGPU UUID: \t {uuid}\nVideo BIOS: y\n")
    monkeypatch.setattr(machines, "DRIVER", tmp_path)
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.usefixtures("driver")
def test_every_device_of_the_driver_counts() -> None:
    assert machine().gpus == 3


@pytest.mark.usefixtures("driver")
@pytest.mark.parametrize(
    ("visible", "gpus"),
    [
        ("", 0),
        ("0", 1),
        ("0, 2", 2),
        ("2,1,0", 3),
        ("0,0,1", 1),  # CUDA reads up to the first name twice,
        ("0,7,1", 1),  # or unknown,
        ("1,GPU-aa", 1),  # or of two devices
        ("GPU-aaaa,GPU-c", 2),
        ("-1", 0),
        ("999999999999", 0),
    ],
)
def test_cuda_sees_what_its_variable_names(
    visible: str, gpus: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert machine().gpus == gpus


def test_a_tool_that_fails_lists_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\nexit 9\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert machine().gpus == 0


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
