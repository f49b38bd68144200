"""How long a piece of work takes, from a few of many."""

import time
from collections.abc import Iterator

import torch

LONG = 30.0
"""Seconds; a first piece of work that took longer is measurement enough."""


def time_each(work: Iterator[object], seconds: float, device: torch.device) -> float:
    """Seconds that one piece of `work` takes: the mean over about `seconds`.

    The first piece, which is slower, does not count, unless it alone took very long.
    """
    durations: list[float] = []
    while sum(durations) < LONG if len(durations) < 2 else sum(durations[1:]) < seconds:
        start = time.perf_counter()
        next(work)
        _synchronise(device)
        durations.append(time.perf_counter() - start)
    return sum(durations[1:]) / (len(durations) - 1) if len(durations) > 1 else durations[0]


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
