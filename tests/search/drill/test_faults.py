"""The faults of a drill: whom they strike, when a trial has recovered, and their campaign."""

from __future__ import annotations

import random
import signal
from types import SimpleNamespace

import pytest

from search.campaign import Campaign
from search.drill import faults
from search.drill.scene import Scene
from search.drill.verdict import Snapshot
from tests.support.scenes import tell


class Sleeper:
    """In the place of a driver that runs for a number of looks at it."""

    def __init__(self, looks: int) -> None:
        self.left = looks

    def poll(self) -> int | None:
        self.left -= 1
        return None if self.left >= 0 else 0


def interrupt(scene: Scene, *trials: int) -> Snapshot:
    """A moment after all that is on record, at which these trials were interrupted."""
    return Snapshot(at=scene.happenings()[-1].at + 0.5, ended={}, interrupted=trials, reports={})


def recover(scene: Scene, moment: Snapshot) -> float | None:
    return faults.FAULTS["worker"].back(scene, moment)


def test_recovery_lasts_until_a_trial_that_was_started_again_reports(scene: Scene) -> None:
    moment = interrupt(scene, 4)
    tell(scene, "retry 4", "started 5", "report 5", "started 4", "report 4", "report 4")
    assert recover(scene, moment) == pytest.approx(4.5)


@pytest.mark.parametrize(
    ("later", "waits"),
    [
        ((), True),
        (("report 4",), True),  # it may have been on its way already
        (("report 4", "report 4"), False),
        (("finished 4",), False),
        (("report 4", "report 4", "retry 5"), True),  # a worker was lost: which one is not known
    ],
)
def test_a_trial_whose_worker_lives_is_not_waited_for(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, later: tuple[str, ...], waits: bool
) -> None:
    moment = interrupt(scene, 4)
    tell(scene, *later)
    monkeypatch.setattr(faults, "time", SimpleNamespace(monotonic=lambda: moment.at))
    scene.process = driver = Sleeper(20)  # type: ignore[assignment]
    assert recover(scene, moment) is None
    assert (driver.left < 0) == waits


@pytest.fixture
def struck(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """(trial, signal) of each signal sent; the first one finds no worker."""
    sent: list[tuple[int, int]] = []

    def send(_scene: Scene, number: int, sign: signal.Signals) -> bool:
        sent.append((number, sign.value))
        return len(sent) > 1

    monkeypatch.setattr(Scene, "signal", send)
    return sent


@pytest.mark.parametrize(("fault", "sign"), [("worker", signal.SIGKILL), ("hang", signal.SIGSTOP)])
def test_a_worker_is_struck_once_where_one_runs(
    scene: Scene, struck: list[tuple[int, int]], fault: str, sign: signal.Signals
) -> None:
    tell(scene, "finished 2", "started 4")
    scene.process = Sleeper(9)  # type: ignore[assignment]
    faults.FAULTS[fault].do(scene, random.Random(0))
    assert struck == [(4, sign.value)] * 2


def test_where_nothing_runs_any_more_nobody_is_struck(
    scene: Scene, struck: list[tuple[int, int]]
) -> None:
    tell(scene, "finished 2")
    scene.process = Sleeper(1)  # type: ignore[assignment]
    faults.FAULTS["worker"].do(scene, random.Random(0))
    assert struck == []


@pytest.mark.parametrize(("times", "slots"), [(1, 1), (10, 4)])
def test_the_sandbox_is_long_enough_for_all_faults(times: int, slots: int) -> None:
    campaign = faults.campaign(times, slots)
    assert Campaign.parse(campaign.document()) == campaign
    assert campaign.budget.trials is not None
    assert campaign.budget.trials * campaign.recipe.epochs >= 10 * times * slots
    assert campaign.resources.concurrent == slots
