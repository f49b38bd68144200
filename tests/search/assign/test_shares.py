"""How campaigns share a place: the allotment, and two real drivers on one machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search import driver
from search.assign.shares import UNLIMITED, Share, allot, room
from search.host.home import Home, Process
from search.host.machine import Machine, machine
from search.store import Campaign, ShareClaim, Store
from tests.support import toys
from tests.support.campaigns import new_campaign
from tests.support.tables import change_rows
from tests.support.waiting import GUARD

ROOT = Path(__file__).parents[3]
FOUR = Machine(cpus=4, gpus=0)


def claim(campaign: str, **changes: Any) -> ShareClaim:
    values: dict[str, Any] = {
        "campaign": campaign,
        "priority": 0,
        "cpus": 1.0,
        "gpus": 0.0,
        "wanted": 4,
        "held": 0,
        "joined": 1.0,
    }
    return ShareClaim(**(values | changes))


def test_equals_share_alike_and_the_first_has_the_odd_one() -> None:
    assert allot([claim("a"), claim("b", joined=2.0)], FOUR) == {"a": 2, "b": 2}
    three = Machine(cpus=3, gpus=0)
    assert allot([claim("a", joined=2.0), claim("b", joined=1.0)], three) == {"a": 1, "b": 2}


def test_who_wants_less_leaves_the_rest() -> None:
    assert allot([claim("a", wanted=1), claim("b")], FOUR) == {"a": 1, "b": 3}


def test_a_higher_priority_takes_what_it_can_use_first() -> None:
    assert allot([claim("a"), claim("b", priority=5)], FOUR) == {"a": 0, "b": 4}
    assert allot([claim("a"), claim("b", priority=5, wanted=3)], FOUR) == {"a": 1, "b": 3}


def test_trials_of_several_cores_and_parts_of_gpus_are_counted() -> None:
    place = Machine(cpus=8, gpus=1)
    claims = [claim("a", cpus=2.0, gpus=0.25, wanted=4), claim("b", cpus=1.0, wanted=8)]
    assert allot(claims, place) == {"a": 3, "b": 2}


def test_there_is_room_only_beside_what_others_still_run() -> None:
    mine, other = claim("a"), claim("b", held=3)
    assert room([mine, other], mine, FOUR) == 1
    assert room([mine, claim("b", held=9)], mine, FOUR) == 0
    assert room([mine], mine, FOUR) == 4


claims_of = st.lists(
    st.builds(
        claim,
        campaign=st.uuids().map(str),
        priority=st.integers(-2, 2),
        cpus=st.sampled_from([0.5, 1.0, 2.0]),
        gpus=st.sampled_from([0.0, 0.25, 1.0]),
        wanted=st.integers(1, 6),
        joined=st.floats(0, 10),
    ),
    max_size=5,
)


@settings(deadline=None)
@given(claims_of, st.integers(1, 16), st.integers(0, 3))
def test_no_allotment_is_more_than_there_is_and_nothing_is_left_idle(
    claims: list[ShareClaim], cpus: int, gpus: int
) -> None:
    allotted = allot(claims, Machine(cpus=cpus, gpus=gpus))
    used_cpus = sum(allotted[one.campaign] * one.cpus for one in claims)
    used_gpus = sum(allotted[one.campaign] * one.gpus for one in claims)
    assert used_cpus <= cpus + 1e-6
    assert used_gpus <= gpus + 1e-6
    for one in claims:
        assert allotted[one.campaign] <= one.wanted
        more = used_cpus + one.cpus <= cpus and used_gpus + one.gpus <= gpus
        assert allotted[one.campaign] == one.wanted or not more


# ---------------------------------------------------------------------- in the store


class Ticks:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def share(store: Store, campaign: Campaign, ticks: Ticks, **changes: Any) -> Share:
    return Share(store, claim(campaign.id, **changes), "here", FOUR, ticks)


def test_shares_grow_and_shrink_as_campaigns_come_and_go(url: str) -> None:
    store, ticks = Store.open(url), Ticks()
    first, second = new_campaign(store, "first"), new_campaign(store, "second")
    one = share(store, first, ticks)
    assert one.limit(0) == UNLIMITED, "alone"
    ticks.now += 2
    assert one.limit(4) == UNLIMITED
    two = share(store, second, ticks, joined=2.0)
    assert two.limit(0) == 0, "the first still runs four"
    assert two.beside == (first.id,)
    ticks.now += 2
    assert one.limit(4) == 2
    ticks.now += 2
    assert one.limit(2) == 2, "two have ended"
    ticks.now += 2
    assert two.limit(0) == 2
    assert [found.campaign for found in store.shares.claims_beside(second.id)] == [
        first.id,
        second.id,
    ]
    store.campaigns.set_state(first.id, "finished")
    ticks.now += 2
    assert two.limit(2) == UNLIMITED
    assert store.shares.claims_beside(first.id) == []


def test_a_dead_driver_and_another_place_take_no_share(url: str) -> None:
    store, ticks = Store.open(url), Ticks()
    dead, away, mine = (new_campaign(store, name) for name in ("dead", "away", "mine"))
    share(store, dead, ticks, held=4)
    Share(store, claim(away.id, held=4), "elsewhere", FOUR, ticks)
    with change_rows(store) as connection:
        gone = str(Process(host=Process.current().host, pid=2**22 + 1, born="1"))
        connection.exec_driver_sql(
            f"UPDATE campaigns SET driver = '{gone}' WHERE id = '{dead.id}'"
        )
    assert share(store, mine, ticks).limit(0) == UNLIMITED


# ---------------------------------------------------------------------- two drivers at once

SCRIPT = """
import sys
from search import driver
from search.host.home import Home
from search.store import Store
from tests.support import toys
from tests.support.tables import change_rows

