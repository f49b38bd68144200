"""The map: alike networks lie together, and what was never tried shows."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dashboards.saved import load_example
from dashboards.searched import Searched
from dashboards.space_map import draw_motifs, map_space
from space.space import Space
from tests.support.searches import search_of

SPACE = Space.load("motifs-small").with_images(size=8, channels=1, classes=10)


def search(motifs: list[tuple[str, ...]]) -> Searched:
    """A campaign whose trials have those motifs."""
    columns: dict[str, Any] = {
        "trial": range(len(motifs)),
        "status": "finished",
        "origin": "random",
        "family": None,
        "epochs": 3,
        "top1": 0.5,
        "recurrent": "local",
        "suggested": range(len(motifs)),
        "motifs": pd.Series(motifs, dtype=object),
    }
    return search_of(pd.DataFrame(columns), SPACE)


def test_what_a_search_left_out_is_far_and_named() -> None:
    """Of networks of the space's own prior, those without feedback were trained."""
    drawn = draw_motifs(SPACE, 60, seed=1)
    tried = [motifs for motifs in drawn if "feedback 3->2" not in motifs]
    found = map_space(search(tried * 4), drawn=60, seed=2)
    assert found is not None
    named = {motif for motifs in found.untried["motifs"] for motif in motifs}
    assert "feedback 3->2" in named
    # Pairs are named where both their motifs were tried.
    pairs = [motifs for motifs in found.untried["motifs"] if len(motifs) == 2]
    assert not any("feedback 3->2" in pair for pair in pairs)
    assert found.untried["share"].is_monotonic_decreasing
    whole = map_space(search(drawn * 4), drawn=60, seed=1)
    assert whole is not None
    assert whole.points["distance"].max() == 0.0
    assert not whole.points["far"].any()
    assert whole.untried.empty


def test_alike_networks_lie_together() -> None:
    rng = random.Random(0)
    words = [f"word {number}" for number in range(20)]
    first, second = words[:8], words[10:18]
    near = [tuple(sorted(rng.sample(group, 6))) for group in (first, second) for _ in range(30)]
    found = map_space(search(near), drawn=0)
    assert found is not None
    x = found.points["x"].to_numpy()
    assert (np.sign(x[:30]) == np.sign(x[0])).all()
    assert (np.sign(x[30:]) == -np.sign(x[0])).all()
    assert 0.3 < found.kept <= 1.0


def test_a_map_of_real_trials_is_whole_and_one_seed_gives_one_map() -> None:
    searched = load_example("random")
    trials = searched.trials.head(300)
    searched = dataclasses.replace(searched, trials=trials)
    found, again = (map_space(searched, drawn=20) for _ in range(2))
    assert found is not None
    assert again is not None
    pd.testing.assert_frame_equal(found.points, again.points)
    trained = searched.suggested[searched.suggested["epochs"] > 0]
    on_map = found.points[found.points["kind"] == "trial"]
    assert on_map["trial"].tolist() == trained["trial"].tolist()
    assert on_map["top1"].tolist() == pytest.approx(trained["top1"].tolist())
    assert (found.points["kind"] == "drawn").sum() == 20
    assert np.isfinite(found.points[["x", "y"]].to_numpy(float)).all()
    drawn = found.points[found.points["kind"] == "drawn"]
    assert drawn["distance"].between(0, 1).all()
    assert on_map["distance"].isna().all()


def test_without_a_trained_trial_there_is_no_map() -> None:
    searched = search([("out elu",)])
    waiting = searched.trials.assign(epochs=0, status="waiting")
    assert map_space(dataclasses.replace(searched, trials=waiting)) is None
    plain = map_space(search([(), ()]), drawn=0)
    assert plain is not None
    assert plain.points[["x", "y"]].to_numpy().tolist() == [[0.0, 0.0], [0.0, 0.0]]
