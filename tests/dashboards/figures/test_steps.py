"""Accuracy over time: the best cells' own curves, the controls' means over seeds."""

from __future__ import annotations

import pytest

from dashboards.figures.steps import CELLS, draw_steps
from tests.support.searched import STEPS, make_searched


def test_the_best_full_trainings_and_the_controls_are_shown() -> None:
    searched = make_searched(trials=200, controls=4)
    figure = draw_steps([searched])
    assert figure is not None
    full = searched.suggested[searched.suggested["status"] == "finished"]
    best = full.sort_values("top1", ascending=False).head(CELLS)
    cells = figure.frame[figure.frame["kind"] != "control"]
    assert list(dict.fromkeys(cells["name"])) == [f"trial {one}" for one in best["trial"]]
    assert len(cells) == CELLS * STEPS
    ends = cells.groupby("name", sort=False)["accuracy"].last()
    assert ends.tolist() == pytest.approx(best["top1"].tolist())
    control = figure.frame[figure.frame["kind"] == "control"]
    assert set(control["seeds"]) == {4}
    last = control[control["step"] == STEPS - 1].iloc[0]
    scores = searched.controls["top1"]
    assert (last["low"], last["accuracy"], last["high"]) == pytest.approx(
        (scores.min(), scores.mean(), scores.max())
    )


def test_the_text_says_from_which_step_half_is_there() -> None:
    searched = make_searched(trials=60)
    figure = draw_steps([searched])
    assert figure is not None
    best = figure.frame[figure.frame["kind"] == "best"]
    half = 0.1 + (best["accuracy"].iloc[-1] - 0.1) / 2
    step = next(s for s, a in zip(best["step"], best["accuracy"], strict=True) if a >= half)
    assert f"half way there from step {step} on" in figure.text


def test_without_accuracy_by_step_there_is_no_figure() -> None:
    searched = make_searched(trials=20)
    searched.steps.drop(searched.steps.index, inplace=True)
    assert draw_steps([searched]) is None
