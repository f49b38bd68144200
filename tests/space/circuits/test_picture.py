"""Pictures of networks: nothing lies on anything else, in the zoo, in samples, in drawn ones."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from space import zoo
from space.circuits.names import part_paths
from space.circuits.notes import note_effects
from space.circuits.picture import place_network
from space.circuits.shapes import Box, Picture, Wire
from space.genome import Genome
from space.space import Space
from tests.support.drawing import any_genomes, genomes
from tests.support.geometry import find_faults


def place_plain(genome: Genome) -> Picture:
    return place_network(genome, {})


def place_noted(genome: Genome) -> Picture:
    """With an effect on each part, from none to the largest."""
    rng = random.Random(len(genome.stages))
    effects = {name: rng.uniform(-0.2, 0.2) for name in part_paths(genome)}
    return place_network(genome, note_effects(genome, effects), title="with effects")


@pytest.mark.parametrize("place", [place_plain, place_noted])
def test_nothing_lies_on_anything_in_the_zoo(place: object) -> None:
    for name in zoo.names():
        faults = find_faults(place(zoo.model(name).genome))  # type: ignore[operator]
        assert faults == [], f"{name}: {faults[:3]}"


@pytest.mark.parametrize("name", ["motifs-small", "motifs-2018"])
def test_nothing_lies_on_anything_in_samples_of_the_spaces(name: str) -> None:
    space, rng = Space.load(name), random.Random(19)
    for number in range(200):
        genome = space.sample(rng).genome
        faults = find_faults((place_noted if number % 4 == 0 else place_plain)(genome))
        assert faults == [], f"{number}: {faults[:3]}"


@settings(max_examples=40, deadline=None)
@given(genome=genomes() | any_genomes())
def test_nothing_lies_on_anything_in_drawn_networks(genome: Genome) -> None:
    assert find_faults(place_plain(genome)) == []
    assert find_faults(place_noted(genome)) == []


def test_faults_are_seen() -> None:
    picture = place_plain(zoo.model("gru_shallow").genome)
    box = next(s for s in picture.shapes if isinstance(s, Box) and s.kind == "full")
    wire = next(s for s in picture.shapes if isinstance(s, Wire) and s.kind == "kept")
    moved = replace(box, x=box.x + 30)
    crossing = Wire(((box.x + 5, 0), (box.x + 5, picture.height)), "rail", "stray")
    doubled = replace(wire, net="stray")
    narrow = replace(box, width=8.0)
    for stray, fault in (
        (moved, "overlap"),
        (crossing, "through"),
        (doubled, "on each other"),
        (narrow, "no room"),
        (replace(box, x=-20.0, y=picture.height), "outside"),
    ):
        faults = find_faults(replace(picture, shapes=(*picture.shapes, stray)))
        assert any(one.startswith(fault) for one in faults), fault


def make_large(names: int) -> Genome:
    """Long names, every feedback edge, many states that read each other through masks."""
    states = [f"{'state' * 10}_{place}" for place in range(names)]
    gate = {"terms": [{"of": ["input", *states, "feedback"], "kernel": 1}], "norm": "layer"}
    edges: list[dict[str, Any]] = [
        {"add": {"of": [f"{name} * {'gate' * 12}" for name in states], "kernel": 3}}
    ]
    edges += [
        {"add": {"of": name, "after_norm": place % 2 == 0}} for place, name in enumerate(states)
    ]
    edges += [
        {"multiply": "gate" * 12},
        {"multiply": {"complement": "gate" * 12}},
        {"multiply": gate},
    ]
    state = {"carry": {"of": "residual", "gate": gate}, "drive": {"edges": edges, "norm": "layer"}}
    cell = {
        "states": {name: state | {"depth": 8} for name in states},
        "gates": {"gate" * 12: gate},
        "output": states[0],
    }
    stages = [
        {"name": f"{'stage' * 12}_{place}", "convolution": {"width": 8}, "cell": "<&>" * 60}
        for place in range(12)
    ]
    feedback = {
        f"{sender['name']}->{receiver['name']}": True
        for place, sender in enumerate(stages)
        for receiver in stages[:place]
    }
    return Genome.parse(
        {
            "image": {"size": 8, "channels": 8},
            "clock": {"steps": 20},
            "stages": stages,
            "cells": {"<&>" * 60: cell},
            "feedback": feedback,
        }
    )


@pytest.mark.parametrize("names", [1, 5])
def test_nothing_lies_on_anything_in_a_large_network_of_long_names(names: int) -> None:
    genome = make_large(names)
    assert find_faults(place_plain(genome)) == []
    assert find_faults(place_noted(genome)) == []
