"""Genomes for tests: small networks around given cells, and Hypothesis strategies over them.

`genomes` draws networks of the usual kinds. `any_genomes` draws from the whole grammar: masks,
shared gates and their complements, constants, states that pass on others, every op and norm.
"""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from space.errors import GenomeError
from space.genome import Genome
from space.network.grammar import Cell, as_document
from space.zoo import cells as published
from space.zoo import reciprocal_gated as reciprocal

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
    "rgc_median": reciprocal.rgc_median(cell_depth=3),
    "rgc_shallow": reciprocal.rgc_shallow(),
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


# ------------------------------------------------------------------------------ the whole grammar

WIDTH = 6  # of the stages that carry the cell
NARROW = 3
NORMS: list[dict[str, Any] | None] = [
    None,
    None,
    None,
    {"kind": "layer"},
    {"kind": "group", "groups": 3},
    {"kind": "group", "groups": 3, "interleaved": True},
    {"kind": "batch", "gain": 0.1},
]
CONSTANTS = st.sampled_from([0.0, 0.25, 0.3, 1.0, -1.0, 2.0])


@dataclass(frozen=True)
class _Surroundings:
    """What a part of a drawn cell may refer to."""

    wide: tuple[str, ...]  # sources that have the stage's width
    narrow: tuple[str, ...]  # and sources that have not
    gates: tuple[str, ...]


@st.composite
def any_terms(draw: st.DrawFn, around: _Surroundings, *, wide: bool = True) -> dict[str, Any]:
    """A term of any op that writes the stage's width (or, not `wide`, NARROW channels)."""
    masks = st.sampled_from(around.gates).map(lambda gate: f" * {gate}") if around.gates else None
    of_width = st.sampled_from(around.wide)
    if masks is not None:
        of_width |= st.tuples(of_width, masks).map("".join)
    kinds = ["convolution", "convolution", "separable", "match"]
    kind = draw(st.sampled_from([*kinds, "identity", "scalar", "position"] if wide else kinds))
    term: dict[str, Any] = {
        "op": kind,
        "activation": draw(ACTIVATIONS),
        "after_norm": draw(st.booleans()),
    }
    if kind == "match":
        return term | {"of": "residual", "norm": draw(st.sampled_from(NORMS))}
    if kind in ("identity", "scalar", "position"):
        return term | {"of": draw(of_width)}
    sources = of_width | st.sampled_from(around.narrow)
    of = draw(st.lists(sources, min_size=1, max_size=2))
    narrow = {part.partition("*")[0].strip() for part in of} & set(around.narrow)
    norm = draw(st.sampled_from(NORMS))
    skip = wide and len(of) == 1 and not narrow and draw(st.booleans())
    # Squares of what nothing bounds grow beyond all numbers where they go round in a loop.
    bounded = norm is not None and norm["kind"] != "batch" and not skip
    return term | {
        "of": of,
        "kernel": draw(KERNELS),
        "bias": draw(st.booleans()),
        "repeat": kind == "separable" and draw(st.booleans()),
        "norm": norm,
        "skip": skip,
        "squared": bounded and draw(st.booleans()),
    }


@st.composite
def written_gates(draw: st.DrawFn, around: _Surroundings, *, wide: bool = True) -> dict[str, Any]:
    return {
        "offset": draw(CONSTANTS),
        "scale": draw(CONSTANTS),
        "nonlinearity": draw(st.sampled_from(["sigmoid", "tanh", "identity", "softplus"])),
        "terms": draw(st.lists(any_terms(around, wide=wide), max_size=2)),
        "norm": draw(st.sampled_from(NORMS)),
        "bias": draw(CONSTANTS),
        "bias_acts": draw(st.sampled_from(["always", "full"])),
    }


@st.composite
def any_states(draw: st.DrawFn, around: _Surroundings, *, wide: bool) -> dict[str, Any]:
    gate = written_gates(around, wide=wide)
    if wide:
        gate |= st.tuples(
            st.sampled_from(["shared", "complement"]), st.sampled_from(around.gates)
        ).map(lambda pair: dict([pair]))
    adding = draw(st.lists(any_terms(around, wide=wide), max_size=3))
    edges = [{"add": term} for term in adding]
    edges += [{"multiply": factor} for factor in draw(st.lists(gate, max_size=2))]
    state: dict[str, Any] = {
        "depth": draw(st.sampled_from([None, WIDTH])) if wide else NARROW,
        "drive": {
            "edges": draw(st.permutations(edges)),
            "activation": draw(ACTIVATIONS),
            "norm": draw(st.sampled_from(NORMS)),
            "bias": draw(CONSTANTS),
        },
        "norm": draw(st.sampled_from(NORMS)),
        "activation": draw(ACTIVATIONS),
    }
    if draw(st.booleans()):
        of = draw(st.none() | st.sampled_from(around.wide)) if wide else None
        state["carry"] = {"of": of, "gate": draw(st.none() | gate)}
    return state


