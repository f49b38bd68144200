"""The benchmark of MLflow as a browser of trials, on few runs: it finds what it waits for."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.trial_browser import fill, measure
from tests.support import browser


def test_a_home_is_filled_once(tmp_path: Path) -> None:
    filled = fill(tmp_path / "home", 60)
    assert fill(tmp_path / "home", 60) == filled
    files = filled.home.artifacts.rglob("cell.svg")
    assert len(list(files)) == 60, "the best hundred have files"


@pytest.mark.slow
@pytest.mark.skipif(browser.why_not() is not None, reason=str(browser.why_not()))
def test_a_person_finds_the_best_the_largest_and_those_with_a_motif(tmp_path: Path) -> None:
    result = measure(tmp_path / "home", 60, rounds=1)
    assert list(result["seconds"]) == [
        "page, its first time",
        "page",
        "sort by parameters",
        "filter by a motif",
        "open a run",
    ]
    assert min(result["seconds"].values()) > 0
    assert min(result["browser_seconds"].values()) > 0
