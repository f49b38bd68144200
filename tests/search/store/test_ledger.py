"""The ledger: every attempt charged, and the budget that it is held against."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from search.campaign import Budget
from search.host.home import Process
from search.store import Store
from search.store.ledger import REFRESH_SECONDS, Meter
from search.store.tables import CAMPAIGNS
from search.tune.evidence import read_result
from search.tune.recorder import Recorder
from space.errors import StoreError
from tests.support import runs, toys
from tests.support.campaigns import add, new_campaign, report, train
from tests.support.tables import change_rows
from workers.job import Report


class Clock:
    """Both of the machine's clocks, set by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall, self.ticks = 1e9, 100.0
        monkeypatch.setattr(time, "time", lambda: self.wall)
        monkeypatch.setattr(time, "monotonic", lambda: self.ticks)

    def pass_(self, seconds: float) -> None:
        self.ticks += seconds
        self.wall += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_every_attempt_is_charged_whatever_became_of_it(store: Store, clock: Clock) -> None:
    campaign = new_campaign(store)
    for number in range(4):
        add(store, campaign.id, number)
    store.trials.start(campaign.id, 0, devices=2.0)
    clock.pass_(10)
    store.trials.add_report(campaign.id, 0, report(1, 0.5))
    clock.pass_(5)
    store.trials.requeue(campaign.id, 0, "its worker died")
    clock.pass_(100)  # nobody holds a device
    store.trials.start(campaign.id, 0, devices=2.0)
    store.trials.add_report(campaign.id, 0, report(1, 0.5), trained=False)
    clock.pass_(7)
    store.trials.add_report(campaign.id, 0, report(2, 0.6))
    store.trials.finish(campaign.id, 0, "finished")
    store.trials.start(campaign.id, 1)
    clock.pass_(3)
    store.trials.finish(campaign.id, 1, "failed", "diverged: nan")
    ledger = store.campaigns.ledger(campaign.id)
    assert ledger.device_seconds == pytest.approx(2 * 15 + 2 * 7 + 3)
    assert (ledger.attempts, ledger.epochs, ledger.repeated) == (3, 2, 0)
    assert dict(ledger.by_end) == {"lost": (1, 30.0), "finished": (1, 14.0), "failed": (1, 3.0)}
    first, second = store.campaigns.attempts(campaign.id, 0)
    assert (first.how, first.seconds, first.epochs) == ("lost", 15.0, 1)
    assert (second.how, second.seconds, second.epochs, second.attempt) == ("finished", 7.0, 1, 2)


def test_epochs_that_are_trained_again_are_charged_again(store: Store) -> None:
    campaign = new_campaign(store)
    add(store, campaign.id, 0)
    store.trials.start(campaign.id, 0)
    for epoch in (1, 2, 3):
        store.trials.add_report(campaign.id, 0, report(epoch, 0.1))
    store.trials.requeue(campaign.id, 0)
    store.trials.start(campaign.id, 0)
    store.trials.add_report(
        campaign.id, 0, report(1, 0.1), trained=False
    )  # its checkpoint's memory
    for epoch in (2, 3, 4):
        store.trials.add_report(campaign.id, 0, report(epoch, 0.1))
    ledger = store.campaigns.ledger(campaign.id)
    assert (ledger.epochs, ledger.repeated) == (6, 2)


def test_a_clock_that_jumps_charges_nothing(store: Store, clock: Clock) -> None:
    campaign = new_campaign(store)
    add(store, campaign.id, 0)
    store.trials.start(campaign.id, 0)
    clock.pass_(4)
    clock.wall -= 86_400
    store.campaigns.heartbeat(campaign.id)
    assert store.campaigns.ledger(campaign.id).device_seconds == pytest.approx(4.0)
    clock.wall += 10 * 86_400
    clock.ticks += 2
    store.trials.finish(campaign.id, 0, "pruned")
    assert store.campaigns.ledger(campaign.id).device_seconds == pytest.approx(6.0)


def test_a_stopped_run_and_a_dead_driver_end_their_attempts(
    store: Store, clock: Clock, url: str
) -> None:
    campaign = new_campaign(store)
    add(store, campaign.id, 0)
    store.trials.start(campaign.id, 0)
    clock.pass_(5)
    assert store.campaigns.ledger(campaign.id).running_devices == 1.0
    store.campaigns.set_state(campaign.id, "stopped")
    ledger = store.campaigns.ledger(campaign.id)
    assert dict(ledger.by_end) == {"stopped": (1, 5.0)}
    assert ledger.running_devices == 0.0
    store.campaigns.set_state(campaign.id, "running")
    store.trials.start(campaign.id, 0)
    clock.pass_(5)
    store.campaigns.release(campaign.id)
    clock.pass_(60)  # Ray takes its time to end
    store.campaigns.set_state(campaign.id, "stopped")
    assert store.campaigns.ledger(campaign.id).device_seconds == pytest.approx(10.0)
    store.campaigns.set_state(campaign.id, "running")
    store.trials.start(campaign.id, 0)
    clock.pass_(5)
    store.campaigns.heartbeat(campaign.id)
    seen = clock.wall
    clock.pass_(1000)  # the driver is killed soon after, and nothing happens for a while
    store = Store.open(url)  # a new driver's, which knows what is on record alone
    store.campaigns.set_state(campaign.id, "running")
    last = store.campaigns.attempts(campaign.id, 0)[-1]
    assert (last.how, last.seconds, last.ended) == ("interrupted", 5.0, seen)


