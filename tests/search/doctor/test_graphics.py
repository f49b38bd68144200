"""GPUs, by what NVIDIA's tool prints and what PyTorch says in a process of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.doctor import graphics
from search.doctor.graphics import Device, list_devices, read_device, try_torch

LINE = "NVIDIA H200, 550.54.15, 143771, 0"


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tool of that name that prints what `answer` holds and ends with what `code` holds."""
    file = tmp_path / "nvidia-smi"
    file.write_text(f"#!/bin/sh\n/bin/cat {tmp_path}/answer\nexit $(/bin/cat {tmp_path}/code)\n")
    file.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(graphics, "DRIVER", tmp_path / "none")
    return tmp_path


def _answer(tool: Path, text: str, code: int = 0) -> tuple[tuple[Device, ...], str | None]:
    (tool / "answer").write_text(text)
    (tool / "code").write_text(str(code))
    return list_devices()


def test_a_line_of_the_tool_is_a_device() -> None:
    device = Device(name="NVIDIA H200", driver="550.54.15", memory=143771, errors=0)
    assert read_device(LINE) == device
    assert read_device("GTX, 470, 8000, [N/A]") == Device(name="GTX", driver="470", memory=8000)
    assert read_device("odd") == Device(name="odd", driver="")


def test_the_tool_lists_refuses_or_has_none(tool: Path) -> None:
    assert _answer(tool, f"{LINE}\n{LINE}\n") == ((read_device(LINE),) * 2, None)
    assert _answer(tool, "No devices were found\n", 6) == ((), None)
    mismatch = "Failed to initialize NVML: Driver/library version mismatch"
    assert _answer(tool, f"{mismatch}\n", 18) == ((), mismatch)
    assert _answer(tool, "", 3) == ((), "nvidia-smi ends with 3")
    (tool / "nvidia-smi").unlink()
    assert list_devices() == ((), None)


@pytest.mark.parametrize(
    ("program", "facts"),
    [
        ("print('x'); print('{\"built\": \"13.0\"}')", {"built": "13.0"}),
        ("import sys; sys.exit('libcuda is broken')", {"error": "libcuda is broken"}),
        ("import os; os._exit(3)", {"error": "PyTorch's process ended with 3"}),
        ("print(1)", {"error": "PyTorch's process ended with 0"}),
    ],
)
def test_what_pytorch_says_or_how_it_ends(
    program: str, facts: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graphics, "TRY", program)
    assert try_torch(None) == facts


def test_the_devices_are_those_of_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    show = "import os; print('{\"built\": \"%s\"}' % os.environ.get('CUDA_VISIBLE_DEVICES'))"
    monkeypatch.setattr(graphics, "TRY", show)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    assert try_torch("1,2") == {"built": "1,2"}
    assert try_torch(None) == {"built": "None"}
