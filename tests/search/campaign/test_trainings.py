"""What a campaign trains in any case: its controls, and for how many epochs."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.campaign import (
    control_runs,
    controls,
    count_searched_controls,
    full_epochs,
    is_searched_control,
    load,
)
from space.space import Space
from tests.support import toys
from tests.support.campaign_files import LAPTOP, refuse, write


def test_a_space_may_fix_the_epochs_but_not_leave_them_open(file: Path) -> None:
    fixed = {**toys.SPACE, "recipe": {"epochs": 7}}
    campaign = load(write(file, space=fixed), offered=LAPTOP)
    assert full_epochs(campaign, Space.parse(campaign.space)) == 7
    opened = {**toys.SPACE, "recipe": {"epochs": {"choice": [3, 7]}}}
    assert refuse(write(file, space=opened)).where == "space.recipe.epochs"


def test_more_seeds_begin_with_those_of_fewer() -> None:
    space = toys.space()
    few, more = (control_runs(toys.campaign(control_seeds=n, seed=7), space) for n in (3, 5))
    assert more[: len(few)] == few
    assert len({seed for _, seed in more}) == 5


def test_controls_are_those_of_the_space_unless_some_are_named() -> None:
    document = {**toys.SPACE, "controls": {"b": {}, "a": {}}}
    space = toys.space(document)
    assert controls(toys.campaign(space=document), space) == ("b", "a")
    assert controls(toys.campaign(space=document, controls=["a"]), space) == ("a",)
    assert controls(toys.campaign(space=document, controls=[]), space) == ()


def test_the_controls_beside_searched_ones_are_named_likewise() -> None:
    document = {**toys.SPACE, "controls": {"b": {}, "a": {}}}
    space = toys.space(document)
    for names, named in ((None, ("b", "a")), (["a"], ("a",)), ([], ())):
        campaign = toys.campaign(space=document, controls={"names": names, "search": 0.5})
        assert controls(campaign, space) == named


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 0.29, 0.5, 1.0])
def test_after_any_number_of_suggestions_the_share_is_searched_controls(share: float) -> None:
    campaign = toys.campaign(controls={"search": share})
    places = [is_searched_control(campaign, place) for place in range(200)]
    for number in range(201):
        assert sum(places[:number]) == count_searched_controls(campaign, number)
    # As it was written: 0.29 * 100 is 28.999999999999996.
    assert count_searched_controls(campaign, 100) == round(100 * share)
