"""Scores as tables: what is in them, in which order, and what is missing."""

from __future__ import annotations

import numpy as np
import pytest

from dashboards import neural
from tests.support.panels import BINS, make_panel


def test_a_row_a_model_area_layer_and_bin() -> None:
    frame = neural.tabulate_scores(make_panel())
    assert list(frame) == neural.SCORES
    assert len(frame) == 2 * 2 * 2 * BINS
    first = frame.iloc[0]
    assert first[["model", "area", "layer", "bin", "start", "end"]].tolist() == [
        *("ours", "V4", "low", "70-80", 70, 80)
    ]
    assert (first["milliseconds"], first["offset"], first["splits"]) == (10, 40, 4)
    assert first["score"] == pytest.approx(0.7, abs=0.02)
    assert first["ceiled"] == pytest.approx(first["score"] ** 2 / 0.64)
    assert first["preferred"] == 1
    empty = frame[(frame["model"] == "ours") & (frame["start"] == 120)]
    assert empty["score"].isna().all()
    assert (empty["neurons"] == 0).all()
    assert frame.loc[frame["model"] == "feedforward", "milliseconds"].isna().all()


def test_a_line_is_the_preferred_layer_on_the_other_splits() -> None:
    panel = make_panel()
    frame = neural.tabulate_times(panel)
    assert list(frame) == neural.TIMES
    assert set(frame["splits"]) == {2}
    chosen = frame.drop_duplicates(["model", "area"])[["model", "area", "layer"]].to_numpy()
    assert chosen.tolist() == [
        ["ours", "V4", "low"],
        ["ours", "IT", "high"],
        ["feedforward", "V4", "low"],
        ["feedforward", "IT", "high"],
    ]
    fit = panel.models[0].areas[1].fits[1]
    expected = np.median(fit.result.by_split[2:], axis=1).mean(axis=0)
    line = frame[(frame["model"] == "ours") & (frame["area"] == "IT")]
    assert line["score"].to_numpy() == pytest.approx(expected, nan_ok=True)
    assert (line["high"] - line["low"]).to_numpy() == pytest.approx(
        2 * line["error"].to_numpy(), nan_ok=True
    )
    # A correlation with averages of reliability 0.64 is 0.8 at most.
    assert line[["highest_low", "highest", "highest_high"]].to_numpy() == pytest.approx(
        np.tile(np.sqrt([0.63, 0.64, 0.65]), (BINS, 1))
    )
    assert neural.tabulate_times(make_panel(areas=("V4",))).shape == (2 * BINS, len(neural.TIMES))


def test_shares_comparisons_and_tried_times() -> None:
    panel = make_panel()
    shares = neural.tabulate_shares(panel)
    assert list(shares) == neural.SHARES
    assert shares["of"].tolist() == [30] * 8
    assert shares["neurons"].tolist() == [30, 0, 0, 30] * 2
    comparisons = neural.tabulate_comparisons(panel)
    assert list(comparisons) == neural.COMPARISONS
    assert len(comparisons) == 2 * (1 + BINS)
    whole = comparisons[comparisons["bin"].isna()]
    assert whole["verdict"].tolist() == ["above"] * 2
    assert whole["difference"].to_numpy() == pytest.approx(0.2, abs=0.03)
    assert (whole["against"] == "feedforward").all()
    last = comparisons[comparisons["bin"] == "120-130"]
    assert last["verdict"].tolist() == ["not told apart"] * 2
    fits = neural.tabulate_fits(panel)
    assert list(fits) == neural.FITS
    assert fits["chosen"].tolist() == [False, True]
