"""A search never decides by the test split; trainings by which nothing is decided may be on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search.campaign import Campaign, clone, final_recipe, load
from search.campaign.splits import decides
from space.errors import CampaignError, InputError
from space.space import Space
from tests.support.campaign_files import LAPTOP, refuse, write

CONTROLS = {"budget": {"trials": 1}, "controls": ["feedforward"], "scheduler": {"name": "fifo"}}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["data.validation=0"],
            "data.validation: 0: a search that decides on the test split has none left to "
            "report on; write a share of the training images",
        ),
        (
            ["recipe.score_on=test"],
            "recipe.score_on: test: a search that decides on the test split has none left",
        ),
        (["recipe.train_on=train+validation"], "recipe.score_on: the network is trained on the"),
        (
            ["data.validation=0", "recipe.train_on=train+validation", "recipe.score_on=test"],
            "recipe.train_on: train+validation, but data.validation is 0; write train, or",
        ),
    ],
)
def test_a_search_that_would_decide_by_the_test_split_is_refused(
    tmp_path: Path, overrides: list[str], message: str
) -> None:
    assert message in str(refuse(write(tmp_path / "c.yaml"), *overrides))


@pytest.mark.parametrize("recipe", [{"score_on": "test"}, {"choice": [{}, {"score_on": "test"}]}])
def test_one_trial_is_not_scored_otherwise_than_the_rest(
    tmp_path: Path, recipe: dict[str, Any]
) -> None:
    document = Space.load("motifs-small").document()
    controls = document["controls"] | {"other": {"recipe": recipe}}
    for changed in (document | {"recipe": recipe}, document | {"controls": controls}):
        error = refuse(write(tmp_path / "c.yaml", space=changed))
        assert "score_on: is the same for all trials of a campaign" in str(error)


def test_controls_that_are_trained_to_their_end_may_be_scored_on_test(tmp_path: Path) -> None:
    """Nothing is decided by them; with a suggested trial more, or an early stop, it would be."""
    file = write(tmp_path / "c.yaml", **CONTROLS, recipe={"score_on": "test"})
    campaign = load(file, offered=LAPTOP)
    assert not decides(campaign, Space.parse(campaign.space, "space"))
    assert load(file, ["data.validation=0"], offered=LAPTOP).data.validation == 0
    for more in ("budget.trials=2", "scheduler.name=asha"):
        assert "a search that decides on the test split" in str(refuse(file, more))


def test_a_campaign_of_before_opens_and_is_refused_where_it_would_be_begun_again(
    tmp_path: Path,
) -> None:
    closed = load(write(tmp_path / "c.yaml"), offered=LAPTOP).document()
    before = closed | {"data": closed["data"] | {"validation": 0}}
    assert Campaign.parse(before).document() == before
    with pytest.raises(CampaignError, match=r"data\.validation: 0: a search that decides"):
        clone(before, "campaign x", offered=LAPTOP)
    again = clone(before, "campaign x", ["data.validation=0.1"], offered=LAPTOP)
    assert again.document() == closed


def test_final_trainings_are_scored_on_test_and_may_have_all_other_images(tmp_path: Path) -> None:
    closed = load(write(tmp_path / "c.yaml"), offered=LAPTOP).document()
    recipe = closed["recipe"]
    assert final_recipe(closed) == recipe | FINAL_KEYS
    whole = final_recipe(closed, all_data=True)
    assert whole == recipe | FINAL_KEYS | {"train_on": "train+validation"}
    before = closed | {"data": closed["data"] | {"validation": 0}}
    assert final_recipe(before) == recipe, "known as what it trained before"
    with pytest.raises(InputError, match="no validation images: it trained on all there are"):
        final_recipe(before, all_data=True)


FINAL_KEYS = {"score_on": "test"}
