"""How long the scheduler lets trials train: as Ray's does."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.campaign import Scheduler
from search.forecast.lengths import quantile, rungs_of, training_lengths
from search.tune.rungs import Rungs
from tests.support.campaigns import report


@pytest.mark.parametrize("epochs", [9, 10, 27, 30, 100])
@pytest.mark.parametrize("factor", [2.0, 3.0, 4.0])
@pytest.mark.parametrize("grace", [None, 1, 2])
def test_the_rungs_are_those_of_the_scheduler(
    epochs: int, factor: float, grace: int | None
) -> None:
    settings = Scheduler(reduction_factor=factor, grace_epochs=grace)
    real = Rungs(settings, epochs, 0)
    bracket = real._asha._brackets[0]  # noqa: SLF001 - Ray shows them nowhere else
    rungs = bracket._rungs  # noqa: SLF001
    milestones = sorted(rung for rung, _ in rungs)
    reached = [int(np.ceil(rung)) for rung in milestones if np.ceil(rung) < epochs]
    assert list(rungs_of(settings, epochs, 0)) == reached


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30), st.floats(0, 1))
def test_a_quantile_is_numpy_s(values: list[float], part: float) -> None:
    mine = quantile(sorted(values), part)
    assert mine == pytest.approx(float(np.quantile(values, part)), rel=1e-9, abs=1e-9)
    assert quantile([], part) is None


def test_the_lengths_are_those_that_the_scheduler_gives_to_the_same_kind_of_scores() -> None:
    """The mean over many toy campaigns in the real ASHA, fed with random scores one by one."""
    settings, trials, epochs = Scheduler(reduction_factor=3.0, grace_epochs=1), 60, 9
    rng, real = random.Random(0), []
    for _ in range(30):
        asha = Rungs(settings, epochs, 0)
        for number in range(trials):
            quality, length = rng.gauss(0, 1), epochs
            for epoch in range(1, epochs + 1):
                top1 = quality + 0.5 * rng.gauss(0, 1)
                if asha.remember(number, report(epoch, top1)):
                    length = epoch
                    break
            real.append(length)
    mine = [
        training_lengths(settings, epochs, trials, np.random.default_rng(seed))
        for seed in range(30)
    ]
    assert np.mean(mine) == pytest.approx(np.mean(real), rel=0.08)
    assert np.mean(mine) < epochs * 0.6, "early stops save a lot"
