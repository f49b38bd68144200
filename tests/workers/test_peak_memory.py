"""The peak of memory: measured anew for each trial."""

import mmap
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from workers.job import Job
from workers.peak_memory import SHARE, keep_to_part, read_peak
from workers.training import Trainer

MakeJob = Callable[..., Job]

Build = Callable[..., nn.Module]

HELD = 400_000_000
"""Bytes, far above what a tiny training takes."""


def test_the_peak_of_memory_is_forgotten_between_trials(job: MakeJob, build: Build) -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pytest.skip("this machine does not reset a process's peak of memory")
    # A mapping of its own: an allocator may keep what a tensor frees, in a process of many tests.
    with mmap.mmap(-1, HELD) as held:
        for page in range(0, HELD, mmap.PAGESIZE):
            held[page] = 1
        high = read_peak(torch.device("cpu"))
    low = Trainer(job(), build=build).run_epoch().memory_mb
    assert low < high - 200


@pytest.mark.parametrize(("part", "kept"), [(0.25, [0.25 * SHARE]), (1.0, [])])
def test_a_process_is_kept_to_its_part_of_a_card(
    part: float, kept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[float]()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", asked.append)
    keep_to_part(part)
    assert asked == kept
