"""A choice of which some options are left out."""

import pytest

from space.choices.domains import Categorical, Parameter, Uniform
from space.choices.narrowing import narrow_parameter
from space.errors import SpaceError

KERNEL = Parameter(
    path="kernel", domain=Categorical(options=(1, 3, 5), weights=(1.0, 2.0, 3.0)), default=3
)


def test_options_keep_their_order_and_weights() -> None:
    narrow = narrow_parameter(KERNEL, [5, 1])
    assert narrow.domain == Categorical(options=(1, 5), weights=(1.0, 3.0))
    assert narrow.default == 1
    assert narrow_parameter(KERNEL, [5, 3]).default == 3


@pytest.mark.parametrize(
    ("given", "problem"), [([], "no option is left"), ([2], "2 is not one of 1, 3, 5")]
)
def test_what_is_no_option_is_refused(given: list[int], problem: str) -> None:
    with pytest.raises(SpaceError, match=problem):
        narrow_parameter(KERNEL, given)
    interval = Parameter(path="x", domain=Uniform(low=0.0, high=1.0), default=0.5)
    with pytest.raises(SpaceError, match="a number from an interval"):
        narrow_parameter(interval, [0.5])
