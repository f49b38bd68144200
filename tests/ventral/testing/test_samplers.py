"""The suite of samplers finds the faults that it is for."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from search import samplers
from search.samplers import Choices, Outcome
from search.samplers.random_ import RandomSampler
from space.space import Space
from ventral.testing import SamplerSuite
from ventral.testing.samplers import Make, ask_and_tell, point_score
from ventral.testing.spaces import make_space

SPACE = make_space()


class UsesGlobalNumbers(RandomSampler):
    def ask(self) -> Choices:
        return SPACE.sample(random).choices  # type: ignore[arg-type]


class ForgetsRecalls(RandomSampler):
    def recall(self, choices: Choices) -> None:
        pass


class LeavesOneOut(RandomSampler):
    def ask(self) -> Choices:
        return dict(list(super().ask().items())[:-1])


class Reorders(RandomSampler):
    def ask(self) -> Choices:
        return dict(reversed(list(super().ask().items())))


class HasOneAnswer(RandomSampler):
    def ask(self) -> Choices:
        self._questions = 0
        return super().ask()


class RefusesFailures(RandomSampler):
    def tell(self, _choices: Choices, outcome: Outcome) -> None:
        if outcome.score is None:
            raise ValueError("no score")


class Warns(RandomSampler):
    def ask(self) -> Choices:
        warnings.warn("slow", stacklevel=1)
        return super().ask()


class BelievesEarlyScores:
    """Repeats the point with the greatest score, of whatever epoch."""

    def __init__(self, space: Space, seed: int, options: Any) -> None:
        self._drawn = RandomSampler(space, seed, options)
        self._best: tuple[float, Choices] | None = None

    def ask(self) -> Choices:
        return self._drawn.ask() if self._best is None else self._best[1]

    def tell(self, choices: Choices, outcome: Outcome) -> None:
        score = 0.4 if outcome.score is None else outcome.score
        if self._best is None or score > self._best[0]:
            self._best = score, choices


def make(kind: Callable[..., Any]) -> Make:
    return lambda seed=0: kind(SPACE, seed, RandomSampler.Options())


SUITE = SamplerSuite()


def over_space(check: Callable[[SamplerSuite, Make, Space], None]) -> Callable[[Make], None]:
    return lambda make: check(SUITE, make, SPACE)


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        (UsesGlobalNumbers, SUITE.test_one_seed_gives_one_sequence),
        (UsesGlobalNumbers, SUITE.test_global_random_numbers_play_no_part),
        (HasOneAnswer, over_space(SamplerSuite.test_every_suggestion_closes_to_a_sample)),
        (ForgetsRecalls, SUITE.test_replay_answers_as_if_never_interrupted),
        (
            RefusesFailures,
            over_space(SamplerSuite.test_any_outcome_of_any_point_may_be_told),
        ),
        (RefusesFailures, over_space(SamplerSuite.test_only_bad_points_are_no_obstacle)),
        (LeavesOneOut, over_space(SamplerSuite.test_every_suggestion_closes_to_a_sample)),
        (Reorders, over_space(SamplerSuite.test_every_suggestion_closes_to_a_sample)),
        (Warns, SUITE.test_nothing_warns),
        (RandomSampler, lambda make: SUITE.test_good_scores_are_sought(make, True)),
        (
            BelievesEarlyScores,
            lambda make: SUITE.test_an_early_score_is_not_taken_for_a_final_one(make, True),
        ),
        (BelievesEarlyScores, lambda make: SUITE.test_what_has_no_score_is_avoided(make, True)),
    ],
)
def test_a_fault_is_found(kind: Callable[..., Any], check: Callable[[Make], None]) -> None:
    with pytest.raises((AssertionError, ValueError, UserWarning)):
        check(make(kind))


def test_outcomes_come_in_the_order_of_the_calls() -> None:
    """Two points stay open: every kind of outcome is among the results."""
    results = ask_and_tell(samplers.make("random", SPACE, 0), 12)
    assert len(results) == 10
    assert {outcome.reason for _, outcome in results} == {None, "infeasible", "diverged"}
    assert {outcome.fidelity for _, outcome in results if outcome.score is not None} == {
        1.0,
        1 / 3,
    }
    for choices, outcome in results:
        if outcome.final:
            assert outcome.score == point_score(choices)
