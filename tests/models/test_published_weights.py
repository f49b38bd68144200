"""Published variables of every zoo model's cells find their places, and nothing else does."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models.build import build
from models.cells import CellModule
from models.published_weights import published_cell_state_dict, published_state_dict
from space import published
from space.errors import InputError
from space.geometry import Map
from space.grammar import Cell
from tests.drawing import PUBLISHED_CELLS, small_genome

ZOO: dict[str, Any] = json.loads((Path(__file__).parent / "golden/zoo_params.json").read_text())[
    "models"
]

# model: its conv4 cell, the side of its map, the channels of its input and of the stage's
CONV4: dict[str, tuple[Cell, int, int, int]] = {
    "timedecay_shallow": (published.time_decay(), 14, 256, 256),
    "simplernn_shallow": (published.simple_rnn(layer_norm=True), 14, 256, 128),
    "simplernn_intermediate": (published.simple_rnn(), 56, 128, 64),
    "lstm_shallow": (published.conv_lstm(layer_norm=True, peepholes=True), 14, 256, 128),
    "lstm_intermediate": (published.conv_lstm(), 56, 128, 64),
    "gru_intermediate": (published.conv_gru(), 56, 128, 64),
    "ugrnn_intermediate": (published.ugrnn(), 56, 128, 64),
    "intersectionrnn_shallow": (published.intersection_rnn(), 14, 256, 256),
    "rgc_shallow": (published.rgc_shallow(), 14, 256, 256),
    "rgc_intermediate": (published.rgc_median(), 56, 128, 128),
}


def variables_of(model: str) -> dict[str, np.ndarray]:
    """conv4's cell variables, each filled with numbers of its own."""
    rng = np.random.default_rng(0)
    found = {}
    for name, shape, _, trainable in ZOO[model]["variables"]:
        node, _, rest = name.partition("/")
        if node == "conv4" and trainable and not rest.startswith(("pre_", "post_")):
            found[rest] = rng.random(shape, dtype=np.float32)
    return found


@pytest.mark.parametrize("model", CONV4)
def test_every_variable_fills_one_parameter_or_a_part_of_several(model: str) -> None:
    cell, size, channels, before = CONV4[model]
    sources = {
        "input": Map(size=size, channels=channels),
        "residual": Map(size=size, channels=before),
    }
    variables = variables_of(model)
    module = CellModule(cell, sources)
    state = published_cell_state_dict(cell, sources, variables)
    module.load_state_dict(state, strict=True)
    assert variables
    total = sum(value.sum(dtype=np.float64) for value in variables.values())
    mine = sum(float(value.double().sum()) for value in state.values())
    assert mine == pytest.approx(total)
    assert sum(v.numel() for v in state.values()) == sum(v.size for v in variables.values())


def test_a_kernel_is_transposed_and_its_parts_are_in_the_published_order() -> None:
    """i, j, f, o: the third quarter of the columns is the forget gate's."""
    sources = {"input": Map(size=7, channels=2)}
    kernel = np.random.default_rng(0).random((3, 3, 5, 12), dtype=np.float32)
    state = published_cell_state_dict(
        published.conv_lstm(depth=3), sources, {"ConvLSTMCell/weights": kernel}
    )
    forget = state["states.cell.carry.terms.0.kernel"]
    assert forget.shape == (3, 5, 3, 3)
    assert forget[1, 4, 0, 2] == kernel[0, 2, 4, 7].item()


def test_a_bias_that_the_reference_never_adds_is_left_out() -> None:
    """The shallow model's class makes a bias for input_to_out and forgets it (trap 2)."""
    options = published.ReciprocalGated(input_to_out=True, biases=False)
    cell, sources = published.reciprocal_gated(options), {"input": Map(size=7, channels=2)}
    state = published_cell_state_dict(
        cell, sources, {"ReciprocalGateCell/out/input_to_out/bias": np.ones(2, np.float32)}
    )
    assert state == {}


@pytest.mark.parametrize(
    "name",
    ["ConvLSTMCell/other", "ConvGRUCell/gates/gain", "ReciprocalGateCell/cell/odd_weights", "x/y"],
)
def test_a_variable_without_a_place_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="no place for this variable"):
        published_cell_state_dict(
            PUBLISHED_CELLS["rgc_median"],
            {"input": Map(size=7, channels=2)},
            {name: np.ones((2, 2, 2, 2), np.float32)},
        )


def test_a_decay_without_a_memory_must_be_zero() -> None:
    genome = small_genome(PUBLISHED_CELLS["ugrnn"])
    assert published_state_dict(genome, {"conv1/memory_decay": np.zeros(1)}) == {}
    with pytest.raises(InputError, match="no memory"):
        published_state_dict(genome, {"conv1/memory_decay": np.ones(1)})


def test_a_missing_variable_is_refused_when_loaded() -> None:
    genome = small_genome(PUBLISHED_CELLS["ugrnn"])
    state = published_state_dict(genome, {"imnetds/pre_1/bias": np.zeros(5, np.float32)})
    assert list(state) == ["head.bias"]
    with pytest.raises(RuntimeError, match="Missing key"):
        build(genome).load_state_dict(state)


def test_float_types_are_kept() -> None:
    sources = {"input": Map(size=7, channels=2)}
    wide = {"memory_decay": np.array([0.3])}
    state = published_cell_state_dict(published.time_decay(), sources, wide)
    assert state["states.hidden.drive.0.scalar"].dtype == torch.float64
