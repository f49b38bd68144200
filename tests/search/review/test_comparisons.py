"""What cells are against their matched controls is noted once, and read back."""

from __future__ import annotations

from dataclasses import replace

from search.review.comparisons import describe_verdicts, note_verdicts, read_comparisons
from search.review.verdicts import Verdict
from search.store import Store
from tests.support.campaigns import fill

DEEP = Verdict(
    winner="trial-1",
    against="depth",
    seeds=5,
    difference=0.038,
    low=0.009,
    high=0.066,
    shown=True,
)
WIDE = Verdict(winner="trial-1", against="parameters", seeds=0, difference=None)
OTHER = Verdict(winner="trial-2", against="depth", seeds=1, difference=-0.01)


def test_a_line_names_control_points_and_interval() -> None:
    assert describe_verdicts([DEEP, WIDE]) == (
        "depth: +3.8 (+0.9 to +6.6), shown; parameters: not shown"
    )
    assert describe_verdicts([OTHER]) == "depth: -1.0, not shown"


def test_what_is_known_is_not_noted_again(store: Store) -> None:
    campaign = fill(store)
    assert note_verdicts(store, campaign.id, [1, 2, 4], [DEEP, WIDE, OTHER]) == [1, 2]
    assert read_comparisons(store, campaign.id) == {
        1: describe_verdicts([DEEP, WIDE]),
        2: "depth: -1.0, not shown",
    }
    assert note_verdicts(store, campaign.id, [1, 2], [DEEP, WIDE, OTHER]) == []
    better = replace(OTHER, difference=0.02)
    assert note_verdicts(store, campaign.id, [1, 2], [DEEP, WIDE, better]) == [2]
    assert read_comparisons(store, campaign.id)[2] == "depth: +2.0, not shown"
