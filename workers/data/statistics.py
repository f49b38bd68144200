"""The mean and the deviation of a data set's images, channel by channel."""

from collections.abc import Sequence
from typing import Protocol


class Statistics(Protocol):
    """What has a mean and a deviation for each channel, black 0 to white 1: a pack, a card."""

    @property
    def mean(self) -> Sequence[float]:
        """The mean by channel."""
        ...

    @property
    def std(self) -> Sequence[float]:
        """The standard deviation by channel."""
        ...


def divisors(std: Sequence[float]) -> tuple[float, ...]:
    """Deviations to divide by: 1 for a channel that has none, since it has nothing to scale."""
    return tuple(value or 1.0 for value in std)
