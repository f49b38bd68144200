"""What a campaign trains in any case: its controls, and for how many epochs."""

from __future__ import annotations

from pathlib import Path

from search.campaign import full_epochs, load
from space.space import Space
from tests.support import toys
from tests.support.campaign_files import LAPTOP, refuse, write


def test_a_space_may_fix_the_epochs_but_not_leave_them_open(file: Path) -> None:
    fixed = {**toys.SPACE, "recipe": {"epochs": 7}}
    campaign = load(write(file, space=fixed), offered=LAPTOP)
    assert full_epochs(campaign, Space.parse(campaign.space)) == 7
    opened = {**toys.SPACE, "recipe": {"epochs": {"choice": [3, 7]}}}
    assert refuse(write(file, space=opened)).where == "space.recipe.epochs"
