"""Trials and their reports as samplers receive them. Pure: values in, values out."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from search.campaign.objectives import Objective, costs_of
from search.samplers import Outcome
from search.store import Trial

Reported = Mapping[str, Any]
"""A report as the store keeps it."""


def group_by_trial(reports: Iterable[Reported]) -> dict[int, list[Reported]]:
    """All reports of a campaign by their trials, in the order of arrival."""
    groups: dict[int, list[Reported]] = defaultdict(list)
    for report in reports:
        groups[report["number"]].append(report)
    return groups


def curve_of(reports: Iterable[Reported], epochs: int) -> list[tuple[float, float]]:
    """(fidelity, top-1) of the epochs of a trial, from its reports."""
    return [
        (min(report["epoch"] / epochs, 1.0), report["top1"])
        for report in reports
        if report["top1"] is not None
    ]


def outcome_of(
    trial: Trial,
    epochs: int,
    reports: Sequence[Reported] = (),
    objectives: Sequence[Objective] = (),
    guess: float | None = None,
) -> Outcome | None:
    """A trial as a sampler receives it, from its reports; None while it is not over.

    No score is less than `guess`, the best constant answer's: which class a network that has
    learned nothing happens to name says nothing about its cell.
    """
    if trial.status in ("waiting", "running"):
        return None
    if trial.status in ("finished", "pruned") and trial.top1 is not None:
        fidelity = 1.0 if trial.status == "finished" else min(trial.epochs / epochs, 1.0)
        curve = tuple(curve_of(reports, epochs))
        last = max(reports, key=lambda report: report["epoch"], default={})
        costs = costs_of(trial, objectives, last.get("accuracy_by_step"))
        score = max(trial.top1, guess or 0.0)
        return Outcome(score=score, fidelity=fidelity, curve=curve, costs=costs)
    if trial.status == "failed":
        return Outcome(reason=(trial.reason or "failed").partition(":")[0])
    return Outcome(reason="infeasible" if trial.status == "infeasible" else "failed")
