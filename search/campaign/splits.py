"""Which split the trials of a campaign are scored on: a search never decides by the test split."""

from collections.abc import Mapping
from typing import Any

from search.campaign.settings import Campaign
from search.campaign.trainings import control_runs
from space.errors import CampaignError
from space.space import Space

KEYS = ("train_on", "score_on", "loss", "metric")
"""The keys of a recipe that all trials of a campaign have alike, so that they can be compared."""


def check_splits(campaign: Campaign, space: Space) -> None:
    """Refuse a campaign that would decide by the test split. Raises CampaignError.

    One that decides nothing, as `ventral certify` makes them, may be scored on it: all its trials
    are controls, and none of them is stopped early.
    """
    refuse_own_splits("space.recipe", space.recipe)
    for name, control in space.controls.items():
        refuse_own_splits(f"space.controls.{name}.recipe", control.recipe)
    validation, recipe = campaign.data.validation, campaign.recipe
    if recipe.train_on != "train" and not validation:
        problem = f"{recipe.train_on}, but data.validation is 0"
        raise CampaignError("recipe.train_on", problem, "write train, or a part for validation")
    if not decides(campaign, space):
        return
    problem = "a search that decides on the test split has none left to report on"
    if not validation:
        cure = "write a share of the training images, 0.1 say, or how many"
        raise CampaignError("data.validation", f"0: {problem}", cure)
    if recipe.score_on == "test":
        raise CampaignError("recipe.score_on", f"test: {problem}", "write validation")


def refuse_own_splits(where: str, recipe: Any) -> None:
    """Refuse a recipe, perhaps with choices, that says of some trials what is said of all.

    Raises CampaignError.
    """
    inner = recipe.values() if isinstance(recipe, Mapping) else recipe
    for key in KEYS:
        if isinstance(recipe, Mapping) and key in recipe:
            problem = "is the same for all trials of a campaign"
            raise CampaignError(f"{where}.{key}", problem, "say it in the campaign's recipe")
    for node in inner if isinstance(recipe, Mapping | list) else ():
        refuse_own_splits(where, node)


def decides(campaign: Campaign, space: Space) -> bool:
    """Whether scores decide what is trained next, or for how long."""
    suggests = len(control_runs(campaign, space)) < campaign.budget.trials
    return suggests or campaign.scheduler.name != "fifo"


def final_recipe(document: Mapping[str, Any], *, all_data: bool = False) -> dict[str, Any]:
    """The recipe of a closed campaign's `document` for trainings by which nothing is decided.

    They are scored on test, and with `all_data` trained on the validation images as well. Where a
    campaign has no validation split, its scores are of test in any case: its recipe stays as it
    is, so that what was trained by it before is known again. Raises CampaignError if there are no
    validation images to train on.
    """
    recipe = dict(document["recipe"])
    if document["data"].get("validation"):
        whole = {"train_on": "train+validation"} if all_data else {}
        return recipe | {"score_on": "test"} | whole
    if all_data:
        problem = "the campaign has no validation images: it trained on all there are"
        raise CampaignError("data.validation", problem, "leave --all-data out")
    return recipe
