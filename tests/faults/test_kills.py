"""Drivers, workers and whole machines are killed at random moments; nothing is lost."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

from search.drill.faults import FAULTS, Fault, FaultResult, run
from search.drill.scene import Scene
from search.drill.verdict import Snapshot
from tests.faults.conftest import MakeScene

KILLS = 100
"""Driver kills in the slow test."""

EPOCH = 0.5
"""Seconds: so that trials are left when a hung worker was noticed, and has been replaced."""


def each(*names: str) -> Fault:
    """These faults, one after the other."""
    turns = iter(names)
    current: list[Fault] = []

    def do(scene: Scene, rng: random.Random) -> None:
        current[:] = [FAULTS[next(turns)]]
        current[0].do(scene, rng)

    def back(scene: Scene, moment: Snapshot) -> float | None:
        return current[0].back(scene, moment)

    return Fault(name="+".join(names), do=do, back=back)


def survived(outcome: FaultResult, scene: Scene, injected: int) -> None:
    told = "\n".join(f"{one.at:.2f} {one.kind} {one.trial}" for one in scene.happenings())
    assert outcome.verdict.good, f"{outcome}\n{scene.output()}\n{told}"
    assert outcome.verdict.repeated == 0, f"{outcome}\n{told}"
    assert outcome.injected == injected, outcome


def long(faults: int, **changes: Any) -> dict[str, Any]:
    """A campaign of trials of six epochs that lasts for so many faults."""
    return {
        "recipe": {"epochs": 6},
        "budget": {"trials": 5 + 4 * faults},
        "retries": 1000,
        "resources": {"concurrent": 2},
        "limits": {"epoch_seconds": 8.0},
        **changes,
    }


def test_a_sample_of_all_kills(scene: MakeScene, rng: random.Random) -> None:
    """With the record in MLflow: no run left running, none doubled, none missing."""
    faults = ("worker", "everything")
    made = scene(long(len(faults)), mirror=True, seconds=EPOCH)
    survived(run(each(*faults), made, len(faults), rng), made, len(faults))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", ["worker", "hang", "everything"])
def test_many_of_one_kind(scene: MakeScene, rng: random.Random, name: str) -> None:
    made = scene(
        long(8, sampler={"name": "optuna"}, budget={"trials": 60}), mirror=True, seconds=EPOCH
    )
    survived(run(FAULTS[name], made, 8, rng), made, 8)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_of_all_kinds_under_asha(scene: MakeScene, rng: random.Random) -> None:
    names = [rng.choice(list(FAULTS)) for _ in range(10)]
    changes = long(10, scheduler={"name": "asha", "grace_epochs": 1, "reduction_factor": 2})
    made = scene(changes, mirror=True, seconds=EPOCH)
    outcome = run(each(*names), made, 10, rng)
    survived(outcome, made, outcome.injected)
    assert outcome.injected >= 5


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_a_hundred_killed_drivers(scene: MakeScene, rng: random.Random) -> None:
    """At any moment of their lives: before they have a cluster, in trials, between them."""
    killed = campaigns = 0
    began = time.monotonic()
    while killed < KILLS:
        made = scene(long(5), mirror=campaigns % 4 == 0)
        moments: list[Snapshot] = []
        for _ in range(10):
            made.start()
            time.sleep(rng.random() * 16)
            if not made.alive:
                break
            made.kill()
            moments.append(made.snapshot())
        made.start()
        assert made.wait() == 0, made.output()
        verdict = made.verdict(moments)
        assert verdict.good, f"{verdict}\n{made.output()}"
        assert verdict.repeated == 0
        killed, campaigns = killed + len(moments), campaigns + 1
    print(f"{killed} drivers killed in {campaigns} campaigns, {time.monotonic() - began:.0f} s")
