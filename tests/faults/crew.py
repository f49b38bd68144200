"""Workers that go wrong in every way that a trial can, by the number of the trial."""

from __future__ import annotations

import errno
import os
import resource
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.drill import worker

if TYPE_CHECKING:
    from workers.training import Trainer

CRASHES, STARVES, DIVERGES, STUMBLES, DIES, WELL = 1, 2, 3, 4, 5, 6


def misbehaving(pause: float) -> type[Any]:
    """The real trainable, whose trials 1 to 5 go wrong when their second epoch begins."""

    def starve() -> None:
        """Ask for 2 GB where the system gives 1 GB more than there is now."""
        import torch

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + 2**30
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        try:
            torch.empty(2**31, dtype=torch.uint8)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)

    class Misbehaving(worker.trainable(pause)):  # type: ignore[misc]
        def _epoch(self, trainer: Trainer) -> dict[str, Any]:
            if trainer.epoch == 1:
                self._go_wrong(trainer)
            return dict(super()._epoch(trainer))

        def _go_wrong(self, trainer: Trainer) -> None:
            once = self._campaign / f"stumbled-{self._trial}"
            if self._trial == CRASHES:
                print("the roof fell", file=sys.stderr, flush=True)
                os.abort()
            elif self._trial == STARVES:
                starve()
            elif self._trial == DIVERGES:
                for parameter in trainer.network.parameters():
                    parameter.data.mul_(float("inf"))
            elif self._trial == STUMBLES and not once.exists():
                once.touch()
                raise OSError(errno.EIO, os.strerror(errno.EIO), "/far/away")
            elif self._trial == DIES:
                os.kill(os.getpid(), signal.SIGKILL)

    return Misbehaving


def greedy(pause: float) -> type[Any]:
    """The real trainable, whose trial 1 takes 6 GB."""

    class Greedy(worker.trainable(pause)):  # type: ignore[misc]
        def _epoch(self, trainer: Trainer) -> dict[str, Any]:
            held = [bytearray(50_000_000) for _ in range(120 if self._trial == 1 else 0)]
            result = dict(super()._epoch(trainer))
            del held
            return result

    return Greedy
