"""A trial's life on record, from its suggestion to its end."""

from __future__ import annotations

import pytest

from search.store import Store
from space.errors import StoreError
from tests.support.campaigns import add, genome_of, new_campaign, report


def test_a_trials_life(store: Store) -> None:
    campaign = new_campaign(store)
    assert store.trials.next_number(campaign.id) == 0
    add(store, campaign.id, 0, choices={"b": 1.5, "a": "x", "c": None, "d": True})
    assert store.trials.next_number(campaign.id) == 1
    trial = store.results.get(campaign.id, 0)
    assert (trial.status, trial.epochs, trial.top1, trial.arrived) == ("waiting", 0, None, None)
    assert list(trial.choices.items()) == [("b", 1.5), ("a", "x"), ("c", None), ("d", True)]

    store.trials.start(campaign.id, 0)
    for epoch, top1 in [(1, 0.2), (2, 0.7), (3, 0.6)]:
        assert store.trials.add_report(campaign.id, 0, report(epoch, top1))
    store.trials.finish(campaign.id, 0, "finished")
    trial = store.results.get(campaign.id, 0)
    assert (trial.status, trial.top1, trial.best, trial.epochs) == ("finished", 0.6, 0.7, 3)
    assert (trial.seconds, trial.memory_mb, trial.attempts) == (4.5, 200.0, 1)
    assert trial.document == genome_of(0).document()
    assert store.results.find(campaign.id)[0].document is None
    reports = store.results.reports(campaign.id, 0)
    assert [one.report.epoch for one in reports] == [1, 2, 3]
    assert reports[1].report == report(2, 0.7)

    with pytest.raises(StoreError, match="holds a trial 0 already"):
        add(store, campaign.id, 0)
    with pytest.raises(StoreError, match="no trial 7; it has trials 0 to 0"):
        store.trials.start(campaign.id, 7)
    with pytest.raises(StoreError, match="no trial 7"):
        store.trials.finish(campaign.id, 7, "failed")
    with pytest.raises(StoreError, match="no trial 7"):
        store.trials.add_report(campaign.id, 7, report(1, 0.1))
    with pytest.raises(ValueError, match="not an end"):
        store.trials.finish(campaign.id, 0, "running")


def test_stopping_leaves_no_trial_running(store: Store) -> None:
    campaign = new_campaign(store)
    for number in range(3):
        add(store, campaign.id, number)
        store.trials.start(campaign.id, number)
    store.trials.requeue(campaign.id, 1, "node lost")
    assert store.results.get(campaign.id, 1).reason == "node lost"
    store.campaigns.set_state(campaign.id, "stopped")
    assert store.results.counts(campaign.id)["running"] == 0
    assert store.results.counts(campaign.id)["waiting"] == 3
    store.campaigns.set_state(campaign.id, "running")
    store.trials.start(campaign.id, 1)
    trial = store.results.get(campaign.id, 1)
    assert (trial.status, trial.attempts, trial.reason) == ("running", 2, None)
