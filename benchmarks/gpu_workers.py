"""A worker that is short of memory, on a GPU or a CPU: PyTorch refuses what is too much."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from search.drill import worker

if TYPE_CHECKING:
    from workers.job import Job
    from workers.training import Trainer

SHORT = 1
"""The trial that has memory for three quarters of what its training takes as it is."""


def cramped(pause: float) -> type[Any]:
    """The real trainable, whose trial 1 is short of memory."""

    class Cramped(worker.trainable(pause)):  # type: ignore[misc]
        def _epoch(self, trainer: Trainer) -> dict[str, Any]:
            if self._trial != SHORT:
                return dict(super()._epoch(trainer))
            with _limited(trainer.job, trainer.device.type):
                return dict(super()._epoch(trainer))

    return Cramped


@contextlib.contextmanager
def _limited(job: Job, device: str) -> Iterator[None]:
    """Three quarters of what an epoch of the plain recipe takes, and no more."""
    from workers.failures import release
    from workers.training import Trainer

    plain = job.recipe.model_copy(update={"recompute": False, "accumulate": 1})
    whole = Trainer(job.model_copy(update={"recipe": plain}))
    if device == "cpu":
        from tests.support.held_memory import Held

        with Held() as held:
            whole.run_epoch()
        with Held(limit=held.peak * 3 // 4):
            yield
        return
    import torch

    release()
    torch.cuda.reset_peak_memory_stats()
    held_before = torch.cuda.memory_allocated()
    whole.run_epoch()
    taken = torch.cuda.max_memory_allocated() - held_before
    del whole
    release()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((held_before + taken * 3 / 4) / total)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
