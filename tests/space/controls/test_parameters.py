"""The parameter-matched control, over published cells, drawn networks and a named space."""

import random
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from space import zoo
from space.controls import MATCHES, match_controls
from space.controls.depth import count_layers
from space.controls.macs import planned_macs
from space.controls.parameters import match_parameters
from space.errors import GenomeError
from space.genome import Genome
from space.recurrence import recurrence
from space.space import Space
from space.unroll.cost import cost
from space.zoo import cells as published
from tests.support.drawing import genomes, small_genome


@cache
def small_space() -> Space:
    return Space.load("motifs-small").with_images(size=8, channels=1, classes=10)


def check_controls(network: Genome) -> None:
    """The three controls are feedforward, match, fit the same images, and are always the same."""
    controls = match_controls(network)
    assert [*controls] == ["parameters", "macs", "depth"]
    for control in controls.values():
        assert recurrence(control) == "none"
        assert (control.image, control.classes) == (network.image, network.classes)
        assert Genome.parse(control.document()) == control
    assert cost(controls["parameters"]).parameters == pytest.approx(
        cost(network).parameters, rel=0.02
    )
    assert planned_macs(controls["macs"]) == pytest.approx(planned_macs(network), rel=0.02)
    assert count_layers(controls["depth"]) >= count_layers(network)
    again = match_controls(Genome.parse(network.document()))
    assert {name: one.digest for name, one in again.items()} == {
        name: one.digest for name, one in controls.items()
    }


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32))
def test_samples_of_a_named_space_have_controls(seed: int) -> None:
    network = small_space().sample(random.Random(seed)).genome
    if recurrence(network) != "none":
        check_controls(network)


@settings(max_examples=10, deadline=None)
@given(genomes())
def test_drawn_networks_have_controls(network: Genome) -> None:
    if recurrence(network) == "none":
        with pytest.raises(GenomeError, match="is feedforward"):
            match_controls(network)
        return
    check_controls(network)


@pytest.mark.parametrize("name", ["rgc_shallow", "median_2018_t17_feedback", "search_128_lstm"])
def test_published_networks_have_controls(name: str) -> None:
    check_controls(zoo.model(name).genome)


@pytest.mark.slow
@pytest.mark.parametrize("name", zoo.names())
def test_all_recurrent_networks_of_the_zoo_have_controls(name: str) -> None:
    network = zoo.model(name).genome
    if recurrence(network) == "none":
        with pytest.raises(GenomeError, match="is feedforward"):
            match_controls(network)
    else:
        check_controls(network)


def test_it_is_wider_by_one_factor() -> None:
    network = small_genome(published.conv_gru())
    control = match_parameters(network)
    factors = [
        wide.convolution.width / stage.convolution.width
        for wide, stage in zip(control.stages, network.stages, strict=True)
    ]
    assert max(factors) / min(factors) < 1.25
    assert min(factors) > 1


def test_the_names_are_those_of_the_families() -> None:
    assert [*MATCHES] == ["parameters", "macs", "depth"]
