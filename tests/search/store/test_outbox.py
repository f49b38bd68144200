"""What the mirror asks the store of trials that have not ended, on each database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from search.store import Store
from tests.support.campaigns import add, new_campaign, report, train


@pytest.fixture
def opened(url: str) -> Iterator[Store]:
    """A new store."""
    store = Store.open(url)
    yield store
    store.close()


def test_only_what_runs_or_is_shown_is_looked_at(opened: Store) -> None:
    campaign = new_campaign(opened)
    for number in range(4):
        add(opened, campaign.id, number)
    train(opened, campaign.id, 0, 0.5)
    opened.start_trial(campaign.id, 1)
    opened.start_trial(campaign.id, 2)
    [one, two] = opened.unfinished_runs(campaign.id)
    assert (one.number, one.run, one.doubtful, one.shown) == (1, None, False, False)
    assert not opened.shows_running(campaign.id)
    opened.mark_showing(campaign.id, [1, 2])
    assert all(entry.doubtful and entry.shown for entry in opened.unfinished_runs(campaign.id))
    opened.mark_shown(campaign.id, {1: ("a", one.version), 2: ("b", two.version)}, {1, 2})
    opened.requeue_trial(campaign.id, 2)
    one, two = opened.unfinished_runs(campaign.id)
    assert [(entry.run, entry.status, entry.doubtful) for entry in (one, two)] == [
        ("a", "running", False),
        ("b", "waiting", False),
    ]
    opened.mark_shown(campaign.id, {2: ("b", two.version)}, {1})
    assert [entry.number for entry in opened.unfinished_runs(campaign.id)] == [1]
    assert opened.runs(campaign.id) == {1: "a", 2: "b"}
    assert opened.backlog(campaign.id) == 1, "trials that have not ended are not owed"


def test_a_trial_that_ends_while_it_is_shown_stays_in_the_outbox(opened: Store) -> None:
    campaign = new_campaign(opened)
    add(opened, campaign.id, 0)
    opened.start_trial(campaign.id, 0)
    opened.mark_showing(campaign.id, [0])
    [entry] = opened.unfinished_runs(campaign.id)
    opened.finish_trial(campaign.id, 0, "finished")
    for running in ({0}, set[int]()):
        opened.mark_shown(campaign.id, {0: ("a", entry.version)}, running)
        assert [(one.number, one.doubtful) for one in opened.outbox(campaign.id)] == [(0, True)]
    assert opened.unfinished_runs(campaign.id) == []


def test_new_reports_are_those_that_arrived_since(opened: Store) -> None:
    campaign = new_campaign(opened)
    for number in range(3):
        add(opened, campaign.id, number)
        opened.start_trial(campaign.id, number)
        opened.add_report(campaign.id, number, report(1, number / 10))
    first = opened.new_reports(campaign.id, [0, 1], [], 0)
    assert [(one["number"], one["epoch"], one["top1"]) for one in first] == [
        (0, 1, 0),
        (1, 1, 0.1),
    ]
    last = first[-1]["arrived"]
    opened.add_report(campaign.id, 0, report(2, 0.4))
    later = opened.new_reports(campaign.id, [2], [0, 1], last)
    assert [(one["number"], one["epoch"]) for one in later] == [(2, 1), (0, 2)]
    assert opened.new_reports(campaign.id, [], [0, 1, 2], later[-1]["arrived"]) == []
