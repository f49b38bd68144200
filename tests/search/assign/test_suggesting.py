"""New points: closed, checked, and each new."""

from __future__ import annotations

import copy

import pytest

from search.assign.suggesting import Suggester, close_recipe, find_refusal, make_suggester
from space.unroll.cost import cost
from tests.support import toys


@pytest.fixture
def suggester() -> Suggester:
    return make_suggester(toys.campaign(), toys.space())


def test_a_suggestion_carries_the_closed_recipe(suggester: Suggester) -> None:
    campaign = toys.campaign()
    for _ in range(3):
        suggestion = suggester.suggest()
        assert suggestion is not None
        assert suggestion.sample is not None
        assert suggestion.recipe == campaign.recipe.overlaid(suggestion.sample.recipe)
        assert suggestion.recipe != campaign.recipe


def test_no_point_is_suggested_twice_and_calls_say_how_it_came(suggester: Suggester) -> None:
    suggestions = [suggester.suggest() for _ in range(20)]
    digests = [(one.digest, str(one.recipe)) for one in suggestions if one is not None]
    assert len(set(digests)) == 20
    again = make_suggester(toys.campaign(), toys.space())
    assert [again.derive(one.calls, {}) for one in suggestions if one is not None] == suggestions


def test_a_recipe_that_is_none_is_a_reason() -> None:
    document = copy.deepcopy(toys.SPACE)
    document["recipe"] = {"batch_size": {"choice": [16, 0], "name": "batch"}}
    campaign, space = toys.campaign(space=document), toys.space(document)
    refused = 0
    for batch in (16, 0):
        sample = space.complete({"batch": batch, "recipe.batch_size": batch})
        if sample.recipe["batch_size"] != batch:
            continue
        recipe, reason = close_recipe(campaign, sample, cost(sample.genome))
        assert (recipe is None) == (batch == 0) == (reason is not None)
        assert find_refusal(campaign, sample, cost(sample.genome)) == reason
        refused += recipe is None
    assert refused == 1


def test_a_network_over_a_limit_has_a_recipe_and_a_reason() -> None:
    campaign, space = toys.campaign(limits={"macs": 10}), toys.space()
    sample = space.complete({})
    recipe, reason = close_recipe(campaign, sample, cost(sample.genome))
    assert recipe is not None
    assert "exceed limits.macs: 10" in (reason or "")
