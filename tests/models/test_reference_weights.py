"""Published variables of every zoo model's cells find their places, and nothing else does."""

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models.build import Network, build
from models.reference_weights import published_cell_state_dict, published_state_dict
from space import zoo
from space.errors import InputError
from space.network.maps import Map
from space.zoo import cells as published
from space.zoo import reciprocal_gated as reciprocal
from tests.support.drawing import PUBLISHED_CELLS, small_genome

ZOO: dict[str, Any] = json.loads((Path(__file__).parent / "golden/zoo_params.json").read_text())[
    "models"
]


def filled(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of one variable's own; zeros where the reference keeps a fixed zero."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return rng.random(shape, dtype=np.float32)


def variables_of(model: str) -> dict[str, np.ndarray]:
    """All variables of a published model."""
    return {
        name: filled(name, shape) if trainable else np.zeros(shape, np.float32)
        for name, shape, _, trainable in ZOO[model]["variables"]
    }


LARGE = [name for name, facts in ZOO.items() if facts["trainable"] > 40_000_000]


@pytest.mark.parametrize(
    "model", [pytest.param(n, marks=pytest.mark.slow) if n in LARGE else n for n in ZOO]
)
def test_every_variable_fills_one_parameter_or_a_part_of_several(model: str) -> None:
    genome = zoo.model(model).genome
    variables = variables_of(model)
    state = published_state_dict(genome, variables)
    with torch.device("meta"):
        wanted = {name: value.shape for name, value in Network(genome).state_dict().items()}
    assert {name: value.shape for name, value in state.items()} == wanted
    assert sum(value.numel() for value in state.values()) == ZOO[model]["trainable"]
    total = sum(value.sum(dtype=np.float64) for value in variables.values())
    mine = sum(float(value.sum(dtype=torch.float64)) for value in state.values())
    assert mine == pytest.approx(total)


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
    options = reciprocal.ReciprocalGated(variant="B", input_to_cell=True, input_to_out=True)
    cell, sources = reciprocal.reciprocal_gated(options), {"input": Map(size=7, channels=2)}
    state = published_cell_state_dict(
        cell, sources, {"ReciprocalGateCell/out/input_to_out_bias": np.ones(2, np.float32)}
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
