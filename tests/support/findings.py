"""Findings about simulated campaigns, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from dashboards.findings import QUESTIONS, Finding
from dashboards.searched import Searched
from tests.support.simulated import World, search


@cache
def small_search() -> Searched:
    """A healthy random campaign of 80 trials."""
    return search(World(sampler="random", trials=80), 0)


def ask(name: str, searched: Searched) -> Finding:
    """The answer to a question that arises."""
    finding = QUESTIONS[name](searched)
    assert finding is not None
    return finding


def change_trials(searched: Searched, numbers: list[int], values: Mapping[str, Any]) -> Searched:
    """The same campaign with some columns of some trials changed."""
    trials = searched.trials.copy()
    for column, value in values.items():
        if isinstance(value, str):
            trials[column] = trials[column].astype(object)
        trials.loc[trials["trial"].isin(numbers), column] = value
    return replace(searched, trials=trials)
