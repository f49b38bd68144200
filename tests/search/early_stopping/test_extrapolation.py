"""From early scores to final ones: a line that is usual at first and the data's own later."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.early_stopping.extrapolation import Early, Line, early_scores

SCORES = st.floats(0, 1)


def test_each_fidelity_has_its_score_and_the_one_before() -> None:
    curve = [(0.25, 0.1), (0.5, 0.3), (1.0, 0.4)]
    assert early_scores(curve) == {0.25: (0.1, 0.1), 0.5: (0.3, 0.1), 1.0: (0.4, 0.3)}
    assert early_scores([]) == {}


@given(SCORES, SCORES, st.floats(0, 1))
def test_the_line_of_one_pair_goes_through_it(early: float, final: float, fidelity: float) -> None:
    line = Line.through([((early, early), final)], fidelity)
    assert line.at((early, early)) == pytest.approx(final)


def test_an_early_lead_is_half_lost_and_a_late_one_is_kept() -> None:
    leads = {}
    for fidelity in (0.1, 1.0):
        line = Line.through([((0.5, 0.5), 0.6)], fidelity)
        leads[fidelity] = line.at((0.6, 0.6)) - line.at((0.5, 0.5))
    assert leads[0.1] == pytest.approx(0.046)
    assert leads[1.0] == pytest.approx(0.1)


def test_with_many_pairs_the_line_is_theirs_and_the_variance_what_they_leave() -> None:
    rng = np.random.default_rng(0)
    pairs: list[tuple[Early, float]] = []
    for _ in range(2000):
        now, before = rng.uniform(0.2, 0.8, 2)
        pairs.append(((now, before), 0.1 + 0.5 * now + 0.3 * before + rng.normal(0, 0.02)))
    line = Line.through(pairs, 0.5)
    assert line.slopes == pytest.approx((0.5, 0.3), abs=0.01)
    assert line.intercept == pytest.approx(0.1, abs=0.01)
    assert line.variance == pytest.approx(0.02**2, rel=0.1)


@given(st.lists(st.tuples(st.tuples(SCORES, SCORES), SCORES), min_size=1, max_size=5))
def test_deviations_are_of_the_variance(pairs: list[tuple[Early, float]]) -> None:
    line = Line.through(pairs, 0.5)
    assert line.variance > 0
    more = line.at((0.5, 0.5), 2.0) - line.at((0.5, 0.5))
    assert more == pytest.approx(2 * line.variance**0.5)


SURVIVORS: list[tuple[Early, float]] = [
    ((early, early), final)
    for early, final in (
        *((0.3375, 0.6575), (0.3375, 0.6175), (0.3150, 0.6800), (0.3225, 0.6525)),
        *((0.3225, 0.6475), (0.3175, 0.6125), (0.3725, 0.6300), (0.2800, 0.6575)),
        *((0.2950, 0.6600), (0.3125, 0.6425), (0.2825, 0.6750)),
    )
]
"""Top-1 after the first of nine epochs and after the last, of the first trainings that ASHA let go
on in the search `guided` of docs/search-at-scale.md."""


def test_what_stayed_at_chance_is_not_expected_to_end_above_what_went_on() -> None:
    """Twenty trainings of that search that were stopped at 0.10 or little above it were trained to
    the end afterwards: they ended at 0.33 in the mean.
    """
    line = Line.through(SURVIVORS, 1 / 9)
    assert sum(line.slopes) < 0
    assert line.at((0.1, 0.1)) > 0.66, "the line alone"
    expected, variance = line.expect((0.1, 0.1))
    assert 0.5 < expected < 0.6
    assert variance > 2 * line.variance


def test_below_the_pairs_a_line_that_is_steep_enough_goes_on() -> None:
    pairs: list[tuple[Early, float]] = [((x, x), 0.2 + 1.5 * x) for x in np.linspace(0.3, 0.4, 50)]
    line = Line.through(pairs, 0.5)
    assert line.lacking == 0
    assert line.expect((0.1, 0.1)) == (line.at((0.1, 0.1)), line.variance)


def test_with_one_pair_the_line_is_the_usual_one_everywhere() -> None:
    line = Line.through([((0.3, 0.2), 0.6)], 0.5)
    expected, variance = line.expect((0.1, 0.1))
    assert expected == pytest.approx(line.at((0.1, 0.1)))
    assert variance == pytest.approx(line.variance)


PAIRS = st.lists(st.tuples(st.tuples(SCORES, SCORES), SCORES), min_size=1, max_size=8)


@given(PAIRS, st.floats(0.05, 1))
def test_where_pairs_are_the_line_is_read_as_it_is(
    pairs: list[tuple[Early, float]], fidelity: float
) -> None:
    line = Line.through(pairs, fidelity)
    for early, _ in pairs:
        expected, variance = line.expect(early)
        # The lowest of all is itself at the edge, but for the last bits of its weighted sum.
        assert expected == pytest.approx(line.at(early)) or expected == pytest.approx(line.mean)
        assert variance == pytest.approx(line.variance)


@given(PAIRS, st.floats(0.05, 1), st.tuples(SCORES, SCORES), st.floats(0, 1))
def test_below_all_pairs_less_is_never_worth_more(
    pairs: list[tuple[Early, float]], fidelity: float, early: Early, less: float
) -> None:
    """The lower of two scores below the pairs is expected to end lower, and no more certainly;
    neither above the mean of the pairs.
    """
    line = Line.through(pairs, fidelity)
    above = max(0.0, 0.7 * early[0] + 0.3 * early[1] - line.lowest) + 1e-6
    high = early[0] - above, early[1] - above
    low = high[0] - less, high[1] - less
    (higher, little), (lower, much) = line.expect(high), line.expect(low)
    assert lower <= higher + 1e-9
    assert higher <= line.mean
    assert much >= little >= line.variance
