"""The contract of search/samplers/protocol.py as tests."""

import random
import warnings
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest

from search.samplers.protocol import (
    Choices,
    OfferedSampler,
    Outcome,
    Sampler,
    draw_point,
    key,
    replay,
)
from space.documents.extensions import parse_options
from space.space import Space
from ventral.testing.spaces import make_space

Make = Callable[..., Sampler]
"""`make(seed=0)` is a fresh sampler over the suite's space."""

STARTUP = 8
"""By about so many outcomes a sampler that learns has begun to."""


class SamplerSuite:
    """Holds a sampler to its contract; derive a class `Test...` that says which one.

    `kind` is the sampler's class and `options` are options of it, such that it has learned after
    some ten outcomes. `learns` is False for one that takes no account of outcomes. `avoided` is
    less than what part of the suggestions are points with bad outcomes; drawn points are to 0.19.
    """

    kind: ClassVar[type[OfferedSampler]]
    options: ClassVar[Mapping[str, Any]] = {}
    learns: ClassVar[bool] = True
    avoided: ClassVar[float] = 0.25

    @pytest.fixture
    def space(self) -> Space:
        """The space that points are suggested of."""
        return make_space()

    @pytest.fixture
    def make(self, space: Space) -> Make:
        """A factory of fresh samplers by their seed."""
        options = parse_options(self.kind, self.options, "options")
        return lambda seed=0: self.kind(space, seed, options)

    @pytest.fixture
    def learner(self) -> bool:
        """Whether the sampler learns."""
        return self.learns

    def test_every_suggestion_closes_to_a_sample(self, make: Make, space: Space) -> None:
        """Exactly what is open, every value in its domain, in the order of the space."""
        sampler = make()
        seen = set()
        for number in range(3 * STARTUP):
            choices = sampler.ask()
            sample = space.close(choices)
            assert dict(sample.choices) == dict(choices)
            assert list(sample.choices) == list(choices), "in the order of the space"
            seen.add(key(choices))
            sampler.tell(choices, some_outcome(choices, number))
        assert len(seen) > STARTUP

    def test_one_seed_gives_one_sequence(self, make: Make) -> None:
        """And another seed gives another one."""
        first, second, other = make(5), make(5), make(6)
        assert ask_and_tell(first, 30) == ask_and_tell(second, 30)
        assert [first.ask() for _ in range(3)] == [second.ask() for _ in range(3)]
        assert ask_and_tell(make(5), 30) != ask_and_tell(other, 30)

    def test_global_random_numbers_play_no_part(self, make: Make) -> None:
        """They are neither used nor set."""
        random.seed(1)
        before = ask_and_tell(make(), 20)
        random.seed(2)
        assert ask_and_tell(make(), 20) == before

    def test_replay_answers_as_if_never_interrupted(self, make: Make) -> None:
        """By `recall` in place of each `ask`, with points that are still pending."""
        alive = make(3)
        calls: list[tuple[Choices, Outcome | None]] = []
        pending: list[Choices] = []
        for number in range(30):
            pending.append(alive.ask())
            calls.append((pending[-1], None))
            if len(pending) > 2:
                choices = pending.pop(number % len(pending))
                outcome = some_outcome(choices, number)
                calls.append((choices, outcome))
                alive.tell(choices, outcome)
        rebuilt = make(3)
        replay(rebuilt, calls)
        assert [rebuilt.ask() for _ in range(3)] == [alive.ask() for _ in range(3)]

    def test_any_outcome_of_any_point_may_be_told(self, make: Make, space: Space) -> None:
        """Points that it never suggested, twice each."""
        sampler = make()
        rng = random.Random(0)
        for number in range(3 * STARTUP):
            choices = draw_point(space.parameters, rng)
            sampler.tell(choices, some_outcome(choices, number))
            sampler.tell(choices, some_outcome(choices, number + 1))
        space.close(sampler.ask())

    def test_only_bad_points_are_no_obstacle(self, make: Make, space: Space) -> None:
        """Nothing of the first points may be trained."""
        sampler = make()
        for _ in range(2 * STARTUP):
            sampler.tell(sampler.ask(), Outcome(reason="infeasible"))
        space.close(sampler.ask())

    def test_nothing_warns(self, make: Make) -> None:
        """What the driver logs is about the campaign."""
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            ask_and_tell(make(), 2 * STARTUP)

    def test_good_scores_are_sought(self, make: Make, learner: bool) -> None:
        """One that does not learn suggests them as often as they are drawn."""
        part = part_with_gate(make, Outcome(score=0.9, fidelity=1.0))
        assert part > 0.5 if learner else 0.1 < part < 0.25

    def test_what_has_no_score_is_avoided(self, make: Make, learner: bool) -> None:
        """No score is a bad one, not an unknown one."""
        if learner:
            assert part_with_gate(make, Outcome(reason="infeasible")) < self.avoided

    def test_an_early_score_is_not_taken_for_a_final_one(self, make: Make, learner: bool) -> None:
        """0.9 at the first of ten epochs is not better than 0.3 at the last."""
        if learner:
            assert part_with_gate(make, Outcome(score=0.9, fidelity=0.1)) < self.avoided


def point_score(choices: Choices) -> float:
    """The score of a point of the suite's space: best with a sigmoid gate and five steps."""
    steps = int(choices["steps"])  # type: ignore[arg-type]
    return 0.5 + 0.4 * (choices.get("c") == "sigmoid") - 0.05 * abs(steps - 5)


def some_outcome(choices: Choices, number: int) -> Outcome:
    """Every kind of outcome in turn."""
    score = point_score(choices)
    kinds = (
        Outcome(score=score, fidelity=1.0),
        Outcome(score=score / 3, fidelity=1 / 3),
        Outcome(reason="infeasible"),
        Outcome(score=score, fidelity=1.0),
        Outcome(reason="diverged"),
    )
    return kinds[number % len(kinds)]


def ask_and_tell(sampler: Sampler, trials: int, pending: int = 2) -> list[tuple[Any, Outcome]]:
    """Ask and tell with `pending` points always open; returns the calls of `tell` in order."""
    results: list[tuple[Any, Outcome]] = []
    waiting: list[Any] = []
    for number in range(trials):
        waiting.append(sampler.ask())
        if len(waiting) > pending:
            choices = waiting.pop(number % len(waiting))
            results.append((choices, some_outcome(choices, number)))
            sampler.tell(*results[-1])
    return results


def part_with_gate(make: Make, with_gate: Outcome, trials: int = 80, seeds: int = 4) -> float:
    """The part of the later suggestions that have the sigmoid gate (3 in 16 drawn at random).

    A point with the gate has the outcome `with_gate`, all others have 0.3 after full training.
    """
    gates = []
    for seed in range(seeds):
        sampler = make(seed)
        for number in range(trials):
            choices = sampler.ask()
            has_gate = choices.get("c") == "sigmoid"
            sampler.tell(choices, with_gate if has_gate else Outcome(score=0.3, fidelity=1.0))
            if number >= trials // 2:
                gates.append(has_gate)
    return sum(gates) / len(gates)
