"""The estimate of a campaign, played through in numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from search.campaign import Scheduler
from search.forecast import (
    Calibration,
    NetworkWork,
    Trainings,
    forecast,
)
from search.forecast.lengths import training_lengths
from search.forecast.simulation import PLAYED, START_SECONDS
from tests.support import toys
from tests.support.exports import genome

CALIBRATION = Calibration(
    operation=0.01, multiply=1e-8, build=0.1, spread=0.1, device="cpu", processes=2
)


def network(operations: int = 100, multiplies: float = 0.0) -> NetworkWork:
    return NetworkWork(operations=operations, multiplies=multiplies, genome=genome(), recipe={})


def forecast_toy(slots: int = 1, epochs: int = 9, **changes: Any) -> Any:
    return forecast(toys.campaign(**changes), epochs, [network()], CALIBRATION, slots)


def test_cheaper_epochs_cost_what_their_plans_leave_to_do() -> None:
    """The first epoch in a half of the images, the next two with a fifth of the operations."""
    one = NetworkWork(
        operations=100,
        multiplies=1e6,
        genome=genome(),
        recipe={},
        cheaper=((1, 0.5, 10, 1e5), (3, 1.0, 20, 0.0)),
    )
    trainings = Trainings(CALIBRATION, [replace(one, cheaper=()), one])
    exact = trainings.seconds(np.ones(5, dtype=int), np.arange(1, 6))
    each = [0.5 * (0.1 + 1e-3), 0.2, 0.2, 1.01, 1.01]
    assert list(exact) == pytest.approx(list(np.cumsum(each)))
    assert trainings.seconds(np.array([0]), np.array([5])) == pytest.approx(5.05)
    full = forecast(toys.campaign(), 5, [replace(one, cheaper=())], CALIBRATION, 1)
    assert forecast(toys.campaign(), 5, [one], CALIBRATION, 1).seconds.likely < full.seconds.likely


def test_without_early_stops_every_trial_has_all_epochs() -> None:
    found = forecast_toy(scheduler={"name": "fifo"}, budget={"trials": 10})
    assert (found.epochs.low, found.epochs.high) == (90.0, 90.0)
    each = 9 * 1.0 + 0.1 + 0.15  # epochs, making the network, the handing over
    assert found.seconds.low < START_SECONDS + 10 * each < found.seconds.high
    assert found.device_hours.likely * 3600 == pytest.approx(10 * each, rel=0.1)


def test_two_at_once_take_half_the_time_and_as_many_hours() -> None:
    fifo: dict[str, Any] = {"scheduler": {"name": "fifo"}, "budget": {"trials": 200}}
    one, two = forecast_toy(**fifo), forecast_toy(slots=2, **fifo)
    assert two.seconds.likely == pytest.approx(one.seconds.likely / 2, rel=0.1)
    assert two.device_hours.likely == pytest.approx(one.device_hours.likely, rel=0.05)


@pytest.mark.parametrize(
    ("budget", "by"),
    [
        ({"epochs": 45}, "epochs"),
        ({"device_hours": 0.01}, "device_hours"),
        ({"seconds": 30}, None),
    ],
)
def test_the_part_of_the_budget_that_ends_it_is_named(budget: dict[str, Any], by: Any) -> None:
    found = forecast_toy(scheduler={"name": "fifo"}, budget={"trials": 100} | budget)
    assert found.ends_by == (by or "seconds")
    assert found.trials.high < 10
    if "epochs" in budget:
        assert found.epochs.high == 45
    if "seconds" in budget:
        assert found.seconds.high <= 30
    assert forecast_toy(budget={"trials": 2}).ends_by == "trials"


def test_a_campaign_of_a_million_trials_is_not_played_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    played: list[int] = []

    def noting(settings: Scheduler, epochs: int, trials: int, rng: np.random.Generator) -> Any:
        played.append(trials)
        return training_lengths(settings, epochs, trials, rng)

    monkeypatch.setattr("search.forecast.simulation.training_lengths", noting)
    fifo: dict[str, Any] = {"scheduler": {"name": "fifo"}}
    short = forecast_toy(**fifo, budget={"trials": PLAYED})
    long = forecast_toy(**fifo, budget={"trials": 500 * PLAYED})
    assert max(played) == PLAYED
    assert long.trials.likely == 1_000_000
    assert long.epochs.likely == 9_000_000
    assert long.seconds.likely == pytest.approx(500 * short.seconds.likely, rel=0.01)
    ended = forecast_toy(**fifo, budget={"trials": 1_000_000, "epochs": 450_000, "seconds": 10**9})
    assert (ended.trials.likely, ended.ends_by) == (50_000, "epochs")


def test_trainings_of_any_length_are_a_few_numbers() -> None:
    """Seconds are worked out from the kinds of epochs, not kept for each epoch."""
    trainings = Trainings(CALIBRATION, [network()] * 100)
    assert trainings.each.size + trainings.until.size == 200
    fifo = forecast_toy(epochs=100_000, scheduler={"name": "fifo"}, budget={"trials": 20})
    assert fifo.epochs.likely == 2_000_000
