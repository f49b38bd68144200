"""A space under a campaign's limits: the same samples each time, refusals counted by reason."""

import pytest

from search.forecast.trying import TRIED, try_space
from space.errors import SpaceError
from space.space import Space
from tests.support import toys
from tests.support.kernels import document


def test_samples_over_a_limit_are_counted_by_one_reason() -> None:
    space = toys.space()
    written = try_space(toys.campaign(), space).document()
    assert (written["samples"], written["infeasible"], written["reasons"]) == (TRIED, 0, [])
    assert (written["recomputed"], written["warnings"]) == (0, [])
    limited = toys.campaign(limits={"parameters": 100})
    tried = try_space(limited, space)
    assert 0 < tried.survey.infeasible < TRIED
    ((reason, count),) = tried.survey.reasons
    assert reason.endswith(" parameters exceed limits.parameters: 100")
    assert count == tried.survey.infeasible
    assert try_space(limited, space) == tried
    tried.refuse_untrainable(space)


def test_an_option_that_can_never_be_trained_is_refused() -> None:
    campaign = toys.campaign()
    fits = Space.parse(document()).with_images(size=32, channels=1, classes=10)
    try_space(campaign, fits).refuse_untrainable(fits)
    small = fits.with_images(size=8, channels=1, classes=10)
    with pytest.raises(SpaceError) as caught:
        try_space(campaign, small).refuse_untrainable(small)
    assert caught.value.where == "space: kernel"
    assert caught.value.problem.startswith("5 can never be trained at 8x8 pixels: ")
    assert "5 exceeds the 4x4 map of stage b" in caught.value.problem
    assert caught.value.cure.startswith("write `up_to: map` beside the choice, ")


def test_a_space_of_which_nothing_may_be_trained_is_refused() -> None:
    space = toys.space()
    limited = toys.campaign(limits={"parameters": 1})
    with pytest.raises(SpaceError, match="none of 200 samples may be trained at 8x8 pixels"):
        try_space(limited, space).refuse_untrainable(space)
