"""Digests, costs, plans and first values of networks are what they were."""

from typing import Any

import pytest

from space import zoo
from space.space import Space
from tests.frozen import record

NUMBERS = record.read()


@pytest.mark.parametrize("name", zoo.names())
def test_a_published_model_costs_what_it_did(name: str) -> None:
    genome = zoo.model(name).genome
    assert {"digest": genome.digest[:16]} | record.costs(genome) == NUMBERS["zoo"][name]


@pytest.mark.parametrize("name", Space.named())
def test_samples_of_a_named_space_are_the_networks_that_they_were(name: str) -> None:
    assert record.digests(name) == NUMBERS["spaces"][name]["digests"]


@pytest.mark.parametrize("name", Space.named())
def test_samples_of_a_named_space_cost_what_they_did(name: str) -> None:
    assert record.space_costs(name) == NUMBERS["spaces"][name]["costs"]


@pytest.mark.parametrize("name", record.NETWORKS)
def test_first_values_are_what_they_were(name: str) -> None:
    found = record.first_values(zoo.model(name).genome)
    kept: dict[str, Any] = NUMBERS["first_values"][name]
    assert list(found) == list(kept)
    for tensor, (shape, *values) in kept.items():
        assert found[tensor][0] == shape, tensor
        assert found[tensor][1:] == pytest.approx(values, rel=1e-5, abs=1e-7), tensor
