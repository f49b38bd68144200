"""Only what may be compared is compared."""

from __future__ import annotations

import pytest

from dashboards.figures.outcomes import (
    collect_references,
    guess_level,
    keep_full,
    name_scores,
    number_samples,
)
from tests.support.searched import make_searched


def test_samples_are_numbered_in_the_order_of_the_search_without_controls() -> None:
    searched = make_searched(trials=20, controls=2)
    frame = number_samples(searched)
    assert frame["sample"].tolist() == list(range(1, 21))
    assert frame["suggested"].is_monotonic_increasing
    assert set(frame["origin"]) == {"random"}


def test_full_trainings_have_all_epochs_and_a_score() -> None:
    searched = make_searched(trials=100)
    full = keep_full(searched.trials, searched)
    assert set(full["status"]) == {"finished"}
    assert set(full["epochs"]) == {searched.full_epochs}
    searched.trials.loc[full.index[0], "epochs"] = searched.full_epochs - 1
    searched.trials.loc[full.index[1], "top1"] = float("nan")
    assert len(keep_full(searched.trials, searched)) == len(full) - 2


def test_the_chance_level_is_the_datas() -> None:
    assert guess_level(make_searched(trials=1)) == 0.1
    assert guess_level(make_searched(trials=1, data={"classes": ["a", "b"]})) == 0.5
    assert guess_level(make_searched(trials=1, data={})) is None


def test_references_are_means_over_seeds_and_know_their_family() -> None:
    searched = make_searched(trials=5, controls=3, control_worth={"a": 0.4, "wider/b": 0.6})
    best, other = collect_references(searched)
    assert (best.name, best.family, best.seeds) == ("b", "wider", 3)
    assert (other.name, other.family) == ("a", "control")
    scores = searched.controls.loc[searched.controls["control"] == "b", "top1"]
    assert (best.low, best.mean, best.high) == pytest.approx(
        (scores.min(), scores.mean(), scores.max())
    )
    assert set(best.trials) == set(searched.controls["trial"][scores.index])


def test_the_axis_says_of_what_the_scores_are() -> None:
    searched = make_searched(trials=5)
    assert name_scores(searched) == "top-1 (validation)"
    searched.trials["split"] = "test"
    assert name_scores(searched) == "top-1 (test)"
