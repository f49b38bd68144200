"""The unroll, executed by its plan: what has to be computed, once, in as few calls as possible.

`space/unroll/plan.py` says which operations are left and `space/unroll/calls.py` in which calls;
this module runs them. It gives the numbers of the literal unroll (`models/unroll.py`), and the
same gradients, up to the rounding of sums in another order.

A value that no image has reached has a batch of 1 until it meets one that has. Kernels that a
loop uses at many steps have one gradient, over all their uses (`models/shared_kernels.py`).
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from models import layers
from models.instructions import Operands
from models.readout import HeadModule
from models.shared_kernels import SharedKernel
from models.terms import NormWeights
from space.genome import Genome
from space.network.architecture import HEAD
from space.step.operations import (
    Activate,
    Bias,
    Classify,
    Convolve,
    Frame,
    Join,
    Multiply,
    Normalise,
    Pooled,
    Resize,
    Scale,
    Separate,
    Sum,
    Weigh,
    Zeros,
)
from space.unroll.buffers import Prepared, Ready, Segment, ready, segments
from space.unroll.calls import Call
from space.unroll.plan import plan
from space.unroll.reads import Read

_KEPT_PLANS = 8  # of what was read lately, by a network


_Values = list[Tensor | None]  # by place


class PlannedUnroll:
    """The planned execution of a genome; it keeps the plans of what was read lately."""

    def __init__(self, genome: Genome) -> None:
        self.genome = genome
        self._kept: dict[tuple[frozenset[Read], bool], _Kept] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {"genome": self.genome, "_kept": {}}

    def run(
        self,
        network: nn.Module,
        images: Tensor,
        reads: Collection[Read],
        *,
        recompute: bool = False,
    ) -> dict[Read, Tensor]:
        """images [B,C,S,S], normalised already -> what is read, each [B,...].

        `network` has the modules of the genome's parts by their paths. With `recompute` a
        backward pass finds only a few values kept and computes the others again.
        """
        norms = (module for module in network.modules() if isinstance(module, NormWeights))
        key = (frozenset(reads), any(norm.training and norm.how.batch for norm in norms))
        kept = self._kept.pop(key, None)
        if kept is None:
            kept = _Kept(ready(plan(self.genome, key[0], training=key[1])))
        self._kept[key] = kept
        if len(self._kept) > _KEPT_PLANS:
            del self._kept[next(iter(self._kept))]
        again = kept.segments(len(images)) if recompute and torch.is_grad_enabled() else ()
        return _Pass(kept.ready, network, images).run(again)


@dataclass(slots=True)
class _Kept:
    """A plan made ready, and its segments for the batches seen so far."""

    ready: Ready
    by_batch: dict[int, tuple[Segment, ...]] = field(default_factory=dict)

    def segments(self, batch: int) -> tuple[Segment, ...]:
        if batch not in self.by_batch:
            self.by_batch[batch] = segments(self.ready, batch)
        return self.by_batch[batch]


@dataclass(slots=True)
class _Statistics:
    """Mean and unbiased variance [C] of a value, and over how many numbers a channel."""

    mean: Tensor
    variance: Tensor
    numbers: int


@dataclass(slots=True)
class _Pass:
    """One forward pass."""

    ready: Ready
    root: nn.Module
    images: Tensor
    layout: torch.memory_format = field(init=False)
    prepared: dict[object, Any] = field(default_factory=dict)
    statistics: dict[tuple[str, int], _Statistics] = field(default_factory=dict)

    def run(self, again: Sequence[Segment] = ()) -> dict[Read, Tensor]:
        """What is read. The values inside of `again`'s segments are computed again on the way
        back.
        """
        self.layout = layers.best_layout(self.images)
        self.images = layers.laid_out(self.images, self.layout)
        values: _Values = [None] * self.ready.places
        if again:
            self._in_segments(again, values)
        else:
            self._execute(self.ready.calls, values)
        self._move_statistics(values)
        return {read: self._whole(values[i]) for read, i in self.ready.plan.values.items()}

    def _in_segments(self, again: Sequence[Segment], values: _Values) -> None:
        """All calls; of every segment but the last only what it leaves is remembered."""
        for prepared in self.ready.calls:
            self._prepare(prepared.call)  # once, outside of what is done twice
        *first, last = again
        for segment in first:
            given = [values[place] for place in segment.reads]
            left = checkpoint(
                partial(self._segment, segment),
                *given,
                use_reentrant=False,
                preserve_rng_state=False,  # nothing is drawn
            )
            for place, value in zip(segment.leaves, left, strict=True):
                values[place] = value
            for prepared in segment.calls:
                for place in prepared.free:
                    values[place] = None
        self._execute(last.calls, values)

    def _segment(self, segment: Segment, *given: Tensor) -> tuple[Tensor | None, ...]:
        values: _Values = [None] * self.ready.places
        for place, value in zip(segment.reads, given, strict=True):
            values[place] = value
        self._execute(segment.calls, values)
        return tuple(values[place] for place in segment.leaves)

    def _execute(self, calls: Sequence[Prepared], values: _Values) -> None:
        """Run calls: fills the places of their values, and empties those that are done with."""
        batch = self.images.shape[0]
        for prepared in calls:
            call = prepared.call
            single = len(call.rows) == 1
            operands: list[Any]
            if single:
                operands = [values[column[0]] for column in prepared.operands]
            else:
                operands = [
                    self._stack(values, column, prepared.images)
                    if stack is None
                    else values[stack]
                    for column, stack in zip(prepared.operands, prepared.stacks, strict=True)
                ]
            out = _RUN[type(call.whats[0])](self, call, operands)
            outs = (out,) if len(call.whats) == 1 else torch.split(out, prepared.channels, 1)
            if single:
                for index, value in zip(call.rows[0], outs, strict=True):
                    values[index] = value
            else:
                sizes = [batch if image else 1 for image in prepared.images]
                for part, value in enumerate(outs):
                    values[prepared.makes[part]] = value
                    if prepared.rows:
                        for row, piece in zip(call.rows, torch.split(value, sizes), strict=True):
                            values[row[part]] = piece
            for place in prepared.free:
                values[place] = None

    def _whole(self, value: Tensor | None) -> Tensor:
        """A value that is read, for every image."""
        assert value is not None
        batch = self.images.shape[0]
        if value.shape[0] == batch:
            return value
        return value.repeat(batch, *(1 for _ in value.shape[1:]))

    def _stack(
        self, values: Sequence[Tensor | None], column: Sequence[int], images: Sequence[bool]
    ) -> Tensor:
        batch, rows = self.images.shape[0], []
        for index, image in zip(column, images, strict=True):
            value = values[index]
            assert value is not None
            if image and value.shape[0] != batch:
                value = value.expand(batch, *value.shape[1:])
            rows.append(value)
        return torch.cat(rows)

    # Parameters, made ready once a pass

    def _module(self, path: str) -> nn.Module:
        module: nn.Module | None = self.root
        for name in path.split("."):
            assert module is not None
            module = module._modules[name]
        assert module is not None
        return module

    def _prepare(self, call: Call) -> None:
        """Make the parameters of a call ready."""
        what = call.whats[0]
        match what:
            case Convolve():
                self._shared(call)
            case Separate():
                self._parts(what)
            case Weigh():
                self._weight(what)
            case Normalise():
                self._norm(what)
            case Classify():
                self._classifier()

    def _once(self, key: object, make: Callable[[], Any]) -> Any:
        if key not in self.prepared:
            self.prepared[key] = make()
        return self.prepared[key]

    def _bias(self, what: Convolve | Separate | Bias) -> Tensor | None:
        """The bias [O] of a part of a convolution, with its added constant."""
        module = self._module(what.weights)
        bias = module._parameters["bias"] if what.bias else None
        if bias is not None:
            return layers.working_copy(bias + what.added if what.added else bias)
        if not what.added:
            return None
        kernel = module._parameters.get("kernel")
        if kernel is None:
            kernel = module._parameters["pointwise"]
        assert kernel is not None
        return layers.working_copy(kernel.new_full(kernel.shape[:1], what.added))

    def _shared(self, call: Call) -> SharedKernel:
        kernel: SharedKernel = self._once(call.whats, lambda: self._kernels(call))
        return kernel

    def _kernels(self, call: Call) -> SharedKernel:
        """The joined kernel of a call of convolutions, with the joined bias."""
        kernels: list[Tensor] = []
        biases: list[Tensor | None] = []
        first = call.whats[0]
        assert isinstance(first, Convolve)
        for what in call.whats:
            assert isinstance(what, Convolve)
            kernel: Tensor = self._module(what.weights).get_parameter("kernel")
            if what.channels != kernel.shape[1]:
                kernel = kernel[:, what.first : what.first + what.channels]
            kernels.append(kernel)
            biases.append(self._bias(what))
        kernel = kernels[0] if len(kernels) == 1 else torch.cat(kernels)
        bias = None
        if any(b is not None for b in biases):
            filled = [
                layers.working_copy(k.new_zeros(k.shape[0])) if b is None else b
                for k, b in zip(kernels, biases, strict=True)
            ]
            bias = filled[0] if len(filled) == 1 else torch.cat(filled)
        return SharedKernel(
            layers.working_copy(kernel, self.layout),
            bias,
            padding=first.padding,
            stride=first.stride,
        )

    # Operations

    def frame(self, call: Call, operands: Sequence[Tensor]) -> Tensor:
        if self.ready.plan.operations[call.rows[0][0]].image:
            return self.images
        blank = self.ready.plan.genome.clock.blank
        return torch.full_like(self.images[:1], blank)

    def zeros(self, call: Call, operands: Sequence[Tensor]) -> Tensor:
        outs = self.ready.plan.operations[call.rows[0][0]].map
        if not outs.size:
            return self.images.new_zeros((1, outs.channels))
        return layers.zeros(self.images[:1], outs.channels, outs.size, self.layout)

    def join(self, call: Call, operands: Sequence[Tensor]) -> Tensor:
        batch = max(x.shape[0] for x in operands)
        return torch.cat([x.expand(batch, *x.shape[1:]) for x in operands], 1)

    def resize(self, call: Call, operands: Sequence[Tensor]) -> Tensor:
        what: Any = call.whats[0]
        return layers.resize(operands[0], what.size, what.mode)

    def convolve(self, call: Call, operands: Sequence[Tensor]) -> Tensor:
        kernel, (x,) = self._shared(call), operands
        if call.loop and kernel.deferred:
            return kernel.apply_to(x)
        return layers.convolve(
            x, kernel.kernel, kernel.bias, padding=kernel.padding, stride=kernel.stride
        )

    def separate(self, call: Call, operands: Sequence[Tensor]) -> Tensor:
        what: Any = call.whats[0]
        parts, pointwise = self._parts(what)
        (x,) = operands
        for i, part in enumerate(parts):
            x = part.apply_to(functional.elu(x) if i else x)
        out: Tensor = pointwise.apply_to(x)
        return out

    def _parts(self, what: Separate) -> tuple[list[SharedKernel], SharedKernel]:
        found: tuple[list[SharedKernel], SharedKernel] = self._once(
            what, lambda: self._separable(what)
        )
        return found

    def _separable(self, what: Separate) -> tuple[list[SharedKernel], SharedKernel]:
        module = self._module(what.weights)
        part = slice(what.first, what.first + what.channels)
        names = ["depthwise_first", "depthwise"] if what.repeat else ["depthwise"]
        depthwise = [
            SharedKernel(
                layers.working_copy(module.get_parameter(name)[part], self.layout),
                padding=what.padding,
                groups=what.channels,
            )
            for name in names
        ]
        pointwise = module.get_parameter("pointwise")[:, part]
        kernel = layers.working_copy(pointwise, self.layout)
        return depthwise, SharedKernel(kernel, self._bias(what), padding=(0, 0))

    def bias(self, call: Call, operands: Sequence[Tensor]) -> Tensor:
        what: Any = call.whats[0]
        bias = self._bias(what)
        assert bias is not None
        return bias[None, :, None, None].expand(1, -1, what.map.size, what.map.size)

    def weigh(self, call: Call, operands: Sequence[Tensor]) -> Tensor:
        what: Any = call.whats[0]
        return operands[0] * self._weight(what)

    def _weight(self, what: Weigh) -> Tensor:
        module = self._module(what.weights)
        weight: Tensor = self._once(what, lambda: next(iter(module.parameters(recurse=False))))
        return weight

    def normalise(self, call: Call, operands: Sequence[Tensor]) -> Tensor:
        what: Any = call.whats[0]
        module = self._module(what.weights)
        assert isinstance(module, NormWeights)
        how, prepared = module.how, self._norm(what)
        (x,) = operands
        if not (how.batch and module.training):
            return layers.normalise(x, how, prepared)
        index = self.ready.plan.operations[call.rows[0][0]].operands[0]
        gain, shift, *_ = prepared
        assert gain is not None
        assert shift is not None
        out, self.statistics[what.weights, index] = self._batch_norm(x, how, gain, shift)
        return out

    def _norm(self, what: Normalise) -> Operands:
        module = self._module(what.weights)
        assert isinstance(module, NormWeights)
        prepared: Operands = self._once(what, module.prepare)
        return prepared

    def _batch_norm(
        self, x: Tensor, how: layers.Normalisation, gain: Tensor, shift: Tensor
    ) -> tuple[Tensor, _Statistics]:
        """With the statistics of the batch, which are those of x also where it stands for all."""
        if x.dtype in (torch.float16, torch.bfloat16):
            x = x.float()
        numbers = x.numel() // x.shape[1]
        channels = x.shape[1]
        mean, variance = x.new_zeros(channels), x.new_ones(channels)
        if numbers == 1 and self.images.shape[0] > 1:
            # Every image has this one number: its variance is zero, and the norm its shift.
            found = _Statistics(x.detach().flatten(), x.new_zeros(channels), 1)
            return shift.to(x.dtype)[None, :, None, None].expand_as(x), found
        gain, shift = gain.to(x.dtype), shift.to(x.dtype)
        out = functional.batch_norm(x, mean, variance, gain, shift, True, 1.0, how.epsilon)
        return out, _Statistics(mean, variance, numbers)

    def _move_statistics(self, values: Sequence[Tensor | None]) -> None:
        """Move the running statistics as the literal unroll does: once a step, in order."""
        batch = self.images.shape[0]
        operations = self.ready.plan.operations
        with torch.no_grad():
            for effect in self.ready.plan.effects:
                module = self._module(effect.weights)
                assert isinstance(module, NormWeights)
                if not module.training:
                    continue
                how = module.how
                running_mean = module.get_buffer("running_mean")
                running_variance = module.get_buffer("running_variance")
                for index in effect.values:
                    key = (effect.weights, index)
                    if key not in self.statistics:
                        x = values[index]
                        assert x is not None
                        gain, shift = module.get_parameter("gain"), module.get_parameter("shift")
                        _, self.statistics[key] = self._batch_norm(x, how, gain, shift)
                    found = self.statistics[key]
                    times = 1 if operations[index].image else batch
                    all_numbers = found.numbers * times
                    variance = found.variance
                    if times > 1:
                        variance = variance * (
                            (found.numbers - 1) / found.numbers * all_numbers / (all_numbers - 1)
                        )
                    running_mean.lerp_(found.mean.to(running_mean.dtype), how.momentum)
                    running_variance.lerp_(variance.to(running_variance.dtype), how.momentum)

    def activate(self, call: Call, operands: Sequence[Tensor]) -> Tensor:
        what: Any = call.whats[0]
        return layers.activate(operands[0], what.name)

    def sum(self, call: Call, operands: Sequence[Tensor]) -> Tensor:
        what: Any = call.whats[0]
        total = operands[0]
        for x in operands[1:]:
            total = total + x
        if what.wide:
            total = total.to(self.images.dtype)
        return total + what.constant if what.constant else total

    def scale(self, call: Call, operands: Sequence[Tensor]) -> Tensor:
        what = call.whats[0]
        assert isinstance(what, Scale)
        return torch.rsub(operands[0], what.offset, alpha=-what.scale)

    def multiply(self, call: Call, operands: Sequence[Tensor]) -> Tensor:
        product = operands[0]
        for x in operands[1:]:
            product = product * x
        return product

    def pool(self, call: Call, operands: Sequence[Tensor]) -> Tensor:
        what: Any = call.whats[0]
        function = layers.max_pool if what.kind == "max" else layers.mean_pool
        return function(operands[0], kernel=what.kernel, stride=what.stride, padding=what.padding)

    def classify(self, call: Call, operands: Sequence[Tensor]) -> Tensor:
        head = self._module(HEAD)
        assert isinstance(head, HeadModule)
        return head.step(operands[0], self._classifier())

    def _classifier(self) -> Operands:
        head = self._module(HEAD)
        assert isinstance(head, HeadModule)
        prepared: Operands = self._once(Classify, lambda: head.prepare(self.layout))
        return prepared


_RUN: dict[type, Callable[[_Pass, Call, Sequence[Tensor]], Tensor]] = {
    Frame: _Pass.frame,
    Zeros: _Pass.zeros,
    Join: _Pass.join,
    Resize: _Pass.resize,
    Convolve: _Pass.convolve,
    Separate: _Pass.separate,
    Bias: _Pass.bias,
    Weigh: _Pass.weigh,
    Normalise: _Pass.normalise,
    Activate: _Pass.activate,
    Sum: _Pass.sum,
    Scale: _Pass.scale,
    Multiply: _Pass.multiply,
    Pooled: _Pass.pool,
    Classify: _Pass.classify,
}
