"""The next gain is extrapolated from the tail, and held against the noise."""

import numpy as np
import pytest

from dashboards.findings.budget import expect_gain
from tests.support.findings import ask
from tests.support.simulated import World, search

FIFO = {"name": "fifo"}


def test_the_gain_is_that_of_an_exponential_tail() -> None:
    rng = np.random.default_rng(0)
    above = np.sort(rng.exponential(1.0, 400))[None, :]
    best = 6.0
    (gain,) = expect_gain(above, best, 0.1, 1000)
    drawn = rng.exponential(1.0, (4000, 100)).max(axis=1)
    assert gain == pytest.approx(np.maximum(drawn - best, 0.0).mean(), rel=0.5)


def test_nothing_is_gained_beyond_the_end_of_a_bounded_tail() -> None:
    above = np.linspace(0.0, 1.0, 200)[None, :]
    (gain,) = expect_gain(above, 1.0, 0.5, 1000)
    assert gain < 0.02


def test_a_search_that_still_climbs_is_to_go_on() -> None:
    world = World(trials=150, ceiling=8.0, spread=0.1, scheduler=FIFO)
    finding = ask("budget", search(world, 0))
    assert finding.status == "warning"
    assert "before its plateau" in finding.text
    assert finding.next == "ventral resume simulate --set budget.trials=225"


def test_a_search_beyond_its_plateau_was_too_long() -> None:
    world = World(trials=600, ceiling=0.3, spread=0.1, scheduler=FIFO)
    finding = ask("budget", search(world, 0))
    assert finding.status == "warning"
    assert "long past the plateau" in finding.text


def test_few_full_trainings_leave_it_open() -> None:
    short = search(World(sampler="random", trials=40), 0)
    assert ask("budget", short).value is None
