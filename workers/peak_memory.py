"""A training's memory, on a GPU or in its process: its peak, and how much it may be."""

import resource
from contextlib import suppress
from pathlib import Path

import torch

SHARE = 0.95
"""Of its part of a card, what a process may allocate: the rest is for its CUDA context."""


def keep_to_part(part: float) -> None:
    """Let this process allocate no more than its part (0..1) of a GPU, where there is one.

    What is more is refused as if the card were full, so that who shares it has its own part left.
    """
    if part < 1 and torch.cuda.is_available():
        torch.cuda.set_per_process_memory_fraction(part * SHARE)


def reset_peak(device: torch.device) -> None:
    """Start measuring memory anew: a reused worker would report its greediest trial for ever."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    with suppress(OSError):  # not Linux, or not allowed: then it is the peak of a process's life
        Path("/proc/self/clear_refs").write_text("5")


def read_peak(device: torch.device) -> float:
    """Peak memory since `reset_peak`, in MB of 10^6 bytes."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6
    except (OSError, IndexError, ValueError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
