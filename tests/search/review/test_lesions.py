"""Effects of lesions: their intervals, and what of them is on record."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from search.review.lesions import (
    EVENT,
    Lesion,
    compare_answers,
    compare_trainings,
    rank_lesions,
    read_lesions,
    record_lesions,
)
from search.store import Store
from space.lesions import Part
from tests.support.campaigns import new_campaign

EDGE, GATE = Part(name="a->b", kind="edge"), Part(name="g", kind="gate")


def lesion(part: Part = EDGE, difference: float | None = -0.1, **changes: object) -> Lesion:
    fields: dict[str, object] = {"trial": 3, "low": -0.2, "high": 0.0, "retrained": False}
    fields |= {"part": part.name, "kind": part.kind, "difference": difference}
    return Lesion(**(fields | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("images", [100, 1000])
@pytest.mark.parametrize(("gained", "lost"), [(0.02, 0.02), (0.01, 0.15), (0.0, 0.01)])
def test_intervals_hold_their_level(images: int, gained: float, lost: float) -> None:
    """The difference that is drawn from lies in 95 % of the intervals, in no fewer than 93 %."""
    draws = np.random.default_rng(5).multinomial(
        images, [gained, lost, 1 - gained - lost], size=2000
    )
    cases, times = np.unique(draws[:, :2], axis=0, return_counts=True)
    held = 0
    for (more, less), drawn in zip(cases, times, strict=True):
        _, low, high = compare_answers(int(more), int(less), images)
        held += drawn * (low <= gained - lost <= high)
    held /= times.sum()
    assert held > 0.93


def test_the_interval_is_tangos() -> None:
    """His example of 44 pairs, of which one differs."""
    difference, low, high = compare_answers(0, 1, 44)
    assert difference == pytest.approx(-1 / 44)
    assert (low, high) == pytest.approx((-0.118, 0.059), abs=1e-3)


def test_equal_answers_have_a_width_and_no_interval_leaves_the_range() -> None:
    difference, low, high = compare_answers(0, 0, 100)
    assert difference == 0
    assert low == pytest.approx(-high)
    assert high == pytest.approx(1.96**2 / (100 + 1.96**2), abs=1e-4)
    difference, low, high = compare_answers(0, 20, 20)
    assert (difference, low) == pytest.approx((-1.0, -1.0))
    assert -1 < high < -0.6


def test_effects_of_trainings_are_paired_and_corrected_over_all_lesions() -> None:
    scores = {
        "whole": {1: 0.80, 2: 0.82, 3: 0.78},
        "edgeless": {1: 0.70, 2: 0.71, 3: 0.69},
        "gateless": {1: 0.81, 2: 0.80, 3: 0.79},
    }
    alone = compare_trainings(3, {EDGE: "edgeless"}, scores, "whole")
    both = compare_trainings(3, {EDGE: "edgeless", GATE: "gateless"}, scores, "whole")
    assert [one.difference for one in both] == pytest.approx([-0.1, 0.0])
    assert all(one.retrained for one in both)
    for one, in_company in zip(alone, both, strict=False):
        assert one.low is not None
        assert in_company.low is not None
        assert in_company.low < one.low < -0.1, "one of two tests is at half the level"


def test_parts_that_leave_one_network_are_one_test_and_inert_ones_are_none() -> None:
    scores = {"whole": {1: 0.80, 2: 0.82}, "less": {1: 0.70, 2: 0.71}}
    state = Part(name="s", kind="state")
    (alone,) = compare_trainings(3, {EDGE: "less"}, scores, "whole")
    names = {EDGE: "less", GATE: "whole", state: "less"}
    edge, gate, again = compare_trainings(3, names, scores, "whole")
    assert edge == alone
    assert (again.low, again.high) == (alone.low, alone.high)
    assert (gate.difference, gate.low, gate.high) == (0.0, 0.0, 0.0)


def test_one_seed_has_no_interval_and_a_failed_training_no_difference() -> None:
    scores: dict[str, dict[int, float]] = {"whole": {1: 0.8}, "one": {1: 0.7}, "none": {}}
    made = compare_trainings(3, {EDGE: "one", GATE: "none"}, scores, "whole")
    assert [(one.low, one.high) for one in made] == [(None, None)] * 2
    assert made[0].difference == pytest.approx(-0.1)
    assert made[1].difference is None


def test_what_is_needed_most_comes_first() -> None:
    ranked = rank_lesions([lesion(difference=None), lesion(GATE, 0.1), lesion(EDGE, -0.3)])
    assert [one.difference for one in ranked] == [-0.3, 0.1, None]


def test_the_later_run_of_a_kind_counts(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/store.db")
    campaign = new_campaign(store).id
    assert read_lesions(store, campaign) == []
    record_lesions(store, campaign, [lesion(), lesion(GATE)], images=100)
    again = [lesion(retrained=True, low=None, high=None)]
    record_lesions(store, campaign, again, seeds=1, campaign="other")
    other = [lesion(trial=2)]
    record_lesions(store, campaign, other, images=100)
    newer = [lesion(difference=-0.5)]
    record_lesions(store, campaign, newer, images=100)
    store.campaigns.add_event(campaign, "changed", {"set": []})
    assert read_lesions(store, campaign) == [*other, *newer, *again]
    last = [event for event in store.campaigns.events(campaign) if event.kind == EVENT][-1]
    assert last.detail["split"] == "validation"
