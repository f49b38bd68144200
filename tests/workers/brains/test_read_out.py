"""When neurons first say what a stimulus shows."""

from __future__ import annotations

import numpy as np
import pytest

from space.errors import DataError
from workers.brains.read_out import MARGIN, find_solution_times, measure_margins

OBJECTS = np.repeat(["a", "b"], 20)
TIMES = np.array([5.0, 15.0, 25.0, 35.0])


def respond(onset: np.ndarray) -> np.ndarray:
    """[40 stimuli, 2 neurons, 4 bins]: from its onset a stimulus' object has a neuron."""
    shown = np.stack([OBJECTS == "a", OBJECTS == "b"], axis=1).astype(float)
    return shown[:, :, None] * (np.arange(4) >= onset[:, None])[:, None]


def test_a_stimulus_is_solved_once_its_object_shows() -> None:
    onset = np.where(np.arange(40) % 2 == 0, 1, 3)
    responses = respond(onset)
    margins = measure_margins(responses, OBJECTS)
    assert (margins[:, 0] == 0).all(), "nothing is said by neurons that rest"
    times = find_solution_times(responses, OBJECTS, TIMES)
    assert ((times[::2] > 5) & (times[::2] < 15)).all()
    assert ((times[1::2] > 25) & (times[1::2] < 35)).all()


def test_between_bins_the_margin_is_a_straight_line() -> None:
    responses = respond(np.full(40, 2))
    high = measure_margins(responses, OBJECTS)[:, 2]
    times = find_solution_times(responses, OBJECTS, TIMES)
    np.testing.assert_allclose(times, 15 + 10 * MARGIN / high)


def test_what_shows_from_the_first_bin_on_is_solved_there() -> None:
    times = find_solution_times(respond(np.zeros(40, dtype=int)), OBJECTS, TIMES)
    assert (times == 5).all()


def test_what_is_taken_for_another_object_is_not_solved() -> None:
    responses = respond(np.zeros(40, dtype=int))
    responses[0] = responses[0, ::-1]
    times = find_solution_times(responses, OBJECTS, TIMES)
    assert np.isnan(times[0])
    assert not np.isnan(times[1:]).any()


def test_one_object_is_refused() -> None:
    with pytest.raises(DataError, match="objects: 1 of them; give stimuli of two or more"):
        measure_margins(np.ones((4, 2, 1)), np.full(4, "a"))
