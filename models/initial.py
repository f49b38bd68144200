"""The first values of tensors, drawn by the schemes of `space/step/parameters.py`.

A tensor's values depend on the seed, its own name and its own shape only: adding a tensor to a
network changes no other, and float32 and float64 networks start alike.

Schemes and fans follow the published reference (trap 9): fans are those of kernels written
height x width x in x out, so that a depthwise kernel's fan-in is k * k * C.
"""

import hashlib
import math

import numpy as np
import torch
from torch import Tensor, nn

from models.parameters import starts
from space.step.parameters import Start

# The standard deviation of a standard normal that is cut at two of its standard deviations.
_TRUNCATED_DEVIATION = 0.87962566103423978


@torch.no_grad()
def initialise(module: nn.Module, seed: int) -> None:
    """Give every declared parameter its first value, from the seed and the parameter's name."""
    for name, parameter, start in starts(module):
        parameter.copy_(draw(tuple(parameter.shape), start, seed, name))


def draw(shape: tuple[int, ...], start: Start, seed: int, name: str) -> Tensor:
    """The first value of the tensor called `name`: float64 [shape], the same at every call."""
    initial = start.initial
    if initial.scheme == "constant":
        return torch.full(shape, initial.scale, dtype=torch.float64)
    uniform = torch.from_numpy(_generator(seed, name).random(math.prod(shape))).reshape(shape)
    if initial.scheme == "uniform":
        return uniform * initial.scale
    if initial.scheme == "glorot_uniform":
        fans = start.fan_in + initial.parts * start.fan_out
        return (2 * uniform - 1) * math.sqrt(6 * initial.scale / fans)
    if initial.scheme == "normal":
        return _normal(uniform, 1.0) * initial.scale
    deviation = math.sqrt(initial.scale / start.fan_in) / _TRUNCATED_DEVIATION
    return _normal(uniform, math.erf(math.sqrt(2))) * deviation


def _normal(uniform: Tensor, mass: float) -> Tensor:
    """Standard normal numbers, of which the central `mass` is kept."""
    edge = 1 - torch.finfo(torch.float64).eps  # a uniform number may be 0: no infinities
    central = ((2 * uniform - 1) * mass).clamp(-edge, edge)
    return torch.erfinv(central) * math.sqrt(2)


def _generator(seed: int, name: str) -> np.random.Generator:
    digest = hashlib.sha256(name.encode()).digest()
    words = [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4)]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *words])))
