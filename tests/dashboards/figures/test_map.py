"""The map: every trial is placed, and what was drawn and never tried is marked."""

from __future__ import annotations

import random

import numpy as np
import pytest

from dashboards.figures.map import draw_map, name_axis, thin_trials
from dashboards.searched import Searched
from space.motifs import name_motifs
from tests.support.charts import find_style
from tests.support.searched import make_searched


@pytest.fixture(scope="module")
def narrow() -> Searched:
    """A search that tried only what has no hidden state, its motifs those of the networks."""
    space, rng = make_searched(trials=0).space, random.Random(0)
    drawn = [space.sample(rng) for _ in range(150)]
    plain = [one for one in drawn if one.choices["hidden"] == "absent"]
    choices = [one.choices for one in plain]
    searched = make_searched(trials=len(plain), choices=choices, early_stopping=False, controls=1)
    searched.trials["motifs"] = [(), *(name_motifs(one.genome) for one in plain)]
    return searched


def test_what_a_narrow_search_left_out_is_marked_and_named(narrow: Searched) -> None:
    figure = draw_map([narrow])
    assert figure is not None
    counts = figure.frame["group"].value_counts()
    trained = (narrow.suggested["epochs"] > 0).sum()
    assert counts["full"] + counts.get("stopped", 0) == trained
    assert counts["far"] > 20
    assert len(find_style(figure, "far")) == counts["far"]
    drawn = counts["far"] + counts.get("near", 0)
    assert f"{counts['far']} of the {drawn} drawn ones are far from every trial" in figure.text
    assert "Never tried although to be expected: hidden" in figure.text


def test_an_axis_is_named_by_the_motif_that_goes_with_it() -> None:
    motifs = [("a",), ("a", "b"), ("b",), ("b", "c")]
    places = np.array([0.0, 0.1, 1.0, 1.1])
    assert name_axis(places, motifs) == "← a"
    assert name_axis(-places, motifs) == "a →"
    assert name_axis(np.zeros(4), motifs) is None
    assert name_axis(places, [("a",)] * 4) is None


def test_of_many_trials_those_of_other_motifs_are_kept() -> None:
    searched = make_searched(trials=400)
    assert thin_trials(searched) is searched
    thinned = thin_trials(searched, 100)
    motifs = searched.suggested.loc[searched.suggested["epochs"] > 0, "motifs"]
    assert set(thinned.trials["motifs"]) == set(motifs)
    assert len(thinned.trials) == motifs.nunique() <= 100
    best = searched.suggested.sort_values(["epochs", "top1"], ascending=False).iloc[0]
    assert best["trial"] in set(thinned.trials["trial"])
    assert len(thin_trials(searched, 10).trials) == 10


def test_stopped_trainings_that_are_too_many_are_counted_in_boxes() -> None:
    searched = make_searched(trials=2800)
    searched.trials["motifs"] = [(f"word {n}",) for n in searched.trials["trial"]]
    figure = draw_map([searched, make_searched(trials=0, controls=0, name="other")])
    assert figure is not None
    boxes = find_style(figure, "everyone")
    assert boxes["trials"].sum() == (figure.frame["group"] == "stopped").sum() > 1250
    assert "counted in grey boxes" in figure.text


def test_campaigns_that_know_no_motifs_have_no_map() -> None:
    searched = make_searched(trials=10)
    searched.trials.drop(columns="motifs", inplace=True)
    assert draw_map([searched]) is None
