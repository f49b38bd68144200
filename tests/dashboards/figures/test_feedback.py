"""The gain of an edge: with it minus without, of trainings that may be compared."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from scipy import stats  # type: ignore[import-untyped]

from dashboards.figures.feedback import (
    EARLY,
    FULL,
    KEPT,
    TRAINED,
    compare_edges,
    draw_feedback,
    find_edges,
)
from dashboards.searched import Searched
from space.space import Space
from tests.support.searched import make_searched

EDGE = "choice.conv3->conv2"


def space_with(feedback: dict[str, Any]) -> Space:
    document = Space.load("motifs-small").document()
    document["genome"]["feedback"] = feedback
    return Space.parse(document)


def test_edges_are_found_by_name_or_by_path() -> None:
    assert find_edges(Space.load("motifs-small")) == {"conv3->conv2": "conv3->conv2"}
    assert len(find_edges(Space.load("motifs-2018"))) == 45
    nameless = space_with({"conv3->conv2": {"choice": [True, False]}})
    assert find_edges(nameless) == {"conv3->conv2": "genome.feedback.conv3->conv2"}
    assert find_edges(space_with({"conv3->conv2": True})) == {}


def test_the_gain_is_that_of_full_trainings_with_welchs_interval() -> None:
    searched = make_searched(trials=300, early_stopping=False)
    table = compare_edges(searched)
    assert table["kind"].tolist() == [FULL]
    full = searched.suggested[searched.suggested["status"] == "finished"]
    some = full.loc[full[EDGE].eq(True), "top1"].astype(float)
    others = full.loc[full[EDGE].eq(False), "top1"].astype(float)
    bounds = stats.ttest_ind(some, others, equal_var=False).confidence_interval()
    row = table.iloc[0]
    assert row["gain"] == pytest.approx(some.mean() - others.mean())
    assert (row["low"], row["high"]) == pytest.approx((bounds.low, bounds.high))
    assert row["low"] < 0.10 < row["high"]  # what the edge is worth
    assert (row["with"], row["without"]) == (len(some), len(others))


def test_beside_what_early_stopping_left_stands_what_it_chose_from() -> None:
    searched = make_searched(trials=300)
    table = compare_edges(searched)
    assert table["kind"].tolist() == [FULL, EARLY]
    first = searched.reports[searched.reports["epoch"] == 1].set_index("trial")["top1"]
    chosen = searched.suggested.set_index("trial")[EDGE]
    made = chosen.reindex(first.index)
    gain = first[made.eq(True)].mean() - first[made.eq(False)].mean()
    assert table["gain"].iloc[1] == pytest.approx(gain)
    figure = draw_feedback([searched])
    assert figure is not None
    assert "not cause" in figure.text
    assert "after epoch 1" in figure.text


def test_the_best_edge_comes_first() -> None:
    worth = {"conv2->conv1": 0.1, "conv3->conv1": -0.1, "conv3->conv2": 0.0}
    space = space_with({edge: {"choice": [True, False]} for edge in worth})
    searched = make_searched(
        trials=300,
        space=space.document(),
        early_stopping=False,
        worth=lambda c: 0.4 + sum(w for e, w in worth.items() if c[f"genome.feedback.{e}"]),
    )
    figure = draw_feedback([searched])
    assert figure is not None
    assert "lesion" not in figure.text
    assert figure.frame["edge"].tolist() == ["conv2->conv1", "conv3->conv2", "conv3->conv1"]
    assert "networks with conv2->conv1 score +0.1" in figure.text
    assert "the worst edge is conv3->conv1" in figure.text


def test_a_space_without_open_feedback_has_no_figure() -> None:
    space = space_with({"conv3->conv2": False})
    assert draw_feedback([make_searched(trials=30, space=space.document())]) is None


def lesioned(*rows: tuple[int, str, float, float, float, bool]) -> Searched:
    searched = make_searched(trials=300)
    names = ["trial", "part", "difference", "low", "high", "retrained"]
    lesions = pd.DataFrame(rows, columns=names).assign(kind="feedback")
    other = lesions.assign(part="input->out", kind="edge", difference=-0.9)
    object.__setattr__(searched, "lesions", pd.concat([lesions, other], ignore_index=True))
    return searched


def test_lesions_stand_first_where_they_exist_and_the_text_says_so() -> None:
    searched = lesioned((7, "conv3->conv2", -0.04, -0.06, -0.01, False))
    figure = draw_feedback([searched])
    assert figure is not None
    assert figure.frame["kind"].tolist() == [KEPT, FULL, EARLY]
    row = figure.frame.iloc[0]
    assert (row["gain"], row["low"], row["high"]) == (0.04, 0.01, 0.06)
    assert figure.text.startswith("Cause, from lesions (weights kept): of 1 feedback edge")
    assert "conv3->conv2 with +0.040 (+0.010 to +0.060) in 1 lesioned network." in figure.text
    assert "Association in the search, not cause" in figure.text


def test_of_several_lesioned_trials_the_mean_counts_and_training_again_counts_most() -> None:
    searched = lesioned(
        (7, "conv3->conv2", -0.05, -0.08, -0.02, True),
        (8, "conv3->conv2", -0.01, -0.02, 0.02, True),
        (7, "conv3->conv2", 0.30, 0.2, 0.4, False),
        (8, "conv9->conv2", float("nan"), float("nan"), float("nan"), True),
    )
    figure = draw_feedback([searched])
    assert figure is not None
    row = figure.frame.iloc[0]
    bounds = stats.ttest_1samp([0.05, 0.01], 0.0).confidence_interval()
    assert row["kind"] == TRAINED
    assert (row["gain"], row["with"]) == (pytest.approx(0.03), 2)
    assert (row["low"], row["high"]) == pytest.approx((bounds.low, bounds.high))
    assert "trained again" in figure.text
    assert set(figure.frame["edge"]) == {"conv3->conv2"}
