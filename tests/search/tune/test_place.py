"""How many trials run at a place, alone and beside other campaigns."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.host.cards import Card
from search.host.home import Process
from search.host.machine import Machine, machine
from search.store import ShareClaim
from search.tune.cluster import Ground
from search.tune.place import count_slots, largest_offer, share_ground, total_offer
from search.tune.remains import Remains
from tests.support import toys
from tests.support.campaigns import new_campaign
from tests.support.runs import Bench

NODES = (Machine(cpus=4, gpus=0), Machine(cpus=3, gpus=0))


@pytest.mark.parametrize(
    ("resources", "slots"),
    [
        ({"cpus": 1}, 7),
        ({"cpus": 2}, 3),
        ({"cpus": 5}, 0),
        ({"cpus": 1, "concurrent": 2}, 2),
        ({"cpus": 2, "concurrent": 50}, 3),
    ],
)
def test_slots_are_counted_node_by_node(resources: dict[str, int], slots: int) -> None:
    assert count_slots(toys.campaign(resources=resources), NODES) == slots


def test_trials_run_on_the_nodes_with_their_card() -> None:
    def node(name: str, gpus: int) -> Machine:
        return Machine(cpus=8, gpus=gpus, cards=(Card(name=name, memory=None, count=gpus),))

    nodes = (node("H100", 1), node("A100", 2), Machine(cpus=8, gpus=0, cards=()))
    slots = {
        accelerator: count_slots(
            toys.campaign(resources={"gpus": 0.5, "accelerator": accelerator}), nodes
        )
        for accelerator in (None, "H100", "A100", "L4")
    }
    assert slots == {None: 6, "H100": 2, "A100": 4, "L4": 0}


def test_without_an_address_trials_have_this_machine() -> None:
    assert largest_offer(None) == total_offer(None) == machine()


def test_a_trial_may_start_while_the_share_of_the_place_allows_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.store.campaigns.set_state(bench.id, "running")
    remains = Remains(mark=None, scratch=tmp_path, driver=Process.current())
    ground = Ground(
        machines=(Machine(cpus=4, gpus=0),), remains=remains, resources={}, place="cluster"
    )
    other = new_campaign(bench.store, "other")
    bench.store.shares.put_claim(
        ShareClaim(campaign=other.id, priority=9, cpus=1, gpus=0, wanted=3, held=3, joined=0.0),
        "cluster",
    )
    pulses: list[int] = []
    may_start = share_ground(bench.setting, lambda: pulses.append(1), ground, 4)
    assert may_start(0), "the other's three trials leave one core"
    assert not may_start(1)
    assert pulses == [], "while a trial runs, Ray calls by itself"
    [sharing] = bench.happenings
    assert (sharing.kind, sharing.detail) == ("sharing", {"beside": [other.id], "allowed": 1})


def test_while_nothing_may_start_the_driver_gives_signs_of_life(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.store.campaigns.set_state(bench.id, "running")
    remains = Remains(mark=None, scratch=tmp_path, driver=Process.current())
    ground = Ground(machines=(Machine(cpus=2, gpus=0),), remains=remains, resources={})
    other = new_campaign(bench.store, "other")
    bench.store.shares.put_claim(
        ShareClaim(campaign=other.id, priority=9, cpus=1, gpus=0, wanted=2, held=2, joined=0.0),
        Process.current().host,
    )
    pulses: list[int] = []
    may_start = share_ground(bench.setting, lambda: pulses.append(1), ground, 2)
    assert not may_start(0)
    assert pulses == [1]
