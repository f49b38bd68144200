"""What a campaign trains in any case: its controls, and for how many epochs."""

from __future__ import annotations

from pathlib import Path

from search.campaign import control_runs, controls, full_epochs, load
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
