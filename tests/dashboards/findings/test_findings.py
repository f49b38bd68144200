"""Sick campaigns are named, healthy ones left alone: simulated ones, of which the truth is known.

A sick one counts as named if the right question is answered with a warning or a fail whose text
names the culprit. A false alarm is any other answer than a pass that has a value: a question that
is left open for want of data is none.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from dashboards.findings import QUESTIONS, Finding, judge_campaign
from dashboards.searched import Searched
from tests.support.findings import change_trials, small_search
from tests.support.simulated import World, search

RANDOM, LONG = World(sampler="random"), World(trials=600)
FIFO = {"name": "fifo"}

SICK: dict[str, tuple[World, str, str]] = {
    "the winner is within the noise of the seed": (
        World(sampler="random", spread=0.008, noise=0.03),
        "seed-noise",
        "no more than luck",
    ),
    "the sampler learns nothing": (World(blind=True), "random-sampling", "evolution"),
    "the best begin last": (
        World(sampler="random", crossing=True),
        "early-stopping",
        "lost winners",
    ),
    "the best learning rate lies beyond": (
        World(sampler="random", rate=3e-2, rate_matters=6.0),
        "borders",
        "learning_rate at its upper end",
    ),
    "the best kernel lies beyond": (
        World(sampler="random", kernels=4.0, ceiling=4.0),
        "borders",
        "input->out.kernel at its upper end",
    ),
    "high learning rates diverge": (
        World(sampler="random", diverging=5e-3),
        "failures",
        "with learning_rate > 0.00",
    ),
    "an option is never tried": (
        World(sampler="random", missed={"out->hidden": False}),
        "untried-options",
        "out->hidden = true (never suggested)",
    ),
    "memory refuses most": (World(sampler="random", refused=0.7), "limits", "limits.memory"),
    "the budget goes on past the plateau": (
        World(trials=600, ceiling=0.3, spread=0.1, scheduler=FIFO),
        "budget",
        "long past the plateau",
    ),
    "test data decides": (World(trials=60, split="test"), "test-data", "decided by test data"),
    "recurrence is no more than its controls": (
        World(trials=100, lead=0.0),
        "recurrence",
        "not shown to help",
    ),
    "nodes die": (World(trials=100, losing=0.3), "workers", "by node"),
}

HEALTHY: list[World] = [
    *[RANDOM] * 3,
    *[LONG] * 3,
    World(sampler="random", scheduler=FIFO),
    World(sampler="random", trials=400, noise=0.02, lead=0.1),
    World(trials=600, noise=0.015, lead=0.08),
    World(trials=600, spread=0.1),
    World(trials=600, scheduler=FIFO),
    World(trials=600, scheduler={"name": "optimistic"}),
]


def raise_alarms(findings: tuple[Finding, ...]) -> list[Finding]:
    """What is more than a question that was left open."""
    return [one for one in findings if one.status != "pass" and one.value is not None]


def is_named(kind: str, seed: int) -> bool:
    """Whether the right finding names what is wrong."""
    world, name, culprit = SICK[kind]
    alarms = {one.name: one for one in raise_alarms(judge_campaign(search(world, seed)))}
    return name in alarms and culprit in alarms[name].text


@pytest.mark.parametrize("kind", ["high learning rates diverge", "an option is never tried"])
def test_a_sick_campaign_is_named(kind: str) -> None:
    assert is_named(kind, seed=0)


@pytest.mark.slow
def test_sick_campaigns_are_named() -> None:
    missed = [[kind for kind in SICK if not is_named(kind, seed)] for seed in range(3)]
    assert len(missed[0]) <= 1, missed
    assert sum(map(len, missed)) <= 3, missed


@pytest.mark.slow
def test_healthy_campaigns_are_left_alone() -> None:
    alarms: list[list[str]] = []
    for seed in range(3):
        judged = [judge_campaign(search(w, 100 * seed + n)) for n, w in enumerate(HEALTHY)]
        alarms.append([raised[0].text for one in judged if (raised := raise_alarms(one))])
    assert len(alarms[0]) <= 1, alarms
    assert sum(map(len, alarms)) <= 3, alarms


def test_campaigns_that_have_hardly_begun_are_no_alarm() -> None:
    searched = small_search()
    nothing = replace(
        searched,
        trials=searched.trials.iloc[:0],
        reports=searched.reports.iloc[:0],
        evidence=None,
        openings=(),
    )
    assert [one.name for one in judge_campaign(nothing)] == ["test-data"]
    running = change_trials(nothing_ended(searched), [0, 1, 2], {"status": "running"})
    findings = judge_campaign(running)
    assert {one.name for one in findings} >= {"seed-noise", "early-stopping", "borders", "budget"}
    assert [one.name for one in raise_alarms(findings)] == ["untried-options"]


def nothing_ended(searched: Searched) -> Searched:
    """Its first three trials alone, of which none has reported."""
    first = replace(
        searched,
        trials=searched.trials.iloc[:3],
        reports=searched.reports.iloc[:0],
        evidence=None,
        openings=(),
    )
    return change_trials(first, [0, 1, 2], {"top1": float("nan"), "epochs": 0})


def test_a_healthy_campaign_is_left_alone() -> None:
    findings = judge_campaign(search(RANDOM, 1))
    assert raise_alarms(findings) == []
    assert {one.name for one in findings} <= set(QUESTIONS)
    assert all(one.text.endswith(".") and one.next.startswith("ventral ") for one in findings)
