"""A run's setting: what it gives every trial, and what its listener receives."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.assign.setting import Happening
from space.errors import InputError
from tests.support.bench import DATA
from tests.support.exports import genome
from tests.support.runs import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_happening_reaches_the_listener(bench: Bench) -> None:
    bench.setting.tell("retry", 7, reason="its node was lost")
    expected = Happening(kind="retry", trial=7, detail={"reason": "its node was lost"})
    assert bench.happenings == [expected]


def test_a_job_lies_in_its_trial_s_folder_with_the_overlaid_recipe(bench: Bench) -> None:
    recipe = bench.setting.recipe({"batch_size": 5})
    job = bench.setting.job(3, genome(), recipe, seed=11)
    assert job.folder == str(bench.home.trial(bench.id, 3))
    assert (job.recipe.batch_size, job.seed, job.data) == (5, 11, DATA)
    assert job.recipe.epochs == bench.campaign.recipe.epochs == bench.setting.epochs


def test_an_overlay_that_is_no_recipe_is_refused(bench: Bench) -> None:
    with pytest.raises(InputError, match="batch_size"):
        bench.setting.recipe({"batch_size": 0})


def test_without_reuse_nothing_is_taken_over(tmp_path: Path) -> None:
    bench = Bench(tmp_path, reuse=False)
    recipe = bench.setting.recipe({})
    assert bench.setting.takeover(0, "work", recipe) is None
