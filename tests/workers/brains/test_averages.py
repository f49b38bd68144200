from __future__ import annotations

import numpy as np

from workers.brains.averages import average_defined, divide

NAN = np.nan


def test_averages_are_of_what_is_there() -> None:
    values = np.array([[1, NAN, 5], [NAN, NAN, 1]], dtype=np.float32)
    for result, expected in (
        (average_defined(values), [1, NAN, 3]),
        (average_defined(values, axis=1), [3, 1]),
    ):
        assert result.dtype == np.float64
        np.testing.assert_array_equal(result, expected)


def test_quotients_by_nothing_are_undefined() -> None:
    quotient = divide(np.array([1, 1, 1, NAN]), np.array([2, 0, -2, 1]))
    np.testing.assert_array_equal(quotient, [0.5, NAN, NAN, NAN])
