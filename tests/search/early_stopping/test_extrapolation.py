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
