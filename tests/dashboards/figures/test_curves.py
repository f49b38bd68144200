"""Learning curves: which are drawn, where the rungs are, and what the band holds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from dashboards.figures.curves import LINES, choose_curves, draw_curves, find_rungs
from search.campaign import Scheduler
from search.tune.rungs import Rungs
from tests.support.charts import find_style
from tests.support.searched import make_searched


@pytest.mark.parametrize(
    ("scheduler", "rungs"),
    [
        ({"name": "asha", "grace_epochs": 1, "reduction_factor": 3}, [1, 3]),
        ({"name": "asha", "grace_epochs": 2, "reduction_factor": 2}, [2, 4, 8]),
        ({"name": "asha", "grace_epochs": 1, "reduction_factor": 2, "brackets": 2}, [1, 2, 4, 8]),
        ({"name": "asha", "grace_epochs": 9}, []),
        ({"name": "optimistic", "grace_epochs": 4}, [4]),
        ({"name": "fifo"}, []),
    ],
)
def test_rungs_are_the_rules(scheduler: dict[str, Any], rungs: list[int]) -> None:
    searched = make_searched(trials=1, document={"scheduler": scheduler})
    assert find_rungs(searched) == rungs


def test_rungs_of_asha_are_those_of_ray() -> None:
    searched = make_searched(trials=1)
    settings = Scheduler(name="asha", grace_epochs=2, reduction_factor=1.7)
    changed = make_searched(trials=1, document={"scheduler": settings.model_dump()})
    for one in (searched, changed):
        rule = Rungs(one.settings.scheduler, one.full_epochs, 0)
        ray = rule._asha._brackets[0]._rungs  # noqa: SLF001 - Ray shows them nowhere else
        # A report belongs to a rung from its milestone on. At the last epoch nothing is stopped.
        rungs = {math.ceil(milestone) for milestone, _ in ray} - {one.full_epochs}
        assert find_rungs(one) == sorted(rungs)


def test_the_best_curves_are_drawn_and_an_even_sample_of_the_rest() -> None:
    searched = make_searched(trials=3000)
    chosen = choose_curves(searched.reports, searched.suggested, 30)
    assert len(chosen) == len(set(chosen)) == 30
    full = searched.suggested[searched.suggested["status"] == "finished"]
    best = full.sort_values(["top1", "trial"], ascending=[False, True])["trial"].head(10)
    assert chosen[:10] == best.tolist()
    epochs = searched.trials.set_index("trial")["epochs"]
    assert min(epochs[chosen]) == 3
    figure = draw_curves([searched])
    assert figure is not None
    assert f"Drawn are {LINES} curves" in figure.text
    assert len(figure.frame) == searched.reports["trial"].isin(searched.suggested["trial"]).sum()


def test_the_band_holds_the_middle_of_all_trainings() -> None:
    searched = make_searched(trials=200)
    figure = draw_curves([searched])
    assert figure is not None
    band = find_style(figure, "missing").set_index("epoch")
    chosen = searched.reports["trial"].isin(searched.suggested["trial"])
    for epoch in (1, 3, 9):
        scores = searched.reports.loc[chosen & (searched.reports["epoch"] == epoch), "top1"]
        expected = np.quantile(scores, [0.1, 0.9])
        bounds = [band["low"][epoch], band["high"][epoch]]
        assert bounds == pytest.approx(expected, rel=1e-3)


def test_of_single_epochs_there_is_no_figure() -> None:
    assert draw_curves([make_searched(trials=30, document={"recipe": {"epochs": 1}})]) is None
