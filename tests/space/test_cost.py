"""Parameters and multiply-adds by arithmetic, against published counts."""

import pytest

from space import published
from space.cost import cost
from space.genome import Genome
from space.grammar import Cell, as_document
from tests.drawing import small_genome

RGC_FEEDBACK = {
    "conv8->conv5": True,
    "conv9->conv6": True,
    "conv10->conv7": True,
    "conv7->conv6": True,
    "conv10->conv9": True,
}
POOLED = (1, 4, 6, 7, 10)


def rgc_intermediate(feedback: dict[str, bool]) -> Genome:
    """The published network around the median cell: one convolution a stage, cells in conv4-10."""
    widths = (64, 128, 128, 128, 128, 256, 256, 256, 512, 512)
    stages = []
    for place, width in enumerate(widths, start=1):
        stage: dict[str, object] = {"name": f"conv{place}"}
        first = {"kernel": 7, "stride": 2} if place == 1 else {}
        activation = "elu" if place < 4 else "identity"
        stage["convolution"] = {"width": width, "activation": activation, **first}
        if place >= 4:
            stage["cell"] = "rgc"
        if place in POOLED:
            stage["pool"] = {}
        stages.append(stage)
    return Genome.parse(
        {
            "stages": stages,
            "cells": {"rgc": as_document(published.rgc_median())},
            "feedback": feedback,
            "clock": {"steps": 17, "image_off": 12},
        }
    )


def residual_intermediate(cell: Cell) -> Genome:
    """The published trunk of the other cells: a residual block a stage, the cell inside it."""
    widths = (64, 64, 64, 128, 128, 256, 256, 512, 512, 512)
    first = {"width": 64, "kernel": 7, "stride": 2}
    stages: list[dict[str, object]] = [
        {"name": "conv1", "convolution": first, "activation": "elu", "pool": {}}
    ]
    for place, width in enumerate(widths[1:], start=2):
        stage: dict[str, object] = {
            "name": f"conv{place}",
            "convolution": {"width": width, "activation": "elu"},
            "second": {"width": width},
            "residual": True,
            "activation": "elu",
        }
        if place >= 4:
            stage["cell"] = "cell"
        if place in POOLED:
            stage["pool"] = {}
        stages.append(stage)
    return Genome.parse(
        {"stages": stages, "cells": {"cell": as_document(cell)}, "clock": {"steps": 17}}
    )


def shallow(cells: dict[str, Cell], activation: str = "identity") -> Genome:
    """The published shallow network: three cells, a 2x2 VALID convolution as the head."""
    first = {"width": 64, "kernel": 7, "stride": 2, "activation": "elu"}
    stages: list[dict[str, object]] = [
        {"name": "conv1", "convolution": first, "pool": {}},
        {"name": "conv2", "convolution": {"width": 128, "activation": "elu"}, "pool": {}},
    ]
    for name, width in (("conv3", 256), ("conv4", 256), ("conv5", 512)):
        convolution = {"width": width, "activation": activation}
        cell = name if name in cells else "cell"
        stages.append({"name": name, "convolution": convolution, "cell": cell, "pool": {}})
    return Genome.parse(
        {
            "stages": stages,
            "cells": {name: as_document(cell) for name, cell in cells.items()},
            "clock": {"steps": 16, "image_off": 12},
            "head": {"form": "convolution_mean", "kernel": 2},
        }
    )


SIMPLE_RNN_SHALLOW = {
    name: published.simple_rnn(layer_norm=True, depth=depth)
    for name, depth in (("conv3", 128), ("conv4", 256), ("conv5", 256))
}
LSTM_SHALLOW = {
    name: published.conv_lstm(kernel=kernel, depth=depth, peepholes=peepholes, layer_norm=True)
    for name, kernel, depth, peepholes in (
        ("conv3", 2, 128, False),
        ("conv4", 3, 256, True),
        ("conv5", 4, 256, False),
    )
}

# Trainable scalars at 224 px, science: section 2.6 and the published variables' shapes.
PUBLISHED = {
    "timedecay_shallow": (shallow({"cell": published.time_decay()}), 4_197_739),
    "simplernn_shallow": (shallow(SIMPLE_RNN_SHALLOW), 6_272_872),
    "gru_shallow": (shallow({"cell": published.conv_gru()}), 25_434_472),
    "lstm_shallow": (shallow(LSTM_SHALLOW), 21_126_248),
    "intersectionrnn_shallow": (shallow({"cell": published.intersection_rnn()}), 32_513_384),
    "ugrnn_shallow": (shallow({"cell": published.ugrnn()}), 18_355_560),
    "rgc_shallow": (shallow({"cell": published.rgc_shallow()}, "elu"), 23_956_840),
    "timedecay_intermediate": (residual_intermediate(published.time_decay()), 16_403_439),
    "simplernn_intermediate": (residual_intermediate(published.simple_rnn()), 33_512_936),
    "gru_intermediate": (residual_intermediate(published.conv_gru()), 67_725_032),
    "lstm_intermediate": (residual_intermediate(published.conv_lstm()), 84_832_232),
    "intersectionrnn_intermediate": (
        residual_intermediate(published.intersection_rnn()),
        84_832_232,
    ),
    "ugrnn_intermediate": (residual_intermediate(published.ugrnn()), 50_617_832),
    "rgc_intermediate": (rgc_intermediate(RGC_FEEDBACK), 15_445_800),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_the_published_ones(name: str) -> None:
    genome, parameters = PUBLISHED[name]
    assert cost(genome).parameters == parameters


@pytest.mark.parametrize(
    ("name", "gigamacs"),
    [("rgc_intermediate", 71.5), ("ugrnn_intermediate", 155.3), ("lstm_intermediate", 257.5)],
)
def test_multiply_adds_of_the_literal_unroll(name: str, gigamacs: float) -> None:
    assert cost(PUBLISHED[name][0]).macs / 1e9 == pytest.approx(gigamacs, abs=0.05)


def test_steps_multiply_the_work_and_not_the_parameters() -> None:
    cell = published.ugrnn()
    short = cost(small_genome(cell, clock={"steps": 5}))
    long = cost(small_genome(cell, clock={"steps": 10}))
    assert long.macs == 2 * short.macs
    assert long.parameters == short.parameters
