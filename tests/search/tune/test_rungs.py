"""ASHA's rungs under the campaign's numbers, with a memory."""

from __future__ import annotations

import math

import numpy as np
import pytest

from search.campaign import Scheduler
from search.tune.rungs import Rungs
from tests.support.campaigns import report

EPOCHS = 9
ASHA = Scheduler(name="asha", grace_epochs=1, reduction_factor=3)


def goes_on(rungs: Rungs, number: int, epoch: int, top1: float) -> bool:
    return not rungs.remember(number, report(epoch, top1))


def test_the_worse_two_thirds_stop_at_a_rung() -> None:
    rungs = Rungs(ASHA, EPOCHS, 0)
    scores = (0.5, 0.1, 0.9, 0.2)
    decided = [goes_on(rungs, number, 1, top1) for number, top1 in enumerate(scores)]
    assert decided == [True, False, True, False]
    assert goes_on(rungs, 2, 2, 0.0), "there is no rung at two epochs"


@pytest.mark.parametrize(
    ("epochs", "first"), [(1, None), (2, 1), (4, 1), (5, 2), (6, 2), (12, 3), (20, 5)]
)
def test_by_default_half_stop_after_a_quarter_of_the_epochs(
    epochs: int, first: int | None
) -> None:
    rungs = Rungs(Scheduler(), epochs, 0)
    for number, top1 in enumerate((0.9, 0.5, 0.1, 0.6)):
        stops = [e for e in range(1, epochs) if not goes_on(rungs, number, e, top1)]
        better = top1 > 0.5
        assert stops[:1] == ([] if better or first is None else [first]), number


def test_what_is_known_from_the_store_stands_in_the_rungs() -> None:
    fresh, resumed = Rungs(ASHA, EPOCHS, 0), Rungs(ASHA, EPOCHS, 0)
    for number in range(4):
        resumed.remember(number, report(1, 0.5 + 0.1 * number))
    assert goes_on(fresh, 9, 1, 0.4)
    assert not goes_on(resumed, 9, 1, 0.4)


def test_a_continued_trial_is_judged_once_at_each_rung() -> None:
    """It passed the first rung before; a bad epoch between two rungs does not stop it."""
    rungs = Rungs(ASHA, EPOCHS, 0)
    for number, top1 in enumerate((0.9, 0.8, 0.7)):
        rungs.remember(number, report(1, top1))
    assert goes_on(rungs, 0, 2, 0.1)
    assert goes_on(rungs, 0, 3, 0.1), "the first at this rung"


def test_epochs_without_a_score_do_not_count() -> None:
    rungs = Rungs(ASHA, EPOCHS, 0)
    assert goes_on(rungs, 0, 1, math.nan)
    assert goes_on(rungs, 1, 1, 0.0)


@pytest.mark.parametrize("seed", [0, 1])
def test_brackets_depend_on_seed_and_number_alone(seed: int) -> None:
    settings = Scheduler(name="asha", grace_epochs=1, brackets=3, reduction_factor=2)
    first, second = Rungs(settings, 27, seed), Rungs(settings, 27, seed)
    np.random.seed(7)
    untouched = np.random.random()
    np.random.seed(7)
    for number in range(20):
        first.remember(number, report(27, 0.5))
    assert np.random.random() == untouched, "the global random numbers are not used up"
    for number in reversed(range(20)):
        second.remember(number, report(27, 0.5))
    brackets = [
        [asha._brackets.index(asha._trial_info[str(n)]) for n in range(20)]  # noqa: SLF001
        for asha in (first._asha, second._asha)  # noqa: SLF001 - there are no public names for them
    ]
    assert brackets[0] == brackets[1]
    assert len(set(brackets[0])) > 1
