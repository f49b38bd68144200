"""Batch norms in training under the planned execution, and the running statistics that they move.

The literal execution normalises, and moves its running statistics, once a step. A plan computes
a value that several steps share once, and one that no image has reached with a batch of 1: the
statistics are the same, and are moved as often.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from models import arithmetic
from models.operations import NormTensors, PartAt
from space.step.operations import Normalise
from space.unroll.plan import Effect


@dataclass(frozen=True, slots=True)
class BatchStatistics:
    """Mean and unbiased variance [C] of a value, and over how many numbers a channel."""

    mean: Tensor
    variance: Tensor
    numbers: int


def batch_norm(
    x: Tensor, what: Normalise, ready: NormTensors, images: int
) -> tuple[Tensor, BatchStatistics]:
    """x [B,C,H,W] normalised by the statistics of its batch, and these. B may be 1 where x stands
    for all of so many images.
    """
    x = arithmetic.in_float(x)
    channels = x.shape[1]
    numbers = x.numel() // channels
    mean, variance = x.new_zeros(channels), x.new_ones(channels)
    if numbers == 1 and images > 1:
        # Every image has this one number: its variance is zero, and the norm its shift.
        one = BatchStatistics(x.detach().flatten(), x.new_zeros(channels), 1)
        return ready.shift.to(x.dtype)[None, :, None, None].expand_as(x), one
    out = arithmetic.batch_norm(
        x, ready.gain, ready.shift, mean, variance, epsilon=what.epsilon, momentum=1.0
    )
    return out, BatchStatistics(mean, variance, numbers)


@dataclass(slots=True)
class BatchNorms:
    """The batch norms of one forward pass over so many images."""

    images: int
    part_at: PartAt
    taken: dict[tuple[str, int], BatchStatistics] = field(default_factory=dict)

    def apply(self, x: Tensor, what: Normalise, ready: NormTensors, value: int) -> Tensor:
        """x [B,C,H,W], which is the plan's value of that number, normalised."""
        out, self.taken[what.weights, value] = batch_norm(x, what, ready, self.images)
        return out

    @torch.no_grad()
    def move(
        self,
        effects: Iterable[Effect],
        norms: dict[str, Normalise],
        value: Callable[[int], Tensor],
        depends_on_image: Callable[[int], bool],
    ) -> None:
        """Move the running statistics as the literal execution does: once a step, in order."""
        for effect in effects:
            part, what = self.part_at(effect.weights), norms[effect.weights]
            if not part.training:
                continue
            ready = NormTensors(part.tensor("gain"), part.tensor("shift"))
            mean, variance = part.statistic("running_mean"), part.statistic("running_variance")
            for number in effect.values:
                key = (effect.weights, number)
                if key not in self.taken:
                    _, self.taken[key] = batch_norm(value(number), what, ready, self.images)
                taken = self.taken[key]
                spread = _over_images(taken, 1 if depends_on_image(number) else self.images)
                mean.lerp_(taken.mean.to(mean.dtype), what.momentum)
                variance.lerp_(spread.to(variance.dtype), what.momentum)


def _over_images(statistics: BatchStatistics, times: int) -> Tensor:
    """The unbiased variance [C] of numbers of which each stands there so many times."""
    if times == 1:
        return statistics.variance
    numbers = statistics.numbers * times
    factor = (statistics.numbers - 1) / statistics.numbers * numbers / (numbers - 1)
    return statistics.variance * factor
