"""How long a piece of work takes, by a clock that the test moves."""

from collections.abc import Iterator

import pytest
import torch

from workers.timing import LONG, time_each

CPU = torch.device("cpu")


class Clock:
    """A clock that stands still but for the work, whose pieces take the given seconds."""

    def __init__(self, *seconds: float) -> None:
        self.now, self.seconds, self.done = 100.0, seconds, 0

    def read(self) -> float:
        return self.now

    def work(self) -> Iterator[None]:
        """The pieces; the last one takes as long for ever."""
        while True:
            self.now += self.seconds[min(self.done, len(self.seconds) - 1)]
            self.done += 1
            yield


@pytest.mark.parametrize(
    ("pieces", "seconds", "mean", "done"),
    [
        ((9.0, 1.0), 3.0, 1.0, 4),  # the slow first piece does not count
        ((9.0, 1.0, 3.0, 2.0), 6.0, 2.0, 4),
        ((1.0, 8.0), 3.0, 8.0, 2),  # one that lasts longer than was asked for is enough
        ((LONG, 1.0), 3.0, LONG, 1),  # so is a first one that takes very long
        ((LONG - 1, 2.0), 0.0, 2.0, 2),  # at least one counts
    ],
)
def test_the_mean_is_over_the_pieces_behind_the_first(
    monkeypatch: pytest.MonkeyPatch,
    pieces: tuple[float, ...],
    seconds: float,
    mean: float,
    done: int,
) -> None:
    clock = Clock(*pieces)
    monkeypatch.setattr("time.perf_counter", clock.read)
    assert time_each(clock.work(), seconds, CPU) == pytest.approx(mean)
    assert clock.done == done
