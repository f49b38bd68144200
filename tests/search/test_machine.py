"""What a machine offers: trials that fit at once, and the GPUs that CUDA would see."""

from pathlib import Path

import pytest

from search import machine as machines
from search.machine import Machine, largest, machine, together

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
