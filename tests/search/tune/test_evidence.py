"""A worker's result, checked once and kept whole."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from ray.tune.utils import flatten_dict

from search.tune.evidence import WorkerEvidence, read_result
from tests.support import toys
from workers.job import Failure, Report


def test_json_becomes_values_that_ray_does_not_take_apart() -> None:
    reports = [Report.model_validate(toys.report(epoch, 0.1)) for epoch in (1, 2)]
    result: dict[str, Any] = {"earlier": [toys.report(1, 0.1)], "report": toys.report(2, 0.1)}
    read_result(result)
    evidence = WorkerEvidence.of(flatten_dict(result | {"epoch": 2, "top1": 0.1}))
    assert (evidence.earlier, evidence.report) == ((reports[0],), reports[1])
    assert evidence.reports == tuple(reports)
    assert evidence.failure is None


def test_a_failure_comes_with_what_was_trained_before() -> None:
    failure = Failure(kind="diverged", reason="loss is nan")
    result: dict[str, Any] = {
        "earlier": [toys.report(1, 0.1)],
        "failure": failure.model_dump(mode="json"),
    }
    read_result(result)
    evidence = WorkerEvidence.of(result)
    assert evidence.failure == failure
    assert [report.epoch for report in evidence.reports] == [1]


def test_what_ray_makes_by_itself_brings_nothing() -> None:
    assert WorkerEvidence.of({"done": True}) == WorkerEvidence()


def test_what_is_no_report_is_refused() -> None:
    with pytest.raises(ValidationError, match="epoch"):
        read_result({"report": toys.report(0, 0.1)})
