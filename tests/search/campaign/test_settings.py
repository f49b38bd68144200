"""The fields of a campaign file: their defaults, what is no value, and the published schema."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search import early_stopping, samplers
from search.campaign import SCHEMA, Campaign, json_schema, load, schema_text
from space.space import Space
from tests.support.campaign_files import LAPTOP, refuse, write


def test_three_keys_are_enough(file: Path) -> None:
    campaign = load(file, offered=LAPTOP)
    assert campaign.sampler.name == "guided"
    assert campaign.scheduler.name == "asha"
    assert campaign.budget.trials == 100
    assert campaign.keep == 25
    assert campaign.data.size == 8


def test_the_document_is_closed_and_gives_the_campaign_back(file: Path) -> None:
    campaign = load(file, ["resources.concurrent=2", "recipe.epochs=3"], offered=LAPTOP)
    document = campaign.document()
    assert Campaign.parse(document) == campaign
    assert document["recipe"]["epochs"] == 3
    assert document["recipe"]["batch_size"] == 64, "defaults are written out"
    assert document["space"] == Space.load("motifs-small").document(), "and so is the space"


@pytest.mark.parametrize(
    ("changes", "where", "problem", "cure"),
    [
        ({"retires": 1}, "", 'unknown key "retires"', 'did you mean "retries"?'),
        ({"sampler": {"nam": "random"}}, "sampler", 'unknown key "nam"', "did you mean"),
        ({"data": {"name": "digit"}}, "data", '"digit"', "digits"),
        ({"data": {"name": "digits", "size": 9}}, "data.size", "9 is not a multiple of 8", ""),
        ({"keep": -1}, "keep", "-1 is not at least 0", ""),
        ({"space": "motif-small"}, "space", "neither a named space nor a file", "motifs-small"),
        ({"recipe": {"optimizer": "sgd"}}, "recipe", "optimizer", "optimiser"),
    ],
)
def test_a_wrong_file_is_named(
    file: Path, changes: dict[str, Any], where: str, problem: str, cure: str
) -> None:
    error = refuse(write(file, **changes))
    assert error.where == (f"{file}: {where}" if where else str(file))
    assert problem in error.problem
    assert cure in error.cure


def test_the_published_schema_is_the_model_s() -> None:
    """Written by: python -c "from search.campaign import *; SCHEMA.write_text(schema_text())"."""
    assert SCHEMA.read_text(encoding="utf-8") == schema_text()


def test_the_schema_names_every_key_and_sampler() -> None:
    schema = json_schema()
    assert set(schema["properties"]) == set(Campaign.model_fields)
    assert schema["additionalProperties"] is False
    known = {"Sampler": samplers.NAMES, "Scheduler": early_stopping.NAMES}
    names = {
        kind: tuple(schema["$defs"][kind]["properties"]["name"]["anyOf"][0]["enum"])
        for kind in known
    }
    assert names == known


@pytest.mark.parametrize(
    ("written", "named", "share"),
    [
        (None, None, 0.0),
        ([], (), 0.0),
        (["feedforward"], ("feedforward",), 0.0),
        ({"search": 0.25}, None, 0.25),
        ({"names": ["feedforward"], "search": 1}, ("feedforward",), 1.0),
    ],
)
def test_controls_are_a_list_or_a_list_and_a_share(
    file: Path, written: Any, named: Any, share: float
) -> None:
    campaign = load(write(file, controls=written), offered=LAPTOP)
    assert (campaign.named_controls, campaign.searched_share) == (named, share)
    assert Campaign.parse(campaign.document()) == campaign
    if not isinstance(written, dict):
        assert campaign.document()["controls"] == written, "as every version has written it"


def test_a_share_may_be_set_on_the_command_line(file: Path) -> None:
    campaign = load(file, ["controls.search=0.5"], offered=LAPTOP)
    assert (campaign.named_controls, campaign.searched_share) == (None, 0.5)


def test_controls_that_are_none_are_named(file: Path) -> None:
    for written, where, problem in (
        ({"search": 2}, "controls.search", "2 is not at most 1"),
        ({"searh": 0.2}, "controls", 'unknown key "searh"'),
        ({"names": "feedforward"}, "controls.names", "is not a list"),
        (["feedforward", 3], "controls[1]", "3 is not text"),
    ):
        error = refuse(write(file, controls=written))
        assert error.where == f"{file}: {where}"
        assert problem in error.problem
