"""A campaign with its own loss and metric: tried when it is submitted, and their versions kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search.campaign.functions import close_functions
from search.campaign.splits import refuse_own_splits
from space.errors import CampaignError
from tests.support.packages import install
from workers.job import Recipe

PACKAGE = """
from pydantic import BaseModel
from torch.nn.functional import cross_entropy

class Plain:
    class Options(BaseModel, extra="forbid"):
        pass
    def __init__(self, options):
        print("noise on the standard output")
    def compute(self, logits, labels):
        return cross_entropy(logits, labels)

class Ending(Plain):
    def compute(self, logits, labels):
        raise SystemExit(3)
"""


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = install(tmp_path / "site", {"plain_loss/it.py": PACKAGE}, name="plain-loss")
    monkeypatch.setenv("PYTHONPATH", str(site))


def recipe(**loss: Any) -> Recipe:
    return Recipe().overlaid({"loss": loss})


def test_the_version_is_written_down_and_has_to_stay() -> None:
    closed = close_functions(recipe(name="plain_loss.it:Plain"))
    assert closed.loss is not None
    assert closed.loss.version.startswith("plain-loss 1.0 ")
    other = recipe(name="plain_loss.it:Plain", version="plain-loss 0.9")
    with pytest.raises(CampaignError, match=r"recipe\.loss: .* and plain-loss 0\.9 was recorded"):
        close_functions(other)


def test_a_loss_that_ends_its_process_is_one_error() -> None:
    with pytest.raises(CampaignError, match=r"recipe\.loss: ended the process .*exit code 3"):
        close_functions(recipe(name="plain_loss.it:Ending"))


def test_a_recipe_without_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.campaign.functions.subprocess", None)
    assert close_functions(Recipe()) == Recipe()


def test_a_space_chooses_no_loss() -> None:
    with pytest.raises(CampaignError, match=r"space\.recipe\.loss: is the same for all trials"):
        refuse_own_splits("space.recipe", {"loss": {"choice": ["a:B", "a:C"]}})
