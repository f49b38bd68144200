"""Square maps: SAME padding, and how many windows of it there are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from space.network.maps import same_padding, same_size

SIDES = st.integers(1, 40)


@given(SIDES, st.integers(1, 12), st.integers(1, 6))
def test_same_padding_covers_the_map_and_no_more(size: int, kernel: int, stride: int) -> None:
    """As many windows as strides fit, each beginning on the padded map, the odd pixel behind."""
    before, after = same_padding(size, kernel, stride)
    outs = same_size(size, stride)
    assert outs == len(range(0, size, stride))
    assert 0 <= after - before <= 1
    assert size + before + after >= (outs - 1) * stride + kernel
    if before + after:
        assert size + before + after == (outs - 1) * stride + kernel


def test_the_first_layer_pads_two_before_and_three_after() -> None:
    assert same_padding(224, 7, 2) == (2, 3)
    assert same_padding(128, 7, 2) == (2, 3)
    assert same_padding(14, 2, 1) == (0, 1)
    assert same_padding(14, 4, 1) == (1, 2)
    assert same_padding(14, 8, 1) == (3, 4)


@given(SIDES, st.integers(1, 12))
def test_a_stride_of_one_keeps_the_side(size: int, kernel: int) -> None:
    assert same_size(size, 1) == size
    assert sum(same_padding(size, kernel, 1)) == kernel - 1


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding"),
    [(8, 1, 2, (0, 0)), (8, 2, 2, (0, 0)), (7, 2, 2, (0, 1)), (1, 1, 3, (0, 0))],
)
def test_a_window_that_fits_needs_no_padding(
    size: int, kernel: int, stride: int, padding: tuple[int, int]
) -> None:
    assert same_padding(size, kernel, stride) == padding
