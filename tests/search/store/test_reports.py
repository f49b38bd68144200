"""Reports: each epoch's counts once, and is kept as numbers that are finite."""

from __future__ import annotations

import gc
import json
from math import inf, isnan, nan

from search.store import Store
from tests.support.campaigns import add, new_campaign, report


def test_a_report_counts_once_and_never_backwards(store: Store) -> None:
    campaign = new_campaign(store)
    add(store, campaign.id, 0)
    store.trials.start(campaign.id, 0)
    assert store.trials.add_report(campaign.id, 0, report(1, 0.3))
    assert store.trials.add_report(campaign.id, 0, report(2, 0.5))
    before = store.results.get(campaign.id, 0)
    # A worker that continues from an older checkpoint repeats what it reported.
    assert store.trials.add_report(campaign.id, 0, report(1, 0.9)) is False
    assert store.trials.add_report(campaign.id, 0, report(2, 0.9)) is False
    assert store.results.get(campaign.id, 0) == before
    assert [one.report.top1 for one in store.results.reports(campaign.id, 0)] == [0.3, 0.5]


def test_a_late_report_of_an_earlier_epoch_is_not_the_score(store: Store) -> None:
    campaign = new_campaign(store)
    add(store, campaign.id, 0)
    store.trials.start(campaign.id, 0)
    store.trials.add_report(campaign.id, 0, report(2, 0.5))
    assert store.trials.add_report(campaign.id, 0, report(1, 0.7))
    trial = store.results.get(campaign.id, 0)
    assert (trial.epochs, trial.top1, trial.best) == (2, 0.5, 0.7)


def test_what_is_kept_is_what_was_reported(store: Store) -> None:
    campaign = new_campaign(store)
    add(store, campaign.id, 0)
    store.trials.start(campaign.id, 0)
    store.trials.add_report(campaign.id, 0, report(1, 0.3), trained=False, late=True)
    store.trials.add_report(campaign.id, 0, report(2, 0.5))
    on_record = store.results.reports(campaign.id, 0)
    assert [one.report for one in on_record] == [report(1, 0.3), report(2, 0.5)]
    assert [(one.number, one.late) for one in on_record] == [(0, True), (0, False)]
    assert store.results.all_reports(campaign.id) == on_record


def test_numbers_that_are_not_finite_are_no_numbers(store: Store) -> None:
    campaign = new_campaign(store)
    add(store, campaign.id, 0)
    store.trials.start(campaign.id, 0)
    odd = report(1, nan, loss=inf, seconds=nan, accuracy_by_step=(0.1, nan))
    store.trials.add_report(campaign.id, 0, odd)
    store.trials.finish(campaign.id, 0, "failed", "diverged\x00", "log\x00tail")
    trial = store.results.get(campaign.id, 0)
    assert (trial.top1, trial.best, trial.loss, trial.epochs) == (None, None, None, 1)
    assert trial.seconds == 0.0
    assert (trial.reason, trial.detail) == ("diverged\\0", "log\\0tail")
    [kept] = store.results.reports(campaign.id, 0)
    assert isnan(kept.report.top1)
    assert isnan(kept.report.loss)
    assert kept.report.accuracy_by_step[0] == 0.1
    assert isnan(kept.report.accuracy_by_step[1])
    shown = kept.document()
    assert (shown["top1"], shown["loss"], shown["accuracy_by_step"]) == (None, None, [0.1, None])
    json.dumps(shown, allow_nan=False)
    assert store.results.top(campaign.id, statuses=["failed"]) == []


def test_reading_leaves_the_collection_of_garbage_as_it_was(store: Store) -> None:
    campaign = new_campaign(store)
    add(store, campaign.id, 0)
    store.trials.start(campaign.id, 0)
    store.trials.add_report(campaign.id, 0, report(1, 0.3))
    assert gc.isenabled()
    try:
        for switch, collects in ((gc.disable, False), (gc.enable, True)):
            switch()
            assert len(store.results.all_reports(campaign.id)) == 1
            assert gc.isenabled() == collects
    finally:
        gc.enable()
