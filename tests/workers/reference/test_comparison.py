"""Ours and theirs side by side: one layout, shapes before values, and how far values differ."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from torch import nn

from space.errors import InputError
from space.network.maps import Map
from workers.arrays import Array
from workers.reference.comparison import (
    compare_shapes,
    error,
    load_checked,
    node_depth,
    square_map,
    to_numpy,
    to_torch,
)

FLOATS = st.floats(-1e6, 1e6, allow_subnormal=False)
IMAGES = arrays(np.float64, array_shapes(min_dims=4, max_dims=4, max_side=3), elements=FLOATS)


@given(IMAGES)
def test_channels_go_first_and_back(array: Array) -> None:
    tensor = to_torch(array, torch.float64)
    batch, height, width, channels = array.shape
    assert tensor.shape == (batch, channels, height, width)
    assert tensor.is_contiguous()
    np.testing.assert_array_equal(to_numpy(tensor), array)
    flat = torch.from_numpy(array.reshape(batch, -1))
    np.testing.assert_array_equal(to_numpy(flat), array.reshape(batch, -1))


@given(IMAGES, st.floats(1e-6, 1e3))
def test_an_error_is_relative_to_the_largest_value_of_theirs(theirs: Array, part: float) -> None:
    assert error(theirs, theirs) == 0.0
    largest = np.abs(theirs).max()
    ours = theirs.copy()
    ours.flat[-1] += part * (largest or 1.0)
    assert error(ours, theirs) == pytest.approx(part, rel=1e-3)


def test_shapes_that_differ_and_what_is_not_a_number_are_no_match() -> None:
    zeros = np.zeros((2, 3))
    assert error(np.zeros((3, 2)), zeros) == math.inf
    assert not error(np.full((2, 3), math.nan), zeros + 1) <= 1e9
    assert error(np.zeros((0, 3)), np.zeros((0, 3))) == 0.0


@pytest.mark.parametrize(
    ("actual", "message"),
    [
        ({"a": (2,)}, r"b: the shape is None where the genome has \(3,\)"),
        ({"a": (2, 1), "b": (3,)}, r"a: the shape is \(2, 1\) where the genome has \(2,\)"),
        ({"a": (2,), "b": (3,), "c": ()}, r"c: the shape is \(\) where the genome has None"),
    ],
)
def test_the_first_tensor_of_another_shape_is_named(
    actual: dict[str, tuple[int, ...]], message: str
) -> None:
    expected: dict[str, tuple[int, ...]] = {"a": (2,), "b": (3,)}
    compare_shapes(expected, expected)
    with pytest.raises(InputError, match=message):
        compare_shapes(expected, actual)


def test_a_module_takes_memory_only_once_its_shapes_fit() -> None:
    devices: list[str] = []

    def make() -> nn.Linear:
        module = nn.Linear(3, 2)
        devices.append(module.weight.device.type)
        return module

    with pytest.raises(InputError, match="weight"):
        load_checked(make, {"weight": torch.zeros(3, 2), "bias": torch.zeros(2)})
    assert devices == ["meta"]
    module = load_checked(make, {"weight": torch.ones(2, 3), "bias": torch.zeros(2)})
    assert devices == ["meta", "meta", "cpu"]
    assert float(module.weight.detach().sum()) == 6.0


def test_a_map_is_square() -> None:
    assert square_map((9, 2, 5, 5, 3), "in/x") == Map(size=5, channels=3)
    with pytest.raises(InputError, match="in/x: is 5x4; maps are square here"):
        square_map((5, 4, 3), "in/x")


def test_nodes_stand_by_the_number_in_their_names() -> None:
    names = ["conv10", "imnetds", "conv2", "conv9"]
    assert sorted(names, key=node_depth) == ["imnetds", "conv2", "conv9", "conv10"]
