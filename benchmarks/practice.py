"""The unroll as it is usually written: what the planned execution is measured against.

A loop over steps; in every step each operation of each stage, of what the step before left, in
PyTorch's default layout, and nothing known in advance. What one would join by hand is joined:
convolutions of one stage that read the same map with kernels of one size (the gates of a cell)
are one convolution, whose kernels are put together once a forward pass.
"""

from collections import defaultdict
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from models import arithmetic
from models.build import Network
from space.step.operations import (
    Activate,
    Classify,
    Concatenate,
    Convolve,
    Frame,
    Multiply,
    Normalise,
    Op,
    Pass,
    Pooled,
    Resize,
    Scale,
    Separate,
    Sum,
    Weigh,
    What,
    Zeros,
)
from space.unroll.divided import divide_step


class Loop(nn.Module):
    """A network's literal unroll: images [B,C,S,S] -> logits [B,classes], with its parameters."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network, self.genome = network, network.genome
        self.step = divide_step(network.genome)
        # Convolutions by what they read and how: the first of each does it for all.
        joined: dict[object, list[int]] = defaultdict(list)
        for place, step in enumerate(self.step.ops):
            what = step.what
            if isinstance(what, Convolve):
                how = (what.kernel, what.stride, what.padding, step.map.size)
                joined[step.stage, step.operands, how].append(place)
        self.leads = {places[0]: places for places in joined.values()}
        self.follow = {place for places in joined.values() for place in places[1:]}

    def forward(self, images: Tensor) -> Tensor:
        """images [B,C,S,S] -> logits [B,classes]."""
        steps, clock = self.step.ops, self.genome.clock
        self.weights = {lead: self._joined(places) for lead, places in self.leads.items()}
        before = [
            images.new_zeros(
                len(images), s.map.channels, *([s.map.size] * 2 if s.map.size else ())
            )
            for s in steps
        ]
        logits = []
        for t in range(clock.steps):
            frame = images if clock.shows_image(t) else torch.full_like(images, clock.blank)
            now: list[Tensor] = [frame] * len(steps)
            for place, step in enumerate(steps):
                if place in self.follow:
                    continue
                operands = [now[ref] if ref >= 0 else before[~ref] for ref in step.operands]
                if place in self.leads:
                    self._convolve(place, operands[0], now)
                else:
                    now[place] = self._value(step, operands, frame, before[place])
            logits.append(now[self.step.named["head"]])
            before = now
        return self.network.decode(torch.stack(logits, 1))

    def _module(self, path: str) -> Any:
        return self.network.get_submodule(path)

    def _joined(self, places: list[int]) -> tuple[Tensor, Tensor]:
        kernels, biases = [], []
        for place in places:
            what: Any = self.step.ops[place].what
            module = self._module(what.weights)
            part = slice(what.first, what.first + what.channels)
            kernels.append(module.kernel[:, part])
            bias = module.bias if what.bias else module.kernel.new_zeros(len(module.kernel))
            biases.append(bias + what.added)
        return torch.cat(kernels), torch.cat(biases)

    def _convolve(self, lead: int, x: Tensor, now: list[Tensor]) -> None:
        places, (kernel, bias) = self.leads[lead], self.weights[lead]
        what: Any = self.step.ops[lead].what
        before, after = what.padding
        x = functional.pad(x, (before, after, before, after))
        out = functional.conv2d(x, kernel, bias, what.stride)
        channels = [self.step.ops[place].map.channels for place in places]
        for place, part in zip(places, torch.split(out, channels, 1), strict=True):
            now[place] = part

    def _value(self, step: Op, operands: list[Tensor], frame: Tensor, like: Tensor) -> Tensor:
        match what := step.what:
            case Frame():
                return frame
            case Zeros():
                return torch.zeros_like(like)
            case Pass():
                return operands[0]
            case Separate():
                return self._separate(what, operands[0])
            case Weigh():
                weight: Tensor = next(iter(self._module(what.weights).parameters(False)))
                return operands[0] * weight
            case Normalise():
                return self._normalise(what, operands[0])
            case Classify():
                return self._classify(what, operands[0])
            case _:
                return _without_parameters(what, operands)

    def _normalise(self, what: Normalise, x: Tensor) -> Tensor:
        module = self._module(what.weights)
        gain, shift = module.gain, module.shift
        if not what.batch:
            return arithmetic.group_norm(
                x,
                gain,
                shift,
                groups=what.groups,
                interleaved=what.interleaved,
                epsilon=what.epsilon,
            )
        mean, variance = module.running_mean, module.running_variance
        return functional.batch_norm(
            x, mean, variance, gain, shift, module.training, what.momentum, what.epsilon
        )

    def _classify(self, what: Classify, x: Tensor) -> Tensor:
        kernel, bias = self._module("head").kernel, self._module("head").bias
        if what.form == "convolution_mean":
            return functional.conv2d(x, kernel, bias).mean((2, 3))
        flat = what.form == "flatten_linear"
        x = x.permute(0, 2, 3, 1).flatten(1) if flat else x.mean((2, 3))
        return functional.linear(x, kernel, bias)

    def _separate(self, what: Separate, x: Tensor) -> Tensor:
        module = self._module(what.weights)
        part, (before, after) = slice(what.first, what.first + what.channels), what.padding
        if what.repeat:
            padded = functional.pad(x, (before, after, before, after))
            first = module.depthwise_first[part]
            x = functional.elu(functional.conv2d(padded, first, groups=what.channels))
        padded = functional.pad(x, (before, after, before, after))
        spread = functional.conv2d(padded, module.depthwise[part], groups=what.channels)
        bias = module.bias + what.added if what.bias else None
        return functional.conv2d(spread, module.pointwise[:, part], bias)


def _without_parameters(what: What, operands: list[Tensor]) -> Tensor:
    x = operands[0]
    match what:
        case Concatenate():
            return torch.cat(operands, 1)
        case Resize(size=size, mode=mode):
            return arithmetic.resize(x, size, mode)
        case Activate(name=name):
            return arithmetic.activate(x, name)
        case Sum(constant=constant):
            return sum(operands[1:], x) + constant
        case Scale(offset=offset, scale=scale):
            return offset + scale * x
        case Multiply():
            for factor in operands[1:]:
                x = x * factor
            return x
        case Pooled(kind=kind, kernel=kernel, stride=stride, padding=padding):
            pool = arithmetic.max_pool if kind == "max" else arithmetic.mean_pool
            return pool(x, kernel=kernel, stride=stride, padding=padding)
        case _:
            raise AssertionError(what)
