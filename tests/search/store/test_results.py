"""What came of the trials: in the order of arrival, or the best first."""

from __future__ import annotations

import time

import pytest

from search.store import Store
from tests.support.campaigns import add, genome_of, new_campaign, report, train


def test_results_keep_the_order_of_arrival_when_the_clock_jumps(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = new_campaign(store)
    wall = iter(range(10**9, 0, -1000))
    monkeypatch.setattr(time, "time", lambda: float(next(wall)))
    for number in range(4):
        add(store, campaign.id, number)
        store.trials.start(campaign.id, number)
    for number in (2, 0, 3):
        store.trials.add_report(campaign.id, number, report(1, 0.1 * number))
    store.trials.finish(campaign.id, 3, "pruned")
    add(store, campaign.id, 4, status="infeasible", reason="too large")
    store.trials.finish(campaign.id, 0, "finished")
    assert [(trial.number, trial.status) for trial in store.results.ended(campaign.id)] == [
        (3, "pruned"),
        (4, "infeasible"),
        (0, "finished"),
    ]
    assert [one.number for one in store.results.all_reports(campaign.id)] == [2, 0, 3]
    places = [trial.arrived for trial in store.results.ended(campaign.id)]
    # Ending once more does not move a result.
    store.trials.finish(campaign.id, 3, "pruned")
    assert [trial.arrived for trial in store.results.ended(campaign.id)] == places


def test_the_best_come_first(store: Store) -> None:
    campaign = new_campaign(store)
    scores = {0: 0.5, 1: 0.9, 2: 0.9, 3: 0.7}
    for number, score in scores.items():
        add(store, campaign.id, number, parameters=5000 - number)
        train(store, campaign.id, number, score, status="pruned" if number == 3 else "finished")
    add(store, campaign.id, 4, origin="control")
    train(store, campaign.id, 4, 0.6)
    add(store, campaign.id, 5)
    store.trials.start(campaign.id, 5)
    store.trials.add_report(campaign.id, 5, report(1, 0.99))
    top = [trial.number for trial in store.results.top(campaign.id)]
    assert top == [2, 1, 3, 4, 0], "of equals the smaller first; nothing that still runs"
    assert [trial.number for trial in store.results.top(campaign.id, 2)] == [2, 1]
    assert [t.number for t in store.results.top(campaign.id, statuses=["finished"])] == [
        2,
        1,
        4,
        0,
    ]
    assert 4 not in [trial.number for trial in store.results.top(campaign.id, without="control")]
    assert [trial.number for trial in store.results.find(campaign.id, origin="control")] == [4]
    assert store.results.top(campaign.id, 1, genomes=True)[0].document == genome_of(2).document()
