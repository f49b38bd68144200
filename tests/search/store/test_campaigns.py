"""A campaign's states, its driver and its events, whoever dies when."""

from __future__ import annotations

import re
import signal
import time
from typing import Any

import pytest
import sqlalchemy as sa

from search.store import ID_LETTERS, ID_SIGNS, Store
from space.errors import StoreError
from tests.support.campaigns import genome_of, new_campaign
from tests.support.processes import start_python


def test_ids_have_no_lookalikes_and_never_read_as_numbers(store: Store) -> None:
    ids = {store.campaigns.create("n", {}, {}, {}).id for _ in range(50)}
    assert len(ids) == 50
    assert all(re.fullmatch(f"[{ID_LETTERS}][{ID_SIGNS}]{{7}}", one) for one in ids)
    assert not set("01ilo") & set(ID_SIGNS)


def test_seconds_add_up_over_resumes_whatever_the_clock_does(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = {"wall": 1e9, "ticks": 100.0}
    monkeypatch.setattr(time, "time", lambda: clock["wall"])
    monkeypatch.setattr(time, "monotonic", lambda: clock["ticks"])
    campaign = new_campaign(store)
    clock["ticks"] += 4
    clock["wall"] -= 5000
    assert store.campaigns.heartbeat(campaign.id) is False
    clock["ticks"] += 3
    store.campaigns.set_state(campaign.id, "stopped", "Ctrl-C")
    stopped = store.campaigns.get(campaign.id)
    assert (stopped.state, stopped.reason, stopped.seconds) == ("stopped", "Ctrl-C", 7.0)
    clock["ticks"] += 1000
    store.campaigns.set_state(campaign.id, "running")
    clock["ticks"] += 2
    store.campaigns.set_state(campaign.id, "finished")
    done = store.campaigns.get(campaign.id)
    assert (done.state, done.seconds, done.reason) == ("finished", 9.0, None)
    assert done.started == 1e9


DRIVER = """
import sys, time
from search.store import Store
from tests.support.campaigns import add, new_campaign, report
store = Store.open(sys.argv[1])
campaign = new_campaign(store, "driven")
for number in range(4):
    add(store, campaign.id, number, folder=f"trial-{number}")
store.trials.start(campaign.id, 2)
store.trials.add_report(campaign.id, 2, report(1, 0.5))
store.trials.start(campaign.id, 3)
print(campaign.id, flush=True)
time.sleep(60)
"""


def test_a_killed_driver_leaves_an_interrupted_campaign_that_goes_on(
    store: Store, url: str
) -> None:
    driver = start_python(DRIVER, url)
    try:
        assert driver.stdout is not None
        campaign_id = driver.stdout.readline().strip()
        running = store.campaigns.get(campaign_id)
        assert running.state == "running"
        assert running.driver is not None
        assert running.driver.pid == driver.pid
        assert store.results.counts(campaign_id) == {
            **dict.fromkeys(("finished", "pruned", "infeasible", "failed"), 0),
            "waiting": 2,
            "running": 2,
        }
        with pytest.raises(StoreError, match=rf"run by process {driver.pid} .*ventral stop"):
            store.campaigns.set_state(campaign_id, "running")
    finally:
        driver.send_signal(signal.SIGKILL)
        driver.communicate()
    assert store.campaigns.get(campaign_id).state == "interrupted"
    assert store.results.counts(campaign_id)["waiting"] == 4
    assert store.results.counts(campaign_id)["running"] == 0
    assert {trial.status for trial in store.results.find(campaign_id)} == {"waiting"}
    assert [trial.number for trial in store.results.find(campaign_id, statuses=["waiting"])] == [
        0,
        1,
        2,
        3,
    ]
    assert store.results.find(campaign_id, statuses=["running"]) == []

    store.campaigns.set_state(campaign_id, "running")
    assert store.campaigns.get(campaign_id).state == "running"
    unfinished = store.results.unfinished(campaign_id)
    assert [trial.number for trial in unfinished] == [2, 3, 0, 1], "those once started come first"
    assert (unfinished[0].epochs, unfinished[0].folder) == (1, "trial-2")
    assert unfinished[0].document == genome_of(2).document()


def test_a_campaign_may_be_given_its_id_once(store: Store) -> None:
    assert store.campaigns.create("n", {}, {}, {}, "abcdefgh").id == "abcdefgh"
    with pytest.raises(StoreError, match="is on record already; go on with it"):
        store.campaigns.create("n", {}, {}, {}, "abcdefgh")
    with pytest.raises(StoreError, match="is not the id of a campaign"):
        store.campaigns.create("n", {}, {}, {}, "../up")


def test_only_the_driver_may_go_on(store: Store) -> None:
    campaign = new_campaign(store)
    assert store.campaigns.heartbeat(campaign.id) is False
    assert store.campaigns.ask_stop(campaign.id).id == campaign.id
    assert store.campaigns.heartbeat(campaign.id) is True
    store.campaigns.set_state(campaign.id, "stopped")
    with pytest.raises(StoreError, match="taken over by another driver, or ended"):
        store.campaigns.heartbeat(campaign.id)
    store.campaigns.set_state(campaign.id, "running")
    assert store.campaigns.heartbeat(campaign.id) is False, (
        "an old wish to stop is not the new driver's"
    )


def test_events_are_kept_in_order(store: Store) -> None:
    campaign = new_campaign(store)
    store.campaigns.add_event(campaign.id, "retry", {"trial": 3, "cost": float("nan")})
    store.campaigns.add_event(campaign.id, "done")
    assert [(one.kind, one.detail) for one in store.campaigns.events(campaign.id)] == [
        ("retry", {"trial": 3, "cost": None}),
        ("done", {}),
    ]


def test_each_opening_of_the_test_split_is_on_record(store: Store) -> None:
    campaign, other = new_campaign(store), new_campaign(store, "other")
    assert (store.campaigns.openings(campaign.id), store.campaigns.test_openings(campaign.id)) == (
        [],
        0,
    )
    for split in ("test", "validation", "test"):
        store.campaigns.add_opening(
            campaign.id,
            who="ada@here",
            command="evaluate --store postgresql://me:secret@host/db",
            networks=["trial 3", "wide"],
            split=split,
        )
    openings = store.campaigns.openings(campaign.id)
    assert [opening.split for opening in openings] == ["test", "validation", "test"]
    assert openings[0].networks == ("trial 3", "wide")
    assert openings[0].who == "ada@here"
    assert "secret" not in openings[0].command
    assert openings[0].at <= openings[2].at
    assert store.campaigns.test_openings(campaign.id) == 2
    assert store.campaigns.test_openings(other.id) == 0


def test_an_opening_may_count_for_another_campaign_and_only_once(store: Store) -> None:
    campaign, certified = new_campaign(store), new_campaign(store, "other")
    openings = store.campaigns
    opening: dict[str, Any] = {"who": "ada@here", "command": "certify", "networks": ["trial-3"]}
    openings.add_opening(campaign.id, **opening, split="validation")
    for _ in range(2):
        openings.add_opening(campaign.id, **opening, also=certified.id, once=True)
    counts = [openings.test_openings(one.id) for one in (campaign, certified)]
    assert counts == [1, 1]
    # Where one of the two cannot be written, neither is.
    third = new_campaign(store, "third")
    with pytest.raises(sa.exc.IntegrityError):
        openings.add_opening(third.id, **opening, also="nobody", once=True)
    assert openings.openings(third.id) == []