@st.composite
def any_cells(draw: st.DrawFn) -> dict[str, Any]:
    """The document of a cell of up to four states, one of them narrow, and two shared gates."""
    names = ("a", "b", "c")[: draw(st.integers(1, 3))]
    narrow = draw(st.booleans())
    wide = ("input", *names)
    others = ("residual", "feedback", *(("narrow",) if narrow else ()))
    plain = _Surroundings(wide=wide, narrow=others, gates=())
    gates = {
        "first": draw(written_gates(plain)),
        # A gate behind the mask of another one.
        "second": draw(written_gates(_Surroundings(wide=wide, narrow=others, gates=("first",)))),
    }
    states: dict[str, Any] = {}
    for name in draw(st.permutations([*names, *(["narrow"] if narrow else [])])):
        earlier = tuple(f"new.{known}" for known in states if known != "narrow")
        around = _Surroundings(wide=wide + earlier, narrow=others, gates=("first", "second"))
        own = around if name != "narrow" else _Surroundings(around.wide, others, ())
        states[name] = draw(any_states(own, wide=name != "narrow"))
    return {
        "gates": gates,
        "states": states,
        "output": draw(st.sampled_from(names)),
        "clip_kernels": draw(st.sampled_from([True, True, "separable"])),
    }


@st.composite
def convolutions(draw: st.DrawFn, width: int) -> dict[str, Any]:
    return {
        "width": width,
        "kernel": draw(KERNELS),
        "stride": draw(st.sampled_from([1, 1, 2])),
        "bias": draw(st.booleans()),
        "norm": draw(st.sampled_from(NORMS)) if width % 3 == 0 else None,
        "activation": draw(ACTIVATIONS),
        "reads_feedback": draw(st.booleans()),
    }


DECODERS: list[dict[str, Any]] = [
    {"form": "simple_soft"},
    {"form": "max_conf"},
    {"form": "thresh", "threshold": 0.4},
    {"form": "time_max"},
    {"form": "w_avg", "trainable": True},
    {"form": "avg"},
    {"form": "mlp", "layers": [3]},
    {"form": "conv1d", "windows": [1], "filters": 2},
]


@st.composite
def any_documents(draw: st.DrawFn) -> dict[str, Any]:
    """The document of a network of three stages, of which two carry drawn cells."""
    stages: list[dict[str, Any]] = []
    for place, width in enumerate((4, WIDTH, WIDTH)):
        stage: dict[str, Any] = {
            "name": f"conv{place + 1}",
            "join": draw(st.sampled_from(["concat", "concat", "add", "multiply"])),
            "convolution": draw(convolutions(width)),
            "second": draw(st.none() | st.none() | convolutions(width)),
            "residual": draw(st.sampled_from([False, True, {"by": "stride"}])),
            "activation": draw(ACTIVATIONS),
            "pool": draw(st.sampled_from([None, None, {}, {"kernel": 3, "kind": "mean"}])),
        }
        if stage["second"] is not None:
            stage["second"]["reads_feedback"] = False
        if stage["join"] != "concat":
            stage["convolution"]["reads_feedback"] = False
        stages.append(stage)
    cells = {"one": draw(any_cells())}
    stages[1]["cell"] = stages[2]["cell"] = "one"
    if draw(st.integers(0, 3)) == 0:
        cells["two"] = draw(any_cells())
        stages[2]["cell"] = "two"
    head = draw(st.sampled_from(["mean_linear", "convolution_mean", "flatten_linear"]))
    decoder = draw(st.sampled_from([{}, {}, *DECODERS]))
    edges = ("conv2->conv1", "conv3->conv1", "conv3->conv2")
    return {
        "image": {"size": 9, "channels": 2},
        "classes": 3,
        "clock": {"steps": draw(st.integers(4, 6)), "image_off": draw(st.sampled_from([None, 3]))},
        "stages": stages,
        "cells": cells,
        "feedback": {edge: draw(st.booleans()) for edge in edges},
        "head": {"form": head, "kernel": 1},
        "decoder": decoder and decoder | {"start": 3},
        "resize": draw(st.sampled_from(["corners", "half_pixel"])),
        "start": draw(st.sampled_from(["zeros", "zeros", "masked"])),
    }


def parsed(document: dict[str, Any]) -> Genome | None:
    """The genome of a drawn document, None where its parts do not fit."""
    try:
        return Genome.parse(document)
    except GenomeError:
        return None


def any_genomes() -> st.SearchStrategy[Genome]:
    """Drawn genomes of the whole grammar."""
    return any_documents().map(parsed).filter(lambda genome: genome is not None)  # type: ignore[return-value]
