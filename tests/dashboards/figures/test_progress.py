"""The course of a search: its scores, its best so far, and what has no score."""

from __future__ import annotations

import numpy as np
import pytest

from dashboards.figures.progress import draw_progress, window_of
from tests.support.charts import find_style, find_units
from tests.support.searched import make_searched


def test_the_best_so_far_and_the_running_mean_are_those_of_full_trainings() -> None:
    searched = make_searched(trials=150)
    figure = draw_progress([searched])
    assert figure is not None
    trials = searched.trials[searched.trials["origin"] != "control"]
    rows = trials.sort_values("suggested")[["status", "top1"]].values.tolist()
    full = [top1 for status, top1 in rows if status == "finished"]
    window = window_of(len(full))
    means = figure.frame["running_mean"].dropna()
    assert means.tolist() == pytest.approx(
        [np.mean(full[end - window : end]) for end in range(window, len(full) + 1)]
    )
    best, expected = -1.0, []
    for status, top1 in rows:
        if status == "finished":
            best = max(best, top1)
        expected.append(best if best >= 0 else np.nan)
    np.testing.assert_allclose(figure.frame["best_so_far"], expected)
    assert f"reaches {max(full):.3f}" in figure.text
    assert f"running mean of {window}" in figure.text


def test_a_stopped_training_is_never_the_best() -> None:
    searched = make_searched(trials=80)
    trials = searched.trials
    early = trials.index[trials["status"] == "pruned"][0]
    trials.loc[early, "top1"] = 0.99
    figure = draw_progress([searched])
    assert figure is not None
    assert figure.frame["best_so_far"].max() < 0.99
    assert "0.99" not in figure.text


def test_what_was_lost_is_counted() -> None:
    searched = make_searched(trials=200, failed=0.1, infeasible=0.2)
    figure = draw_progress([searched])
    assert figure is not None
    counts = searched.suggested["status"].value_counts()
    for status in ("failed", "infeasible"):
        assert f"{counts[status]} {status}" in figure.text


def test_many_points_are_counted_in_boxes_and_none_is_lost() -> None:
    searched = make_searched(trials=6000)
    figure = draw_progress([searched])
    assert figure is not None
    assert "counted in boxes" in figure.text
    boxes, lost = (one["frame"] for one in find_units(figure) if "trials" in one["frame"])
    counts = searched.suggested["status"].value_counts()
    for status in ("failed", "infeasible"):
        assert lost.loc[lost["status"] == status, "trials"].sum() == counts[status]
    scored = searched.suggested["status"].isin(["finished", "pruned"])
    assert boxes["trials"].sum() == scored.sum() > 5000
    assert len(boxes) < 3000


def test_of_nothing_there_is_no_figure_and_of_failures_there_is_one() -> None:
    assert draw_progress([make_searched(trials=0)]) is None
    figure = draw_progress([make_searched(trials=4, failed=1.0, infeasible=0.0, controls=0)])
    assert figure is not None
    assert "None of 4 samples was trained to the end yet." in figure.text
    assert "4 failed" in figure.text


def test_controls_are_a_band_from_their_least_to_their_greatest_seed() -> None:
    searched = make_searched(trials=30, controls=5)
    figure = draw_progress([searched])
    assert figure is not None
    band = find_style(figure, "controls")
    scores = searched.controls["top1"]
    row = band[band["kind"] == "control"].iloc[0]
    assert (row["low"], row["high"]) == pytest.approx((scores.min(), scores.max()), rel=1e-3)
    assert row["y"] == pytest.approx(scores.mean(), rel=1e-3)
    assert "feedforward ×5" in figure.text
    assert "chance at 0.100" in figure.text
