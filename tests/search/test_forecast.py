"""The estimate: what it is made of, and how it compares with what campaigns really took."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search import driver
from search.campaign import Campaign, Scheduler
from search.forecast import (
    Calibration,
    NetworkWork,
    Trainings,
    calibrate,
    estimate,
    forecast,
)
from search.forecast.calibration import fit
from search.forecast.lengths import rungs_of, training_lengths
from search.forecast.networks import network_of
from search.forecast.simulation import PLAYED, START_SECONDS
from search.home import Home
from search.machine import Machine
from search.tune import scheduler
from space.errors import VentralError
from space.reduction import reduce_genome as space_at
from space.space import Space
from space.unroll.plan import plan
from space.unroll.reads import parse_reads
from tests.support import toys

TWO = Machine(cpus=2, gpus=0)
CALIBRATION = Calibration(
    operation=0.01, multiply=1e-8, build=0.1, spread=0.1, device="cpu", processes=2
)


def network(operations: int = 100, multiplies: float = 0.0) -> NetworkWork:
    return NetworkWork(operations=operations, multiplies=multiplies, document={}, recipe={})


def told(slots: int = 1, epochs: int = 9, **changes: Any) -> Any:
    return forecast(toys.campaign(**changes), epochs, [network()], CALIBRATION, slots)


# ---------------------------------------------------------------------- the model


def test_the_fit_finds_the_numbers_that_made_the_times() -> None:
    networks = [network(n, m) for n, m in [(10, 1e6), (100, 1e6), (10, 5e7), (60, 2e7), (30, 0)]]
    truth = Calibration(
        operation=0.02, multiply=3e-8, build=0.2, spread=0.0, device="cpu", processes=1
    )
    jobs = [{"build": 0.2, "epoch": truth.epoch(one)} for one in networks]
    found = fit(networks, {"device": "cpu", "jobs": jobs}, 1)
    assert found.operation == pytest.approx(0.02)
    assert found.multiply == pytest.approx(3e-8)
    assert found.spread == pytest.approx(0.0, abs=1e-9)
    with_gap = fit(networks, {"device": "cpu", "jobs": [None, *jobs[1:]]}, 1)
    assert with_gap.operation == pytest.approx(0.02)
    with pytest.raises(VentralError, match="no network of the space could be trained"):
        fit(networks, {"device": "cpu", "jobs": [None] * 5}, 1)


def test_no_quantity_costs_less_than_nothing() -> None:
    networks = [network(10, 1e9), network(20, 1e8), network(30, 1e7)]
    jobs = [{"build": 0.0, "epoch": seconds} for seconds in (1.0, 2.1, 3.3)]
    found = fit(networks, {"device": "cpu", "jobs": jobs}, 1)
    assert found.operation > 0
    assert found.multiply >= 0


def test_cheaper_epochs_cost_what_their_plans_leave_to_do() -> None:
    """The first epoch in a half of the images, the next two with a fifth of the operations."""
    one = NetworkWork(
        operations=100,
        multiplies=1e6,
        document={},
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


def test_the_plans_of_cheaper_epochs_are_those_of_the_reducednetwork_of() -> None:
    campaign = toys.campaign(
        recipe={"epochs": 5, "fidelity": [{"until": 2, "size": 8, "steps": 5, "images": 0.5}]}
    )
    space = Space.load("motifs-small").with_images(size=16, channels=1, classes=10)
    sample = space.sample(random.Random(0))
    found = network_of(campaign, sample)
    alone = space_at(sample.genome, size=8, steps=5)
    planned = plan(alone, parse_reads(alone, "decoder"), training=True)
    macs = planned.planned_macs(campaign.recipe.batch_size)
    assert found.cheaper == ((2, 0.5, len(planned.operations), macs),)
    assert macs < found.multiplies


# ---------------------------------------------------------------------- the scheduler's part


@pytest.mark.parametrize("epochs", [9, 10, 27, 30, 100])
@pytest.mark.parametrize("factor", [2.0, 3.0, 4.0])
@pytest.mark.parametrize("grace", [None, 1, 2])
def test_the_rungs_are_those_of_the_scheduler(
    epochs: int, factor: float, grace: int | None
) -> None:
    settings = Scheduler(reduction_factor=factor, grace_epochs=grace)
    real = scheduler.create(settings, epochs, 0, [])
    rungs = real._brackets[0]._rungs  # noqa: SLF001 - Ray shows them nowhere else
    milestones = sorted(rung for rung, _ in rungs)
    reached = [int(np.ceil(rung)) for rung in milestones if np.ceil(rung) < epochs]
    assert list(rungs_of(settings, epochs, 0)) == reached


def test_the_lengths_are_those_that_the_scheduler_gives_to_the_same_kind_of_scores() -> None:
    """The mean over many toy campaigns in the real ASHA, fed with random scores one by one."""
    settings, trials, epochs = Scheduler(reduction_factor=3.0, grace_epochs=1), 60, 9
    rng, real = random.Random(0), []
    for _ in range(30):
        asha = scheduler.create(settings, epochs, 0, [])
        for number in range(trials):
            quality, length = rng.gauss(0, 1), epochs
            for epoch in range(1, epochs + 1):
                top1 = quality + 0.5 * rng.gauss(0, 1)
                report = {"number": number, "epoch": epoch, "top1": top1}
                if asha.remember(report):
                    length = epoch
                    break
            real.append(length)
    mine = [
        training_lengths(settings, epochs, trials, np.random.default_rng(seed))
        for seed in range(30)
    ]
    assert np.mean(mine) == pytest.approx(np.mean(real), rel=0.08)
    assert np.mean(mine) < epochs * 0.6, "early stops save a lot"


def test_without_early_stops_every_trial_has_all_epochs() -> None:
    found = told(scheduler={"name": "fifo"}, budget={"trials": 10})
    assert (found.epochs.low, found.epochs.high) == (90.0, 90.0)
    each = 9 * 1.0 + 0.1 + 0.15  # epochs, making the network, the handing over
    assert found.seconds.low < START_SECONDS + 10 * each < found.seconds.high
    assert found.device_hours.likely * 3600 == pytest.approx(10 * each, rel=0.1)


def test_two_at_once_take_half_the_time_and_as_many_hours() -> None:
    fifo: dict[str, Any] = {"scheduler": {"name": "fifo"}, "budget": {"trials": 200}}
    one, two = told(**fifo), told(slots=2, **fifo)
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
    found = told(scheduler={"name": "fifo"}, budget={"trials": 100} | budget)
    assert found.ends_by == (by or "seconds")
    assert found.trials.high < 10
    if "epochs" in budget:
        assert found.epochs.high == 45
    if "seconds" in budget:
        assert found.seconds.high <= 30
    assert told(budget={"trials": 2}).ends_by == "trials"


def test_a_campaign_of_a_million_trials_is_not_played_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    played: list[int] = []

    def noting(settings: Scheduler, epochs: int, trials: int, rng: np.random.Generator) -> Any:
        played.append(trials)
        return training_lengths(settings, epochs, trials, rng)

    monkeypatch.setattr("search.forecast.simulation.training_lengths", noting)
    fifo: dict[str, Any] = {"scheduler": {"name": "fifo"}}
    short = told(**fifo, budget={"trials": PLAYED})
    long = told(**fifo, budget={"trials": 500 * PLAYED})
    assert max(played) == PLAYED
    assert long.trials.likely == 1_000_000
    assert long.epochs.likely == 9_000_000
    assert long.seconds.likely == pytest.approx(500 * short.seconds.likely, rel=0.01)
    ended = told(**fifo, budget={"trials": 1_000_000, "epochs": 450_000, "seconds": 10**9})
    assert (ended.trials.likely, ended.ends_by) == (50_000, "epochs")


def test_trainings_of_any_length_are_a_few_numbers() -> None:
    """Seconds are worked out from the kinds of epochs, not kept for each epoch."""
    trainings = Trainings(CALIBRATION, [network()] * 100)
    assert trainings.each.size + trainings.until.size == 200
    fifo = told(epochs=100_000, scheduler={"name": "fifo"}, budget={"trials": 20})
    assert fifo.epochs.likely == 2_000_000


# ---------------------------------------------------------------------- on this machine


def test_a_machine_is_calibrated_once_for_a_kind_of_campaign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real calibration: worker processes that train, and no torch here."""
    home = Home.at(tmp_path / "home")
    campaign = toys.campaign(recipe={"epochs": 2})
    packed, space = driver.prepare(campaign, home)
    found = estimate(campaign, space, packed.ref, home, TWO)
    assert found.device == "cpu"
    assert 0 < found.seconds.low <= found.seconds.likely <= found.seconds.high < 600
    kept = json.loads(home.calibrations.read_text())
    assert len(kept) == 1

    def never(*_arguments: Any) -> Any:
        raise AssertionError("it was measured before")

    monkeypatch.setattr("search.forecast.calibration._measured", never)
    other = campaign.model_copy(update={"name": "other", "seed": 5})
    assert estimate(other, space, packed.ref, home, TWO).device == "cpu"
    larger = Campaign.parse(campaign.document() | {"recipe": {"batch_size": 8}})
    with pytest.raises(AssertionError, match="measured before"):
        estimate(larger, space, packed.ref, home, TWO)


def test_a_space_that_cannot_be_timed_has_no_estimate(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home")
    campaign = toys.campaign()
    packed, space = driver.prepare(campaign, home)
    wrong = packed.ref.model_copy(update={"checksum": "0" * 64})
    broken = NetworkWork(
        operations=1,
        multiplies=1.0,
        document=space.sample(random.Random(0)).genome.document(),
        recipe=campaign.recipe.model_dump(mode="json"),
    )
    with pytest.raises(VentralError, match="no network of the space could be trained"):
        calibrate(campaign, space, [broken], wrong, home, 1)
