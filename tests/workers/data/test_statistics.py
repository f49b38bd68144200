"""Deviations to divide by."""

from hypothesis import given
from hypothesis import strategies as st

from workers.data.statistics import divisors


@given(st.lists(st.floats(0, 10), max_size=4))
def test_every_deviation_can_be_divided_by(std: list[float]) -> None:
    """A channel of one value stays as it is; the others keep their deviation, tiny ones too."""
    scaled = divisors(std)
    assert len(scaled) == len(std)
    for value, divisor in zip(std, scaled, strict=True):
        assert divisor == (value if value > 0 else 1)
    assert divisors(scaled) == scaled
