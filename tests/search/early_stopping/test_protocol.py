"""A rule can be written by the protocol alone."""

from __future__ import annotations

import math

from pydantic import BaseModel

from search.early_stopping.protocol import EpochReport, TrainingPlan
from ventral.testing import EarlyStoppingSuite


class Median:
    """A training stops when it is below the middle of what others had at its epoch."""

    class Options(BaseModel, extra="forbid"):
        least: int = 3

    def __init__(self, _plan: TrainingPlan, options: Options) -> None:
        self._least = options.least
        self._scores: dict[int, list[float]] = {}

    def judge(self, report: EpochReport) -> bool:
        scores = self._scores.setdefault(report.epoch, [])
        scores.append(report.top1)
        middle = sorted(scores)[len(scores) // 2]
        return len(scores) >= self._least and report.top1 < middle


class TestMedian(EarlyStoppingSuite):
    """A rule that compares trainings keeps the contract."""

    kind = Median


def test_what_is_not_known_of_a_report_is_no_number_or_empty() -> None:
    report = EpochReport(trial=0, epoch=1, top1=0.5)
    assert math.isnan(report.loss)
    assert (report.accuracy_by_step, report.costs) == ((), ())
