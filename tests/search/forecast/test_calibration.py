"""What an epoch takes on this machine: fitted to trainings that are really timed."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from search import driver
from search.campaign import Campaign
from search.forecast import (
    Calibration,
    NetworkWork,
    calibrate,
    estimate,
)
from search.forecast.calibration import fit
from search.host.home import Home
from search.host.machine import Machine
from space.errors import VentralError
from tests.support import toys
from tests.support.exports import genome
from workers.job import PackRef

TWO = Machine(cpus=2, gpus=0)


def network(operations: int = 100, multiplies: float = 0.0) -> NetworkWork:
    return NetworkWork(operations=operations, multiplies=multiplies, genome=genome(), recipe={})


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


def test_what_recomputes_is_measured_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network over `limits.memory` takes longer where it recomputes."""
    measured: list[Any] = []

    def count(chosen: list[NetworkWork], _data: Any, campaign: Campaign, _processes: int) -> Any:
        measured.append((campaign.limits.memory, campaign.limits.over_memory))
        return {"device": "cpu", "jobs": [{"build": 0.1, "epoch": 1.0}] * len(chosen)}

    monkeypatch.setattr("search.forecast.calibration._measured", count)
    home, networks = Home.at(tmp_path / "home"), [network(10, 1e6), network(20, 3e6)]
    data = PackRef(path="/nowhere", checksum="c" * 64)
    kinds: list[tuple[int | None, str]] = [
        (None, "infeasible"),
        (9000, "infeasible"),
        (9000, "recompute"),
        (8000, "recompute"),
    ]
    for memory, over in [*kinds, *kinds]:
        campaign = toys.campaign(limits={"memory": memory, "over_memory": over})
        calibrate(campaign, toys.space(), networks, data, home, 1)
    assert measured == kinds, "each of them once"
    smaller = toys.campaign(limits={"parameters": 100})
    calibrate(smaller, toys.space(), networks, data, home, 1)
    assert measured == kinds, "what is not trained has no part in the time"


def test_a_space_that_cannot_be_timed_has_no_estimate(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home")
    campaign = toys.campaign()
    packed, space = driver.prepare(campaign, home)
    wrong = packed.ref.model_copy(update={"checksum": "0" * 64})
    broken = NetworkWork(
        operations=1,
        multiplies=1.0,
        genome=space.sample(random.Random(0)).genome,
        recipe=campaign.recipe.model_dump(mode="json"),
    )
    with pytest.raises(VentralError, match="no network of the space could be trained"):
        calibrate(campaign, space, [broken], wrong, home, 1)
