"""The published reference's names: every place that they lead to exists."""

import re
from typing import Any

import numpy as np
import pytest

from models.literal import CellModule
from models.reference_names import (
    DECODER_LAYER,
    JOINED,
    JOINED_INPUT,
    LAST_WORD,
    OURS,
    RECIPROCAL,
    SINGLE,
)
from models.reference_weights import published_cell_state_dict
from space.network.maps import Map
from space.zoo.reference_cells import from_options

SOURCES = {"input": Map(size=5, channels=2)}

CELLS: dict[str, tuple[str, dict[str, Any]]] = {
    "ConvLSTMCell": ("LSTM", {"layer_norm": True, "use_peepholes": True}),
    "ConvGRUCell": ("GRU", {"layer_norm": True}),
    "ConvUGRNNCell": ("UGRNN", {}),
    "ConvIntersectionRNNCell": ("IntersectionRNN", {"layer_norm": True}),
    "ConvNormBasicCell": ("vanilla", {"layer_norm": True}),
    "ConvBasicCell": ("basic", {}),
}
"""The kind and the options that give a class all of its parameters."""


@pytest.mark.parametrize("name", CELLS)
def test_the_places_of_a_class_are_its_parameters_and_no_others(name: str) -> None:
    kind, options = CELLS[name]
    parameters = set(CellModule(from_options(kind, options), SOURCES).state_dict())
    joined = [place for parts in JOINED[name].values() for place in parts]
    single = SINGLE.get(name, {}).values()
    peepholes = [place for place in single if place.endswith(".position")]
    norms = [place for place in single if place not in peepholes]
    kernels = {f"{place}.kernel" for place in joined}
    expected = kernels | {*peepholes, *(f"{n}.{p}" for n in norms for p in ("gain", "shift"))}
    assert {place for place in parameters if not place.endswith(".bias")} == expected
    assert len(joined) == len(set(joined))
    assert JOINED.keys() == CELLS.keys()
    assert SINGLE.keys() <= CELLS.keys()


def test_a_scope_of_one_half_names_a_term_of_that_half() -> None:
    """And what comes from the other half acts as a gate or is added, in both of them alike."""
    swap = {"cell": "out", "out": "cell"}
    for scope, role in RECIPROCAL.items():
        half = scope.partition("/")[0]
        if half not in swap:
            assert role.state == "used"
            continue
        assert role.state == half
        mirrored = RECIPROCAL[re.sub("cell|out", lambda word: swap[word[0]], scope)]
        assert mirrored.roles == role.roles
        assert mirrored.source == swap.get(role.source, role.source)


@pytest.mark.parametrize(
    ("name", "scope", "part"),
    [
        ("cell/tau/weights", "cell/tau", "kernel"),
        ("out_to_out/depthwise_weights_0", "out_to_out", "depthwise_first"),
        ("out_to_out/depthwise_weights", "out_to_out", "depthwise"),
        ("out_to_out_pointwise_weights", "out_to_out", "pointwise"),
        ("bias", "", "bias"),
    ],
)
def test_the_last_word_of_a_variable_is_its_part(name: str, scope: str, part: str) -> None:
    match = LAST_WORD.match(name)
    assert match is not None
    assert (match[1], OURS[match[2]]) == (scope, part)


@pytest.mark.parametrize(
    ("pattern", "name", "groups"),
    [
        (DECODER_LAYER, "mlp_decoder/fc2/weights", ("mlp", "fc", "2", "weights")),
        (DECODER_LAYER, "conv1_decoder/c_3/kernel", ("conv1", "c_", "3", "kernel")),
        (DECODER_LAYER, "mlp_decoder/fc_final/biases", ("mlp", "fc", "_final", "biases")),
        (DECODER_LAYER, "mlp_decoder/fc2/gamma", None),
        (DECODER_LAYER, "x/mlp_decoder/fc2/weights", None),
        (JOINED_INPUT, "conv_to_conv_harbor_for_conv9/weights", ("conv9", "weights")),
        (JOINED_INPUT, "conv_to_conv_harbor_for_/weights", None),
    ],
)
def test_names_of_decoders_and_of_joins_are_taken_apart(
    pattern: re.Pattern[str], name: str, groups: tuple[str, ...] | None
) -> None:
    match = pattern.match(name)
    assert (match.groups() if match else None) == groups


@pytest.mark.parametrize(
    ("kind", "scopes"),
    [
        (
            "GRU",
            ["ConvGRUCell/gates/r_pre", "ConvGRUCell/gates/u_pre", "ConvGRUCell/candidates/c_pre"],
        ),
        ("IntersectionRNN", [f"ConvIntersectionRNNCell/{s}_act" for s in ("gh", "h", "gy", "y")]),
        (
            "LSTM",
            [f"ConvLSTMCell/{s}" for s in ("input", "transform", "forget", "output", "state")],
        ),
        ("vanilla", ["ConvNormBasicCell/layer_norm"]),
    ],
)
def test_every_layer_norm_has_its_place(kind: str, scopes: list[str]) -> None:
    cell = from_options(kind, {"layer_norm": True})
    module = CellModule(cell, SOURCES)
    norms = {name for name in module.state_dict() if name.endswith(("gain", "shift"))}
    variables = {f"{s}/{p}": np.ones(2, np.float32) for s in scopes for p in ("gamma", "beta")}
    state = published_cell_state_dict(cell, SOURCES, variables)
    assert state.keys() == norms
