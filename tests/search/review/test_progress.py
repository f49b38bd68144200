"""How far a campaign is, from the store alone; at the length of a real one as well."""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path

import pytest

from search.assign.shares import Share
from search.host.machine import Machine
from search.review.progress import Progress, document, progress
from search.store import SEARCHED, Campaign, ShareClaim, Store
from tests.support import large, toys
from tests.support.campaigns import add, fill, new_campaign, report, train
from tests.support.effort import count_calls
from tests.support.tables import change_rows


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(f"sqlite:///{tmp_path}/store.db")


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1e9
        monkeypatch.setattr(time, "time", lambda: self.now)
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def begun(store: Store, **changes: object) -> Campaign:
    file = toys.campaign(**changes)
    record = store.campaigns.create("toy", file.document(), {}, {})
    store.campaigns.set_state(record.id, "running")
    claim = ShareClaim(
        campaign=record.id, priority=0, cpus=1, gpus=0, wanted=2, held=0, joined=time.time()
    )
    Share(store, claim, "here", Machine(cpus=2, gpus=0))
    return store.campaigns.get(record.id)


def train_for(store: Store, clock: Clock, campaign_id: str, number: int, seconds: float) -> None:
    add(store, campaign_id, number)
    store.trials.start(campaign_id, number)
    clock.now += seconds
    store.trials.add_report(campaign_id, number, report(1, 0.5))
    store.trials.finish(campaign_id, number, "finished")
    store.campaigns.heartbeat(campaign_id)


def test_a_finished_campaign_is_told_whole(store: Store) -> None:
    campaign = fill(store)
    store.campaigns.set_state(campaign.id, "finished")
    found = progress(store, campaign.id)
    assert found.best is not None
    assert (found.best.number, found.best.top1) == (1, 0.8)
    assert found.done == 4
    assert found.failures == {"diverged": 1}
    assert (found.workers, found.remaining, found.unmirrored) == ((), None, 5)
    assert (found.ledger.epochs, found.ledger.attempts) == (6, 4)
    assert json.loads(json.dumps(document(found)))["ledger"]["by_end"]["failed"]["attempts"] == 1


def test_the_pace_is_that_of_the_last_trials_of_this_run(store: Store, clock: Clock) -> None:
    record = begun(store, budget={"trials": 100})
    for number in range(3):
        train_for(store, clock, record.id, number, 60.0)
    found = progress(store, record.id)
    assert found.pace is not None
    assert found.remaining is not None
    assert found.pace.trials_per_hour == pytest.approx(60.0)
    assert found.pace.basis == "the last 3 trials"
    assert found.remaining.seconds == pytest.approx(97 * 60)
    assert found.remaining.ends_by == "trials"
    for number in range(3, 28):
        train_for(store, clock, record.id, number, 10.0)
    found = progress(store, record.id)
    assert found.pace is not None
    assert found.pace.trials_per_hour == pytest.approx(360.0, rel=0.01)
    assert found.pace.basis == "the last 20 trials"
    # A night between two runs is no part of any trial.
    store.campaigns.set_state(record.id, "stopped")
    clock.now += 8 * 3600
    store.campaigns.set_state(record.id, "running")
    claim = ShareClaim(
        campaign=record.id, priority=0, cpus=1, gpus=0, wanted=2, held=0, joined=clock.now
    )
    Share(store, claim, "here", Machine(cpus=2, gpus=0))
    for number in range(28, 32):
        train_for(store, clock, record.id, number, 20.0)
    found = progress(store, record.id)
    assert found.pace is not None
    assert found.pace.trials_per_hour == pytest.approx(180.0)


def test_the_part_of_the_budget_that_comes_first_is_the_end(store: Store, clock: Clock) -> None:
    budget = {"trials": 1000, "epochs": 10, "seconds": 10_000, "device_hours": 10}
    record = begun(store, budget=budget)
    for number in range(4):
        train_for(store, clock, record.id, number, 60.0)
    found = progress(store, record.id)
    assert found.remaining is not None
    assert found.remaining.ends_by == "epochs"
    assert found.remaining.seconds == pytest.approx(6 * 60)
    assert found.used["epochs"] == (4, 10)
    assert found.used["device_hours"] == pytest.approx((4 / 60, 10))
    assert found.used["seconds"] == pytest.approx((240, 10_000))


def test_what_is_being_trained_is_shown(store: Store, clock: Clock) -> None:
    record = begun(store)
    add(store, record.id, 0)
    store.trials.start(record.id, 0)
    store.trials.add_report(record.id, 0, report(1, 0.25))
    clock.now += 12
    [worker] = progress(store, record.id).workers
    assert (worker.trial, worker.epoch, worker.top1, worker.seconds) == (0, 1, 0.25, 12.0)


def test_before_anything_has_ended_there_is_no_pace(store: Store) -> None:
    record = begun(store)
    found: Progress = progress(store, record.id)
    assert (found.pace, found.remaining, found.best) == (None, None, None)
    assert document(found)["throughput"] is None


def test_trials_are_listed_by_what_is_asked_for(store: Store) -> None:
    campaign = large.campaign(store, 300)
    every = store.results.find(campaign.id)
    pruned = store.results.find(campaign.id, statuses=["pruned"], by="top1", limit=5)
    scores = sorted((one.top1 or 0 for one in every if one.status == "pruned"), reverse=True)
    assert [one.top1 for one in pruned] == scores[:5]
    cell = store.results.find(campaign.id, cell="out3")
    assert {one.number % 7 for one in cell} == {3}
    assert store.results.find(campaign.id, cell="%") == []
    largest = store.results.find(campaign.id, by="parameters", limit=2)
    assert [one.number for one in largest] == [299, 298]
    last = store.results.find(campaign.id, by="top1")[-1]
    assert last.top1 is None, "what has no score comes last"


def test_waiting_ones_of_a_dead_driver_are_listed_within_the_limit(store: Store) -> None:
    record = begun(store)
    for number in range(4):
        add(store, record.id, number)
    store.trials.start(record.id, 1)
    with change_rows(store) as connection:
        connection.exec_driver_sql("UPDATE campaigns SET driver = NULL")
    assert [t.number for t in store.results.find(record.id, statuses=["waiting"], limit=3)] == [
        0,
        1,
        2,
    ]
    train(store, record.id, 0, 0.5)
    assert [t.number for t in store.results.find(record.id, statuses=["running"], limit=3)] == []


def test_five_thousand_trials_are_summed_up_in_a_moment(store: Store) -> None:
    """By sums that the database makes: no trial's row is looked at here."""
    few, many = (large.campaign(store, size, name=f"of-{size}") for size in (50, 5_000))
    assert progress(store, many.id).done == 5_000
    calls = {one.id: count_calls(partial(progress, store, one.id)) for one in (few, many)}
    assert calls[many.id] < 2 * calls[few.id]


def test_searched_controls_are_counted_with_their_best(store: Store) -> None:
    campaign = new_campaign(store).id
    for number, score in enumerate((0.9, 0.4, 0.6)):
        add(store, campaign, number, family=SEARCHED if number else None)
        train(store, campaign, number, score)
    add(store, campaign, 3, family=SEARCHED, status="infeasible", reason="too large")
    state = progress(store, campaign)
    assert (state.searched_controls, document(state)["searched_controls"]) == (3, 3)
    assert state.best is not None
    assert state.best_control is not None
    assert (state.best.number, state.best_control.number) == (0, 2)
    assert document(state)["best_control"] == 0.6