home, store = Home.at(sys.argv[1]), Store.open(sys.argv[2])
listen = lambda happening: print(happening.kind, flush=True)
trainable = toys.trainable(0.25)
outcome = driver.run(sys.argv[3], home, store, listen, trainable=trainable, mirror=False)
print("outcome", outcome.state, flush=True)
"""


def start(folder: Path, url: str, campaign_id: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder), url, campaign_id],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path[1:]])},
    )


def overlap(store: Store, ids: list[str]) -> int:
    """The most attempts that ran at one moment, by the ledger, once both drivers were at work."""
    spans = [
        (one.started, one.ended or one.started, campaign_id)
        for campaign_id in ids
        for trial in store.results.find(campaign_id)
        for one in store.campaigns.attempts(campaign_id, trial.number)
    ]
    both = max(min(start for start, _, owner in spans if owner == one) for one in ids)
    moments = sorted(start for start, _, _ in spans if start >= both)
    return max(sum(start <= at < end for start, end, _ in spans) for at in moments)


@pytest.mark.slow
@pytest.mark.parametrize(
    "url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True
)
def test_two_campaigns_at_once_on_one_store_share_the_machine(url: str, tmp_path: Path) -> None:
    """Both come to their end, each with its own results, and never more trials than cores."""
    home, store = Home.at(tmp_path / "home"), Store.open(url)
    home.ensure()
    names = ("first", "second")
    files = [
        toys.campaign(name=name, seed=seed, budget={"trials": 6}, reuse=False)
        for seed, name in enumerate(names)
    ]
    ids = [driver.submit(file, home, store) for file in files]
    drivers = [start(home.path, url, campaign_id) for campaign_id in ids]
    outputs = [process.communicate(timeout=GUARD)[0] for process in drivers]
    for output in outputs:
        assert "outcome finished" in output, output
    assert any("sharing" in output for output in outputs)
    for campaign_id in ids:
        trials = store.results.find(campaign_id)
        assert {trial.status for trial in trials} == {"finished"}
        assert len(trials) == 6
        for trial in trials:
            assert trial.top1 == pytest.approx(toys.score(trial.number, 3, 3))
            assert len(store.results.reports(campaign_id, trial.number)) == 3
        assert store.campaigns.get(campaign_id).state == "finished"
    # An attempt's end is written a moment after its worker is free for the next one.
    assert overlap(store, ids) <= machine().cpus + 1


@pytest.mark.slow
def test_the_campaign_of_higher_priority_gets_the_machine(url: str, tmp_path: Path) -> None:
    """It comes later, waits for what runs to end, and is over first; the other then goes on."""
    home, store = Home.at(tmp_path / "home"), Store.open(url)
    home.ensure()
    patient, urgent = (
        driver.submit(
            toys.campaign(name=name, budget={"trials": trials}, reuse=False, **changes),
            home,
            store,
        )
        for name, trials, changes in (("patient", 60, {}), ("urgent", 8, {"priority": 5}))
    )
    first = start(home.path, url, patient)
    assert first.stdout is not None
    while "report" not in first.stdout.readline():
        pass
    second = start(home.path, url, urgent)
    assert "outcome finished" in second.communicate(timeout=GUARD)[0]
    over = store.campaigns.get(urgent)
    assert over.ended is not None
    assert "outcome finished" in first.communicate(timeout=GUARD)[0]
    started = [
        one.started
        for trial in store.results.find(patient)
        for one in store.campaigns.attempts(patient, trial.number)
    ]
    beside = [
        one.started
        for trial in store.results.find(urgent)
        for one in store.campaigns.attempts(urgent, trial.number)
    ]
    # While the urgent one had trials to start, the patient one began none.
    assert sum(min(beside) + 2 < at < max(beside) for at in started) == 0
    assert sum(at > over.ended for at in started) > 0
    assert {trial.status for trial in store.results.find(patient)} == {"finished"}
