"""Ours and theirs side by side: tensors in one layout, shapes, and how far values differ."""

import math
import re
from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from space.errors import InputError
from space.network.maps import Map
from workers.arrays import Array

Errors = dict[str, float]  # of every array, relative to its largest value
M = TypeVar("M", bound=nn.Module)


def load_checked(make: Callable[[], M], state: Mapping[str, Tensor]) -> M:
    """A module with its tensors. Their shapes are compared before it takes memory.

    Raises InputError for a tensor that is missing, too much or of another shape.
    """
    with torch.device("meta"):
        expected = {name: tuple(value.shape) for name, value in make().state_dict().items()}
    compare_shapes(expected, {name: tuple(value.shape) for name, value in state.items()})
    module = make()
    module.load_state_dict(state)
    return module


_Shapes = Mapping[str, tuple[int, ...]]


def compare_shapes(expected: _Shapes, actual: _Shapes) -> None:
    """Raises InputError for the first tensor whose shape is not the expected one."""
    for name in (*expected, *(name for name in actual if name not in expected)):
        if expected.get(name) != actual.get(name):
            ours, theirs = expected.get(name), actual.get(name)
            raise InputError(name, f"the shape is {theirs} where the genome has {ours}")


def to_torch(array: Array, dtype: torch.dtype) -> Tensor:
    """[B,H,W,C] -> [B,C,H,W]."""
    return torch.from_numpy(np.ascontiguousarray(array)).to(dtype).permute(0, 3, 1, 2).contiguous()


def to_numpy(tensor: Tensor) -> NDArray[np.float64]:
    """[B,C,H,W] -> [B,H,W,C]; other shapes stay as they are."""
    moved = tensor.permute(0, 2, 3, 1) if tensor.dim() == 4 else tensor
    return moved.double().numpy()


def error(ours: Array, theirs: Array) -> float:
    """The largest difference, relative to the largest value of the reference's tensor.

    Infinite where shapes differ or a value of ours is NaN.
    """
    if ours.shape != theirs.shape:
        return math.inf
    reference = theirs.astype(np.float64)
    largest = float(np.abs(reference).max(initial=0.0))
    difference = float(np.abs(ours.astype(np.float64) - reference).max(initial=0.0))
    return difference / largest if largest else difference


def square_map(shape: tuple[int, ...], what: str) -> Map:
    """The map [...,H,W,C] of a shape. Raises InputError, at `what`, if it is not square."""
    height, width, channels = shape[-3:]
    if height != width:
        raise InputError(what, f"is {height}x{width}", "maps are square here")
    return Map(size=height, channels=channels)


def node_depth(name: str) -> tuple[int, str]:
    """Where a node stands in the chain, by the number in its name."""
    number = re.search(r"\d+", name)
    return (int(number[0]) if number else 0, name)
