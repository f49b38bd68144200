"""How tensors start, and which of them are decayed.

Every parameter of a network is declared with its `Start`: the scheme, the fans that the scheme
reads, and the coefficient of its L2 term. A tensor's values depend on the seed, its own name and
its own shape only: adding a tensor to a network changes no other, and float32 and float64
networks start alike.

Schemes and fans follow the published reference (trap 9): fans are those of kernels written
height x width x in x out, so that a depthwise kernel's fan-in is k * k * C.
"""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from space.grammar import Initial, Weights

# The standard deviation of a standard normal that is cut at two of its standard deviations.
_TRUNCATED_DEVIATION = 0.87962566103423978


@dataclass(frozen=True, kw_only=True)
class Start:
    """How one tensor starts. `decay` is the coefficient of sum(w^2)/2 in the loss."""

    initial: Initial
    fan_in: int = 1
    fan_out: int = 1
    decay: float = 0.0


def constant(value: float, decay: float = 0.0) -> Start:
    """A tensor that starts at one value everywhere."""
    return Start(initial=Initial(scheme="constant", scale=value), decay=decay)


class Part(nn.Module):
    """A module whose parameters are declared with their `Start`."""

    def __init__(self) -> None:
        super().__init__()
        self.starts: dict[str, Start] = {}

    def declare(
        self, name: str, shape: tuple[int, ...], start: Start, dtype: torch.dtype
    ) -> nn.Parameter:
        """A new parameter of this module; its values come with `initialise`."""
        parameter = nn.Parameter(torch.zeros(shape, dtype=dtype))
        self.register_parameter(name, parameter)
        self.starts[name] = start
        return parameter

    def declare_kernel(
        self, name: str, shape: tuple[int, int, int, int], weights: Weights, dtype: torch.dtype
    ) -> nn.Parameter:
        """A kernel [O,I,k,k] that starts and decays as the (complete) weights say."""
        outs, ins, height, width = shape
        start = Start(
            initial=weights.initial or Initial(),
            fan_in=height * width * ins,
            fan_out=height * width * outs,
            decay=weights.decay or 0.0,
        )
        return self.declare(name, shape, start, dtype)

    def declare_depthwise(
        self, name: str, channels: int, side: int, weights: Weights, dtype: torch.dtype
    ) -> nn.Parameter:
        """A depthwise kernel [C,1,k,k]; its fan-in counts all C channels (trap 9)."""
        start = Start(
            initial=weights.initial or Initial(),
            fan_in=side * side * channels,
            fan_out=side * side,
            decay=weights.decay or 0.0,
        )
        return self.declare(name, (channels, 1, side, side), start, dtype)

    def declare_bias(self, name: str, size: int, weights: Weights, dtype: torch.dtype) -> None:
        """A bias [size]; both fans of a scheme are its size, as TensorFlow has them."""
        initial, decay = weights.bias_initial or 0.0, weights.bias_decay or 0.0
        if not isinstance(initial, Initial):
            initial = Initial(scheme="constant", scale=initial)
        start = Start(initial=initial, fan_in=size, fan_out=size, decay=decay)
        self.declare(name, (size,), start, dtype)


def starts(module: nn.Module) -> Iterator[tuple[str, nn.Parameter, Start]]:
    """(full name, parameter, its start) of every parameter of `module`, in its own order."""
    for prefix, part in module.named_modules():
        if isinstance(part, Part):
            for name, start in part.starts.items():
                full = f"{prefix}.{name}" if prefix else name
                yield full, part.get_parameter(name), start


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
