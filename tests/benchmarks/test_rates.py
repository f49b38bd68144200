"""The table's networks with learning rates, at the upper of which nothing is learned."""

from __future__ import annotations

import pytest

from benchmarks.search_quality import load, rates
from benchmarks.search_quality.rates import METHODS, Rates, search
from benchmarks.search_quality.simulate import Method
from benchmarks.search_quality.table import CHANCE
from benchmarks.search_quality.tasks import TASKS
from benchmarks.search_quality.worlds import Replay
from search import samplers


@pytest.fixture(scope="module")
def world() -> Rates:
    return Rates(Replay(TASKS["8px"], "held-back", load("8px")))


def test_up_to_its_limit_a_network_ends_the_better_the_higher_its_rate(world: Rates) -> None:
    digest = max(world.truth, key=lambda one: world.truth[one])
    low, high, beyond = (
        world.training(digest, 0, {"learning_rate": rate}).top1 for rate in (0.001, 0.004, 0.1)
    )
    table = world.base.training(digest, 0).top1
    assert not world.is_dead(digest, 0.004)
    assert CHANCE < low[-1] < high[-1] < table[-1]
    assert world.worth(digest, 0.001) < world.worth(digest, 0.004) < world.truth[digest]
    assert low[0] == pytest.approx(high[0], abs=0.02), "the rate does not show at first"
    assert world.is_dead(digest, 0.1)
    assert beyond[0] == CHANCE
    assert beyond[-1] < 0.6
    assert world.worth(digest, 0.1) == CHANCE


def test_limits_are_beside_the_median_and_differ(world: Rates) -> None:
    parts = {
        rate: sum(world.is_dead(one, rate) for one in world.truth) / len(world.truth)
        for rate in (0.01, rates.LIMIT, 0.1)
    }
    assert parts[0.01] < 0.02
    assert parts[rates.LIMIT] == pytest.approx(0.5, abs=0.1)
    assert 0.85 < parts[0.1] < 1


def test_every_version_of_the_default_sampler_is_compared() -> None:
    assert list(METHODS) == [1, 2]
    assert max(METHODS) == samplers.latest_version("guided")
    assert {method.version for method in METHODS.values()} == {1, 2}


def test_a_search_says_what_was_beyond_the_limit_and_how_good_the_best_is(world: Rates) -> None:
    """Drawn rates are beyond the limits as often as the logarithm of a rate is."""
    drawn = Method(name="random", sampler="random", scheduler=rates.ASHA)
    found = search(world, drawn, 0, spans=((0, 20), (20, 40)))
    assert 0.05 < sum(found.dead) / 2 < 0.3
    assert 2 <= sum(found.whole) < 15
    assert 0.5 < found.best[-1] <= max(world.truth.values())
