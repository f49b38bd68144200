"""The outbox: what changed is sent until it arrived; what the mirror asks of trials that train."""

from __future__ import annotations

from search.store import Store
from tests.support.campaigns import add, fill, new_campaign, report, train


def test_a_trial_stays_in_the_outbox_until_it_arrived(store: Store) -> None:
    campaign = fill(store)
    entries = store.outbox.pending(campaign.id)
    assert [entry.number for entry in entries] == [0, 1, 2, 3, 4]
    assert not any(entry.doubtful for entry in entries)
    store.outbox.mark_sending(campaign.id, [0, 1])
    assert [entry.doubtful for entry in store.outbox.pending(campaign.id)] == [True, True] + [
        False
    ] * 3
    store.outbox.mark_sent(campaign.id, {0: ("run0", 1)})
    assert [entry.number for entry in store.outbox.pending(campaign.id)] == [1, 2, 3, 4]
    assert store.outbox.runs(campaign.id) == {0: "run0"}
    assert store.outbox.backlog(campaign.id) == 4


def test_a_trial_that_changes_while_it_is_sent_is_sent_again(store: Store) -> None:
    campaign = new_campaign(store)
    add(store, campaign.id, 0)
    train(store, campaign.id, 0, 0.5)
    store.outbox.mark_sending(campaign.id, [0])
    store.trials.start(campaign.id, 0)
    assert store.outbox.pending(campaign.id) == [], "a running trial waits for its end"
    store.trials.finish(campaign.id, 0, "failed")
    store.outbox.mark_sent(campaign.id, {0: ("run0", 1)})
    (entry,) = store.outbox.pending(campaign.id)
    assert (entry.run, entry.version, entry.doubtful) == ("run0", 2, False)
    store.outbox.mark_sent(campaign.id, {0: ("run0", 2)})
    assert store.outbox.pending(campaign.id) == []


def test_at_a_new_place_everything_is_sent_again(store: Store) -> None:
    campaign = fill(store)
    store.campaigns.set_experiment(campaign.id, "here", "1", anew=True)
    store.outbox.mark_sent(campaign.id, {number: (f"run{number}", 1) for number in range(5)})
    store.campaigns.set_experiment(campaign.id, "here", "1", anew=False)
    assert store.outbox.pending(campaign.id) == []
    store.campaigns.set_experiment(campaign.id, "there", "1", anew=False)
    assert [(e.number, e.run, e.doubtful) for e in store.outbox.pending(campaign.id)] == [
        (number, None, True) for number in range(5)
    ]
    assert store.campaigns.get(campaign.id).tracking == "there"


def test_only_what_runs_or_is_shown_is_looked_at(store: Store) -> None:
    campaign = new_campaign(store)
    for number in range(4):
        add(store, campaign.id, number)
    train(store, campaign.id, 0, 0.5)
    store.trials.start(campaign.id, 1)
    store.trials.start(campaign.id, 2)
    [one, two] = store.outbox.unfinished_runs(campaign.id)
    assert (one.number, one.run, one.doubtful, one.shown) == (1, None, False, False)
    assert not store.outbox.shows_running(campaign.id)
    store.outbox.mark_showing(campaign.id, [1, 2])
    assert all(
        entry.doubtful and entry.shown for entry in store.outbox.unfinished_runs(campaign.id)
    )
    store.outbox.mark_shown(campaign.id, {1: ("a", one.version), 2: ("b", two.version)}, {1, 2})
    store.trials.requeue(campaign.id, 2)
    one, two = store.outbox.unfinished_runs(campaign.id)
    assert [(entry.run, entry.status, entry.doubtful) for entry in (one, two)] == [
        ("a", "running", False),
        ("b", "waiting", False),
    ]
    store.outbox.mark_shown(campaign.id, {2: ("b", two.version)}, {1})
    assert [entry.number for entry in store.outbox.unfinished_runs(campaign.id)] == [1]
    assert store.outbox.runs(campaign.id) == {1: "a", 2: "b"}
    assert store.outbox.backlog(campaign.id) == 1, "trials that have not ended are not owed"


def test_a_trial_that_ends_while_it_is_shown_stays_in_the_outbox(store: Store) -> None:
    campaign = new_campaign(store)
    add(store, campaign.id, 0)
    store.trials.start(campaign.id, 0)
    store.outbox.mark_showing(campaign.id, [0])
    [entry] = store.outbox.unfinished_runs(campaign.id)
    store.trials.finish(campaign.id, 0, "finished")
    for running in ({0}, set[int]()):
        store.outbox.mark_shown(campaign.id, {0: ("a", entry.version)}, running)
        assert [(one.number, one.doubtful) for one in store.outbox.pending(campaign.id)] == [
            (0, True)
        ]
    assert store.outbox.unfinished_runs(campaign.id) == []


def test_new_reports_are_those_that_arrived_since(store: Store) -> None:
    campaign = new_campaign(store)
    for number in range(3):
        add(store, campaign.id, number)
        store.trials.start(campaign.id, number)
        store.trials.add_report(campaign.id, number, report(1, number / 10))
    first = store.outbox.new_reports(campaign.id, [0, 1], [], 0)
    assert [(one.number, one.report.epoch, one.report.top1) for one in first] == [
        (0, 1, 0),
        (1, 1, 0.1),
    ]
    last = first[-1].arrived
    store.trials.add_report(campaign.id, 0, report(2, 0.4))
    later = store.outbox.new_reports(campaign.id, [2], [0, 1], last)
    assert [(one.number, one.report.epoch) for one in later] == [(2, 1), (0, 2)]
    assert store.outbox.new_reports(campaign.id, [], [0, 1, 2], later[-1].arrived) == []
