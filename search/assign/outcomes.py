"""Trials and their reports as samplers receive them. Pure: values in, values out."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from search.campaign.objectives import Objective, costs_of
from search.samplers import Outcome
from search.store import Reported, Trial
from workers.job import Report


def group_by_trial(reports: Iterable[Reported]) -> dict[int, list[Report]]:
    """All reports of a campaign by their trials, in the order of arrival."""
    groups: dict[int, list[Report]] = defaultdict(list)
    for reported in reports:
        groups[reported.number].append(reported.report)
    return groups


def curve_of(reports: Iterable[Report], epochs: int) -> list[tuple[float, float]]:
    """(fidelity, top-1) of the epochs of a trial, from its reports."""
    return [
        (min(report.epoch / epochs, 1.0), report.top1)
        for report in reports
        if not math.isnan(report.top1)
    ]


def outcome_of(
    trial: Trial,
    epochs: int,
    reports: Sequence[Report] = (),
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
        last = max(reports, key=lambda report: report.epoch, default=None)
        costs = costs_of(trial, objectives, () if last is None else last.accuracy_by_step)
        score = max(trial.top1, guess or 0.0)
        return Outcome(score=score, fidelity=fidelity, curve=curve, costs=costs)
    if trial.status == "failed":
        return Outcome(reason=(trial.reason or "failed").partition(":")[0])
    return Outcome(reason="infeasible" if trial.status == "infeasible" else "failed")
