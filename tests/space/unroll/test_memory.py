"""The memory of training by arithmetic, against the tensors that one update really holds."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings

from models.build import build
from space.genome import Genome
from space.network.grammar import Cell
from space.unroll.cost import cost
from space.unroll.memory import (
    Backward,
    evaluation_memory,
    forward_peak,
    leading,
    training_memory,
)
from space.unroll.plan import Unroll, plan
from space.unroll.planned_memory import planned_evaluation_memory
from space.unroll.reads import all_logits
from space.unroll.tape import StoredValue, Use
from tests.support.drawing import any_genomes, small_genome
from tests.support.held_memory import MODELS, Held, measured, small


@pytest.mark.parametrize(
    ("name", "size"), [("rgc_intermediate", 32), ("simplernn_shallow", 96), ("resnet18", 64)]
)
def test_training_memory_is_within_15_per_cent(name: str, size: int) -> None:
    check(small(name, size), (1, 5))


@pytest.mark.slow
@pytest.mark.parametrize("size", [96, 128])
@pytest.mark.parametrize("name", MODELS)
def test_training_memory_is_within_15_per_cent_on_the_zoo(name: str, size: int) -> None:
    check(small(name, size), (2, 8))


def fed_back(first: dict[str, Any], *others: dict[str, Any], width: int) -> Genome:
    """A stage with each of these cells, and a last one on a smaller map that feeds back to all."""
    cells = {f"cell{i}": cell for i, cell in enumerate((first, *others))}
    convolution = {"width": 4, "kernel": 1}
    stages = [
        {"name": f"stage{i}", "convolution": convolution, "cell": cell}
        for i, cell in enumerate(cells)
    ]
    last = {"name": "last", "convolution": {"width": width, "kernel": 1, "stride": 2}}
    return Genome.parse(
        {
            "image": {"size": 32, "channels": 3},
            "classes": 10,
            "clock": {"steps": 6},
            "stages": [*stages, last],
            "cells": cells,
            "feedback": {f"last->{stage['name']}": True for stage in stages},
        }
    )


def state(*terms: dict[str, Any]) -> dict[str, Any]:
    return {"carry": {"gate": None}, "drive": {"edges": [{"add": term} for term in terms]}}


CONVOLVES = {
    "states": {"out": state({"of": "input"}, {"of": "feedback", "kernel": 3})},
    "output": "out",
}
HOLDS = {
    "states": {
        "held": state({"of": "feedback"}) | {"carry": None},
        "out": state({"of": "input"}, {"of": "held"}),
    },
    "output": "out",
}


@pytest.mark.parametrize("receivers", [1, 2, 4])
def test_every_stage_enlarges_what_it_receives_for_itself(receivers: int) -> None:
    check(fed_back(*[CONVOLVES] * receivers, width=64), (2, 8))


def test_a_state_that_is_enlarged_feedback_belongs_to_its_stage() -> None:
    """Though another stage enlarges the same feedback."""
    genome = fed_back(CONVOLVES, HOLDS, width=4)
    check(genome, (2, 8))
    assert 0 < evaluation_memory(genome, 8) < training_memory(genome, 8)


def test_convolutions_of_two_parts_are_not_joined() -> None:
    """A convolution and a residual read one value by one geometry; joined kernels are copied."""
    first = {"name": "first", "convolution": {"width": 256, "kernel": 1}}
    strided = {"width": 256, "kernel": 1, "stride": 2, "bias": False}
    second = {"name": "second", "convolution": strided, "residual": {"by": "stride"}}
    document = {"image": {"size": 4, "channels": 3}, "classes": 10, "clock": {"steps": 4}}
    check(Genome.parse(document | {"stages": [first, second]}), (1, 4))


@settings(max_examples=15, deadline=None)
@given(any_genomes())
def test_every_genome_has_a_forecast_of_its_memory(genome: Genome) -> None:
    assert 0 < evaluation_memory(genome, 1) < evaluation_memory(genome, 2)
    assert 0 < training_memory(genome, 1) < training_memory(genome, 2)


@pytest.mark.parametrize("unroll", ["literal", "planned"])
def test_what_an_evaluation_takes_is_within_15_per_cent(unroll: Unroll) -> None:
    genome, batch = small("simplernn_shallow", 96), 4
    network = build(genome, unroll=unroll).eval()
    images = torch.randn(batch, 3, 96, 96)
    held = Held(images, *network.parameters(), *network.buffers())
    with torch.no_grad(), held:
        network.step_logits(images)
    if unroll == "literal":
        expected = evaluation_memory(genome, batch, copies=0)
    else:
        planned = plan(genome, all_logits(genome))
        expected = planned_evaluation_memory(planned, batch, copies=0)
    gradients = 4 * cost(genome).parameters  # of the update before, which this test did not make
    assert expected - gradients == pytest.approx(held.peak, rel=0.15)


def check(genome: Genome, batches: tuple[int, int]) -> None:
    for batch in batches:
        expected = training_memory(genome, batch)
        assert expected == pytest.approx(measured(genome, batch), rel=0.15)


def test_memory_grows_with_the_batch_and_with_what_the_optimiser_keeps() -> None:
    genome = small("rgc_shallow", 96)
    one, two, three = (training_memory(genome, batch) for batch in (1, 2, 3))
    assert three - two == pytest.approx(two - one, rel=0.01)
    adam = training_memory(genome, 1, copies=2)
    assert adam - one == pytest.approx(4 * cost(genome).parameters, rel=0.01)


def test_the_fold_counts_what_is_alive() -> None:
    """x (100 bytes) -> y (30), which keeps x -> z (7), made of both, which keeps y and 5 more."""
    x, y, z = (
        StoredValue(name, numbers, side=1, width=1, learned=True)
        for name, numbers in (("x", 100), ("y", 30), ("z", 7))
    )
    uses = [
        Use(makes={"x": 100}),
        Use(makes={"y": 30}, reads=[x], keeps={"x"}),
        Use(makes={"z": 7}, reads=[y, x], keeps={"y"}, besides=5),
        Use(makes={"unread": 1000}),
    ]
    assert forward_peak(uses[:3]) == 100 + 30 + 7 + 5
    assert forward_peak(uses[:3], keeps=False) == 100 + 30 + 7 + 5  # for a moment
    assert forward_peak(uses) == 100 + 30 + 5 + 1000  # nobody reads z
    # Through z, x and y are kept, and all three get gradients.
    assert Backward([z]).peak([uses[2]]) == 5 + (7 + 30 + 100)
    # Through y, x is kept and has a gradient, to which a second one is added.
    back = Backward([z])
    assert back.peak(uses[:3]) == 100 + 30 + (100 + 100)
    assert back.alive == 100


def test_what_leads_nowhere_keeps_nothing() -> None:
    x, y = (StoredValue(name, 10, side=1, learned=True) for name in "xy")
    uses = [
        Use(makes={"x": 40}),
        Use(makes={"y": 40}, reads=[x], keeps={"x"}),
        Use(makes={"z": 40}, reads=[x], keeps={"x"}),
    ]
    assert [use.keeps for use in leading(uses, [y])] == [set(), {"x"}, set()]


@pytest.mark.parametrize("norm", [None, "layer"])
def test_a_constant_that_a_convolution_adds_takes_no_map(norm: str | None) -> None:
    """It goes with the kernel's bias, also where that is not learned; behind a norm it cannot."""

    def gated(bias: float) -> float:
        term = {"of": "input", "kernel": 3, "bias": False, "norm": norm}
        gate = {"terms": [term], "bias": bias}
        state = {"carry": {"gate": gate}, "drive": {"edges": [{"add": {"of": "input"}}]}}
        cell = Cell.model_validate({"states": {"out": state}, "output": "out"})
        return training_memory(small_genome(cell, feedback=False), 64)

    assert (gated(1.0) == gated(0.0)) == (norm is None)
