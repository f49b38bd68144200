"""Parallel coordinates: every training crosses every row, in the lane of its option."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dashboards.figures.parallel import (
    LINES,
    NOT_MADE,
    ROWS,
    choose_lines,
    draw_parallel,
    place_in_lanes,
)
from tests.support.charts import find_units
from tests.support.searched import make_searched

LANES = st.lists(st.tuples(st.integers(0, 3), st.floats(0, 1)), min_size=1, max_size=30)


@given(LANES)
def test_lines_keep_to_their_lane_the_better_ones_to_the_right(
    lines: list[tuple[int, float]],
) -> None:
    lanes = np.array([lane for lane, _ in lines])
    scores = np.array([score for _, score in lines])
    places = place_in_lanes(lanes, scores, 4)
    assert (np.floor(places * 4).astype(int) == lanes).all()
    for lane in set(lanes):
        here = lanes == lane
        assert (np.diff(scores[here][np.argsort(places[here])]) >= 0).all()
        assert len(set(places[here])) == here.sum()


def test_a_choice_that_was_not_made_is_a_lane_and_no_line_is_dropped() -> None:
    searched = make_searched(trials=800)
    figure = draw_parallel([searched])
    assert figure is not None
    full = searched.suggested[searched.suggested["status"] == "finished"]
    table = figure.frame.set_index("trial")
    assert len(table) == len(full)
    choices = [name for name in table if name != "top1"]
    assert len(choices) == ROWS
    assert not table.isna().any().any()
    for choice in choices:
        made = full.set_index("trial")[f"choice.{choice}"].notna()
        assert ((table[choice] == NOT_MADE) == ~made).all()
    assert any((table[choice] == NOT_MADE).any() for choice in choices)
    lines = next(unit["frame"] for unit in find_units(figure) if unit["type"] == "line")
    assert set(lines.groupby("trial")["row"].nunique()) == {ROWS + 1}
    assert lines["trial"].nunique() == min(LINES, len(full))
    assert NOT_MADE in figure.text


def test_the_best_are_drawn_and_an_even_sample_of_the_rest() -> None:
    searched = make_searched(trials=300, early_stopping=False)
    full = searched.suggested[searched.suggested["status"] == "finished"]
    chosen = choose_lines(full, 30)
    assert len(chosen) == chosen["trial"].nunique() == 30
    ranked = full.sort_values("top1", ascending=False)
    assert chosen["top1"].tolist()[:10] == ranked["top1"].tolist()[:10]
    assert chosen["top1"].min() == ranked["top1"].min()
    assert len(choose_lines(full, 10_000)) == len(full)


def test_of_too_few_trainings_there_is_no_figure() -> None:
    assert draw_parallel([make_searched(trials=5)]) is None
