"""Objectives beside top-1: which there are, and what each costs."""

import math
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from search.campaign.objectives import Objective, costs_of, scores_of, sizes_of, steps_of
from tests.support.campaigns import report

NETWORK: Any = SimpleNamespace(parameters=1000, macs=50)
READ: TypeAdapter[str] = TypeAdapter(Objective)


@pytest.mark.parametrize("name", ["parameters", "macs", "top1@0", "top1@9999"])
def test_a_known_name_is_an_objective(name: str) -> None:
    assert READ.validate_python(name) == name


@pytest.mark.parametrize("name", ["top1", "top1@", "top1@-1", "top1@12345", "params", ""])
def test_another_name_is_refused_with_those_that_there_are(name: str) -> None:
    with pytest.raises(ValidationError, match=r"write parameters, macs or top1@STEP"):
        READ.validate_python(name)


def test_costs_stand_in_the_order_of_the_objectives() -> None:
    objectives = ["top1@1", "macs", "top1@0", "parameters"]
    assert steps_of(objectives) == (1, 0)
    assert sizes_of(NETWORK, objectives) == (50.0, 1000.0)
    assert costs_of(NETWORK, objectives, [0.25, 0.75]) == (0.25, 50.0, 0.75, 1000.0)


@pytest.mark.parametrize("by_step", [[], [0.5], [0.5, math.nan]])
def test_what_is_not_known_of_a_step_lacks_all(by_step: list[float]) -> None:
    assert costs_of(NETWORK, ["top1@1"], by_step) == (1.0,)


def test_a_size_that_is_not_known_is_nothing() -> None:
    unknown: Any = SimpleNamespace(parameters=None, macs=None)
    assert sizes_of(unknown, ["parameters", "macs"]) == (0.0, 0.0)


def test_a_report_scores_at_its_end_and_at_each_step() -> None:
    shown = report(1, 0.75, accuracy_by_step=(0.25, 0.75))
    assert scores_of(shown, (0, 7)) == (0.75, 0.25, 0.0)
    assert scores_of(shown, ()) == (0.75,)
    assert scores_of(report(1, math.nan), (0,)) is None