def test_a_retry_waits_for_the_next_run_and_keeps_the_account(store: Store) -> None:
    campaign = new_campaign(store)
    for number in range(2):
        add(store, campaign.id, number)
    store.trials.start(campaign.id, 0)
    store.trials.finish(campaign.id, 0, "failed", "lost: its worker died 3 times")
    train(store, campaign.id, 1, 0.5)
    with pytest.raises(StoreError, match="is running, and its driver would not see"):
        store.trials.retry(campaign.id, 0)
    store.campaigns.set_state(campaign.id, "finished")
    with pytest.raises(StoreError, match="has not failed"):
        store.trials.retry(campaign.id, 1)
    with pytest.raises(StoreError, match="no trial 7"):
        store.trials.retry(campaign.id, 7)
    store.trials.retry(campaign.id, 0)
    trial = store.results.get(campaign.id, 0)
    assert (trial.status, trial.reason, trial.ended, trial.arrived) == ("waiting", None) + (
        None,
    ) * 2
    assert store.campaigns.get(campaign.id).state == "stopped"
    assert store.campaigns.ledger(campaign.id).attempts == 2
    assert [one.number for one in store.results.ended(campaign.id)] == [1]


# ---------------------------------------------------------------------- the meter


def test_the_meter_is_exact_for_epochs(store: Store) -> None:
    campaign = new_campaign(store)
    add(store, campaign.id, 0)
    store.trials.start(campaign.id, 0)
    meter = Meter(store, campaign.id, Budget(epochs=3))
    for epoch in (1, 2, 3):
        assert meter.find_exhausted() is None
        store.trials.add_report(campaign.id, 0, report(epoch, 0.1))
        meter.epoch()
    assert meter.find_exhausted() == "budget.epochs: 3 are used up"
    assert Meter(store, campaign.id, Budget(epochs=3)).find_exhausted() is not None
    assert Meter(store, campaign.id, Budget(epochs=4)).find_exhausted() is None


def test_the_meter_runs_on_between_two_looks(store: Store, clock: Clock) -> None:
    campaign = new_campaign(store)
    add(store, campaign.id, 0)
    store.trials.start(campaign.id, 0, devices=2.0)
    meter = Meter(store, campaign.id, Budget(device_hours=20 / 3600), clock=lambda: clock.ticks)
    assert meter.find_exhausted() is None
    for _ in range(8):
        clock.pass_(1.0)
        store.campaigns.heartbeat(campaign.id)
        assert meter.find_exhausted() is None
    clock.pass_(REFRESH_SECONDS + 0.5)
    store.campaigns.heartbeat(campaign.id)
    assert meter.find_exhausted() == f"budget.device_hours: {20 / 3600:g} are used up"


def test_without_bounds_nothing_is_used_up(store: Store) -> None:
    campaign = new_campaign(store)
    assert Meter(store, campaign.id, Budget(trials=1)).find_exhausted() is None


def test_a_driver_that_was_taken_over_ends_no_attempt_of_its_successor(store: Store) -> None:
    campaign = new_campaign(store)
    store.campaigns.set_state(campaign.id, "running")
    add(store, campaign.id, 0)
    store.trials.start(campaign.id, 0)
    other = str(Process(host="node7/boot", pid=4, born="5"))
    with change_rows(store) as connection:
        connection.execute(sa.update(CAMPAIGNS).values(driver=other))
    store.campaigns.release(campaign.id)
    assert [attempt.how for attempt in store.campaigns.attempts(campaign.id, 0)] == [None]


@pytest.mark.parametrize("heard", [0, 1, 2])
def test_the_recorder_counts_what_is_charged(tmp_path: Path, heard: int) -> None:
    """Epochs that no driver lived to hear are counted, those that one heard are not again."""
    bench = runs.Bench(tmp_path, budget={"trials": 3, "epochs": 3}, recipe={"epochs": 4})
    run = bench.begin()
    assignment = run.queue.next()
    assert assignment is not None
    run.records.start(assignment.number)
    reports = [toys.report(epoch, 0.1) for epoch in (1, 2, 3)]
    for one in reports[:heard]:
        run.records.add_report(assignment.number, Report.model_validate(one))
    recorder = Recorder(run)
    ray = SimpleNamespace(
        trial_id="a",
        config={"trial": assignment.number},
        temporary_state=SimpleNamespace(ray_actor=None),
        last_result={},
    )
    recorder.on_trial_start(trial=ray)
    # Its new worker tells first what the checkpoint holds.
    known: dict[str, Any] = {"earlier": reports[:2], "report": reports[1]}
    read_result(known)
    recorder.on_trial_result(trial=ray, result=known)
    recorder.on_step_end()
    assert run.stop.error is None
    assert not run.stop, "two of three"
    assert bench.store.campaigns.ledger(bench.id).epochs == 2
    last: dict[str, Any] = {"report": reports[2]}
    read_result(last)
    recorder.on_trial_result(trial=ray, result=last)
    recorder.on_step_end()
    assert bench.store.campaigns.ledger(bench.id).epochs == 3
    assert run.stop.reason == "budget.epochs: 3 are used up"
