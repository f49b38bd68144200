"""The outbox: what changed is sent until it arrived."""

from __future__ import annotations

from search.store import Store
from tests.support.campaigns import add, fill, new_campaign, train


def test_a_trial_stays_in_the_outbox_until_it_arrived(store: Store) -> None:
    campaign = fill(store)
    entries = store.outbox(campaign.id)
    assert [entry.number for entry in entries] == [0, 1, 2, 3, 4]
    assert not any(entry.doubtful for entry in entries)
    store.mark_sending(campaign.id, [0, 1])
    assert [entry.doubtful for entry in store.outbox(campaign.id)] == [True, True] + [False] * 3
    store.mark_sent(campaign.id, {0: ("run0", 1)})
    assert [entry.number for entry in store.outbox(campaign.id)] == [1, 2, 3, 4]
    assert store.runs(campaign.id) == {0: "run0"}
    assert store.backlog(campaign.id) == 4


def test_a_trial_that_changes_while_it_is_sent_is_sent_again(store: Store) -> None:
    campaign = new_campaign(store)
    add(store, campaign.id, 0)
    train(store, campaign.id, 0, 0.5)
    store.mark_sending(campaign.id, [0])
    store.start_trial(campaign.id, 0)
    assert store.outbox(campaign.id) == [], "a running trial waits for its end"
    store.finish_trial(campaign.id, 0, "failed")
    store.mark_sent(campaign.id, {0: ("run0", 1)})
    (entry,) = store.outbox(campaign.id)
    assert (entry.run, entry.version, entry.doubtful) == ("run0", 2, False)
    store.mark_sent(campaign.id, {0: ("run0", 2)})
    assert store.outbox(campaign.id) == []


def test_at_a_new_place_everything_is_sent_again(store: Store) -> None:
    campaign = fill(store)
    store.set_experiment(campaign.id, "here", "1", anew=True)
    store.mark_sent(campaign.id, {number: (f"run{number}", 1) for number in range(5)})
    store.set_experiment(campaign.id, "here", "1", anew=False)
    assert store.outbox(campaign.id) == []
    store.set_experiment(campaign.id, "there", "1", anew=False)
    assert [(e.number, e.run, e.doubtful) for e in store.outbox(campaign.id)] == [
        (number, None, True) for number in range(5)
    ]
    assert store.campaign(campaign.id).tracking == "there"
