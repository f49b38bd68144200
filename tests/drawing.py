"""Genomes for tests: small networks around given cells, and Hypothesis strategies over them."""

from typing import Any

from hypothesis import strategies as st

from space import published
from space.genome import Genome
from space.grammar import Cell, as_document

PUBLISHED_CELLS: dict[str, Cell] = {
    "feedforward": published.feedforward(),
    "time_decay": published.time_decay(),
    "simple_rnn": published.simple_rnn(),
    "simple_rnn_layer_norm": published.simple_rnn(layer_norm=True),
    "conv_lstm": published.conv_lstm(),
    "conv_lstm_full": published.conv_lstm(peepholes=True, layer_norm=True, depth=5),
    "conv_gru": published.conv_gru(),
    "ugrnn": published.ugrnn(),
    "intersection_rnn": published.intersection_rnn(),
    "rgc_median": published.rgc_median(cell_depth=3),
    "rgc_shallow": published.rgc_shallow(),
}


def small_document(cell: Cell, *, feedback: bool = True, **changes: Any) -> dict[str, Any]:
    """The document of a three-stage network of 12-pixel images with `cell` in two stages."""
    document: dict[str, Any] = {
        "image": {"size": 12, "channels": 2},
        "classes": 5,
        "clock": {"steps": 6, "image_off": 4},
        "stages": [
            {"name": "conv1", "convolution": {"width": 4, "activation": "elu"}, "pool": {}},
            {"name": "conv2", "convolution": {"width": 6}, "cell": "motif", "pool": {}},
            {"name": "conv3", "convolution": {"width": 6}, "cell": "motif"},
        ],
        "cells": {"motif": as_document(cell) | {"clip_kernels": True}},
        "feedback": {"conv3->conv2": feedback},
    }
    return document | changes


def small_genome(cell: Cell, *, feedback: bool = True, **changes: Any) -> Genome:
    return Genome.parse(small_document(cell, feedback=feedback, **changes))


KERNELS = st.sampled_from([1, 2, 3, 4, 5])
ACTIVATIONS = st.sampled_from(["identity", "elu", "relu", "tanh"])
STATES = ("hidden", "out")


@st.composite
def terms(draw: st.DrawFn, earlier: tuple[str, ...]) -> dict[str, Any]:
    """A term that is valid whatever the depths are: it convolves, or matches the residual."""
    if draw(st.integers(0, 9)) == 0:
        return {"of": "residual", "op": "match"}
    sources = ["input", "residual", "feedback", *STATES, *(f"new.{name}" for name in earlier)]
    of = draw(st.lists(st.sampled_from(sources), min_size=1, max_size=2, unique=True))
    return {
        "of": of,
        "op": draw(st.sampled_from(["convolution", "separable"])),
        "kernel": draw(KERNELS),
        "bias": draw(st.booleans()),
        "activation": draw(ACTIVATIONS),
    }


@st.composite
def gates(draw: st.DrawFn, earlier: tuple[str, ...]) -> dict[str, Any]:
    return {
        "offset": draw(st.sampled_from([0.0, 0.5, 1.0])),
        "scale": draw(st.sampled_from([-1.0, -0.5, 1.0])),
        "nonlinearity": draw(st.sampled_from(["sigmoid", "tanh"])),
        "terms": draw(st.lists(terms(earlier), max_size=2)),
        "norm": draw(st.sampled_from([None, {"kind": "layer"}])),
        "bias": draw(st.sampled_from([0.0, 0.7])),
        "bias_acts": draw(st.sampled_from(["always", "full"])),
    }


@st.composite
def any_gates(draw: st.DrawFn, earlier: tuple[str, ...]) -> dict[str, Any]:
    kind = draw(st.sampled_from(["inline", "shared", "complement"]))
    return draw(gates(earlier)) if kind == "inline" else {kind: "common"}


@st.composite
def states(draw: st.DrawFn, earlier: tuple[str, ...]) -> dict[str, Any]:
    edges = [{"add": term} for term in draw(st.lists(terms(earlier), min_size=1, max_size=3))]
    edges += [{"multiply": gate} for gate in draw(st.lists(any_gates(earlier), max_size=2))]
    state: dict[str, Any] = {
        "drive": {
            "edges": draw(st.permutations(edges)),
            "activation": draw(ACTIVATIONS),
            "norm": draw(st.sampled_from([None, {"kind": "layer"}])),
        },
        "norm": draw(st.sampled_from([None, None, {"kind": "layer"}])),
        "activation": draw(ACTIVATIONS),
    }
    if draw(st.booleans()):
        state["carry"] = {"gate": draw(st.none() | any_gates(earlier))}
    return state


@st.composite
def cells(draw: st.DrawFn) -> dict[str, Any]:
    """The document of a drawn cell of two states of equal depth and one shared gate."""
    return {
        "gates": {"common": draw(gates(()))},
        "states": {"hidden": draw(states(())), "out": draw(states(("hidden",)))},
        "output": draw(st.sampled_from(STATES)),
    }


@st.composite
def genomes(draw: st.DrawFn) -> Genome:
    """A drawn valid genome: a drawn or published cell in a small network."""
    cell = draw(cells().map(Cell.model_validate) | st.sampled_from(list(PUBLISHED_CELLS.values())))
    clock = {
        "steps": draw(st.integers(4, 6)),
        "image_off": draw(st.none() | st.integers(1, 5)),
    }
    residual = draw(st.booleans())
    second = draw(st.none() | st.just({"width": 7, "activation": "elu"}))
    document = small_document(
        cell,
        feedback=draw(st.booleans()),
        clock=clock,
        start=draw(st.sampled_from(["zeros", "masked"])),
        resize=draw(st.sampled_from(["corners", "half_pixel"])),
    )
    document["stages"][2] |= {"residual": residual, "second": second, "activation": "elu"}
    return Genome.parse(document)
