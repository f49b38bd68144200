"""Trials as samplers receive them."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from search.assign.outcomes import curve_of, group_by_trial, outcome_of
from search.samplers import Outcome
from search.store import Status, Store, Trial
from tests.support.campaigns import STEPS, fill, report, reported
from workers.job import Report


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> list[Trial]:
    """One trial of every end: finished twice, pruned, infeasible, failed."""
    folder: Path = tmp_path_factory.mktemp("outcomes")
    store = Store.open(f"sqlite:///{folder}/store.db")
    return store.results.find(fill(store).id)


def reports(*scores: float) -> list[Report]:
    return [
        report(epoch, score, accuracy_by_step=(0.0,) * STEPS)
        for epoch, score in enumerate(scores, 1)
    ]


def test_reports_are_grouped_in_their_order() -> None:
    mixed = [reported(number, epoch, 0.1) for epoch in (1, 2) for number in (7, 3)]
    groups = group_by_trial(mixed)
    assert {number: [one.epoch for one in group] for number, group in groups.items()} == {
        7: [1, 2],
        3: [1, 2],
    }


def test_a_curve_leaves_out_what_is_no_score_and_ends_at_a_full_training() -> None:
    assert curve_of(reports(0.1, math.nan, 0.3), 2) == [(0.5, 0.1), (1.0, 0.3)]


def test_a_finished_trial_is_final_and_a_pruned_one_comes_with_its_fidelity(
    trials: list[Trial],
) -> None:
    finished, pruned = outcome_of(trials[1], 4), outcome_of(trials[2], 4, reports(0.2))
    assert finished == Outcome(score=0.8, fidelity=1.0)
    assert pruned == Outcome(score=0.2, fidelity=0.25, curve=((0.25, 0.2),))


def test_no_score_is_below_the_best_constant_answer(trials: list[Trial]) -> None:
    outcome = outcome_of(trials[2], 4, guess=0.5)
    assert outcome is not None
    assert outcome.score == 0.5


def test_further_objectives_are_costs(trials: list[Trial]) -> None:
    outcome = outcome_of(trials[1], 2, reports(0.5, 0.8), ("parameters", "top1@3"))
    assert outcome is not None
    assert outcome.costs == (1001.0, 1.0), "the report's last step has a top-1 of 0"


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        ("failed", "diverged: the loss is nan", "diverged"),
        ("failed", None, "failed"),
        ("infeasible", "9.0 M parameters", "infeasible"),
        ("finished", None, "failed"),
    ],
)
def test_without_a_score_there_is_a_reason(
    trials: list[Trial], status: Status, reason: str | None, expected: str
) -> None:
    trial = replace(trials[1], status=status, reason=reason, top1=None)
    assert outcome_of(trial, 4) == Outcome(reason=expected)


@pytest.mark.parametrize("status", ["waiting", "running"])
def test_what_is_not_over_has_no_outcome(trials: list[Trial], status: Status) -> None:
    assert outcome_of(replace(trials[1], status=status), 4) is None
