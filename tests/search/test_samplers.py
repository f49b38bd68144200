"""One conformance suite over all samplers: the contract of search/samplers/protocol.py."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from search import samplers
from search.samplers import Outcome, Sampler, replay
from search.samplers.protocol import drawn, key
from space.errors import CampaignError
from space.space import Space
from tests import toys

Make = Callable[..., Sampler]
STARTUP = 8


@pytest.fixture(params=samplers.NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def space() -> Space:
    return toys.space(toys.CONDITIONAL)


@pytest.fixture
def make(name: str, space: Space) -> Make:
    def made(seed: int = 0) -> Sampler:
        options = {} if name == "random" else {"startup": STARTUP}
        return samplers.make(name, space, seed, options)

    return made


def value(choices: samplers.Choices) -> float:
    """What a point is worth in these tests: best with a sigmoid gate and five steps."""
    steps = int(choices["steps"])  # type: ignore[arg-type]
    return 0.5 + 0.4 * (choices.get("c") == "sigmoid") - 0.05 * abs(steps - 5)


def some_outcome(choices: samplers.Choices, number: int) -> Outcome:
    """Every kind of outcome in turn."""
    kinds: list[Outcome] = [
        Outcome(score=value(choices), fidelity=1.0),
        Outcome(score=value(choices) / 3, fidelity=1 / 3),
        Outcome(reason="infeasible"),
        Outcome(score=value(choices), fidelity=1.0),
        Outcome(reason="diverged"),
    ]
    return kinds[number % len(kinds)]


def run(sampler: Sampler, trials: int, pending: int = 2) -> list[tuple[Any, Outcome]]:
    """Ask and tell with `pending` points always open; returns what was told, in that order."""
    told: list[tuple[Any, Outcome]] = []
    waiting: list[Any] = []
    for number in range(trials):
        waiting.append(sampler.ask())
        if len(waiting) > pending:
            choices = waiting.pop(number % len(waiting))
            outcome = some_outcome(choices, number)
            sampler.tell(choices, outcome)
            told.append((choices, outcome))
    return told


def test_every_suggestion_closes_to_a_sample(make: Make, space: Space) -> None:
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


def test_one_seed_gives_one_sequence(make: Make) -> None:
    first, second, other = make(5), make(5), make(6)
    assert run(first, 30) == run(second, 30)
    assert [first.ask() for _ in range(3)] == [second.ask() for _ in range(3)]
    assert run(make(5), 30) != run(other, 30)


def test_global_random_numbers_play_no_part(make: Make) -> None:
    random.seed(1)
    before = run(make(), 20)
    random.seed(2)
    assert run(make(), 20) == before


def test_replay_answers_as_if_never_interrupted(make: Make) -> None:
    alive = make(3)
    asked: list[samplers.Choices] = []
    ask = alive.ask
    alive.ask = lambda: asked.append(ask()) or asked[-1]  # type: ignore[method-assign,func-returns-value]
    told = run(alive, 30)
    rebuilt = make(3)
    replay(rebuilt, asked, told)
    assert len(told) < len(asked), "some points are still pending"
    assert [rebuilt.ask() for _ in range(3)] == [ask() for _ in range(3)]


def test_any_outcome_of_any_point_may_be_told(make: Make, space: Space) -> None:
    sampler = make()
    rng = random.Random(0)
    for number in range(3 * STARTUP):
        choices = drawn(space.parameters, rng)  # points that it never suggested
        sampler.tell(choices, some_outcome(choices, number))
        sampler.tell(choices, some_outcome(choices, number + 1))
    space.close(sampler.ask())


def test_only_bad_points_are_no_obstacle(make: Make, space: Space) -> None:
    sampler = make()
    for _ in range(2 * STARTUP):
        sampler.tell(sampler.ask(), Outcome(reason="infeasible"))
    space.close(sampler.ask())


def test_nothing_warns(make: Make) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(make(), 2 * STARTUP)


def gated(make: Make, with_gate: Outcome, trials: int = 80, seeds: int = 4) -> float:
    """The part of the later suggestions that have the sigmoid gate (3 in 16 drawn at random).

    A point with the gate has the outcome `with_gate`, all others have 0.3 after full training.
    """
    found = []
    for seed in range(seeds):
        sampler = make(seed)
        for number in range(trials):
            choices = sampler.ask()
            has_gate = choices.get("c") == "sigmoid"
            sampler.tell(choices, with_gate if has_gate else Outcome(score=0.3, fidelity=1.0))
            if number >= trials // 2:
                found.append(has_gate)
    return sum(found) / len(found)


def test_good_scores_are_sought(name: str, make: Make) -> None:
    part = gated(make, Outcome(score=0.9, fidelity=1.0))
    assert 0.1 < part < 0.25 if name == "random" else part > 0.5


def test_what_has_no_score_is_avoided(name: str, make: Make) -> None:
    assert name == "random" or gated(make, Outcome(reason="infeasible")) < 0.13


def test_an_early_score_is_not_taken_for_a_final_one(name: str, make: Make) -> None:
    """0.9 at the first of ten epochs is not better than 0.3 at the last."""
    assert name == "random" or gated(make, Outcome(score=0.9, fidelity=0.1)) < 0.13


def test_an_unknown_option_is_refused(name: str, space: Space) -> None:
    with pytest.raises(CampaignError, match="startupp"):
        samplers.make(name, space, 0, {"startupp": 3})


def test_an_outcome_is_a_score_or_a_reason() -> None:
    with pytest.raises(ValueError, match="either"):
        Outcome()
    with pytest.raises(ValueError, match="either"):
        Outcome(score=0.5, fidelity=1.0, reason="failed")
    with pytest.raises(ValueError, match="fidelity"):
        Outcome(score=0.5, fidelity=1.5)
    assert not Outcome(score=0.5, fidelity=0.5).final


def test_draws_are_the_space_s_own(space: Space) -> None:
    for seed in range(20):
        mine = drawn(space.parameters, random.Random(seed))
        assert mine == space.sample(random.Random(seed)).choices


def test_optuna_models_every_parameter_in_every_trial(space: Space) -> None:
    """No parameter falls out of the joint model, whatever branch was taken."""
    import optuna

    from search.samplers.via_optuna import Encoding, Options, OptunaSampler

    sampler = OptunaSampler(space, 0, Options(startup=STARTUP))
    run(sampler, 3 * STARTUP)
    encoding = Encoding(space)
    assert "only" not in encoding.distributions
    trials: list[optuna.trial.FrozenTrial] = sampler._study.trials
    assert all(trial.params.keys() == encoding.distributions.keys() for trial in trials)
    for trial in trials:
        choices = encoding.open(trial.params)
        assert encoding.slots(choices) == trial.params, "one point, one encoding"


def test_hyperopt_ranks_by_fidelity_then_score() -> None:
    from search.samplers.via_hyperopt import loss

    best_first = [(0.9, 1.0), (0.1, 1.0), (0.9, 0.5), (0.1, 0.5), (0.99, 0.499), (0.0, 0.0)]
    losses = [loss(score, fidelity) for score, fidelity in best_first]
    assert losses == sorted(losses)
    assert len(set(losses)) == len(losses)
