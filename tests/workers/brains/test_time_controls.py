"""Networks without their dynamics."""

from __future__ import annotations

import numpy as np

from tests.support.teachers import draw_teacher
from workers.brains.time_controls import make_static, remove_time_average, shuffle_steps


def test_a_static_twin_has_its_averages_at_all_steps() -> None:
    teacher = draw_teacher(10)
    twin = make_static(teacher)
    assert twin.source == "drawn, static"
    assert twin.steps == teacher.steps
    for name, values in teacher.layers.items():
        assert twin.layers[name].shape == values.shape
        np.testing.assert_allclose(twin.layers[name][:, 1], values.mean(axis=1))
        assert (twin.layers[name] == twin.layers[name][:, :1]).all()


def test_shuffled_steps_are_the_same_ones_in_another_order_for_each_stimulus() -> None:
    values = draw_teacher(40).layers["conv1"]
    shuffled = shuffle_steps(values, seed=1)
    np.testing.assert_array_equal(np.sort(shuffled, axis=1), np.sort(values, axis=1))
    moved = (shuffled != values).any(axis=2)
    assert len({tuple(row) for row in moved.tolist()}) > 1, "not one order for all"
    for stimulus in range(40):
        units = {tuple(step) for step in shuffled[stimulus].tolist()}
        assert units == {tuple(step) for step in values[stimulus].tolist()}, "units stay together"
    np.testing.assert_array_equal(shuffled, shuffle_steps(values, seed=1))
    assert not np.array_equal(shuffled, shuffle_steps(values, seed=2))


def test_without_its_time_average_a_static_response_is_nothing() -> None:
    moving = draw_teacher(10).layers["conv1"]
    left = remove_time_average(moving, axis=1)
    np.testing.assert_allclose(left.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(left - moving, -moving.mean(axis=1, keepdims=True) + 0 * moving)
    static = make_static(draw_teacher(10)).layers["conv1"]
    np.testing.assert_allclose(remove_time_average(static, axis=1), 0, atol=1e-12)
