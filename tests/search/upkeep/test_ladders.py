"""Ladders of learning rates: the same rungs for a group, longer where one is best at an end."""

import pytest

from search.upkeep.ladders import FIRST, extend_ladders, find_edges, join_rungs, rate_at

GROUPS = [("trial-1", "trial-1-macs"), ("plain",)]
TRIED = {name: [*FIRST] for group in GROUPS for name in group}


def test_a_rung_is_a_power_of_three() -> None:
    own = 0.00123456
    assert rate_at(own, 0) == own
    assert [rate_at(own, rung) for rung in (-1, 1)] == pytest.approx([own / 3, own * 3], rel=1e-3)


@pytest.mark.parametrize(
    ("chosen", "more", "edges"),
    [
        ((0, 0, 0), {}, []),
        ((0, 1, 0), {"trial-1": [2], "trial-1-macs": [2]}, ["trial-1-macs"]),
        ((-1, 1, 0), {"trial-1": [-2, 2], "trial-1-macs": [-2, 2]}, ["trial-1", "trial-1-macs"]),
        ((0, 0, -1), {"plain": [-2]}, ["plain"]),
    ],
)
def test_all_of_a_group_are_tried_beyond_the_end_that_suits_one(
    chosen: tuple[int, ...], more: dict[str, list[int]], edges: list[str]
) -> None:
    best = dict(zip(TRIED, chosen, strict=True))
    assert extend_ladders(GROUPS, TRIED, best) == more
    assert find_edges(TRIED, best) == edges
    longer = join_rungs(TRIED, more)
    assert longer["trial-1"] == longer["trial-1-macs"]
    if edges:
        assert find_edges(longer, best) == []
