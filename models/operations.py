"""What every kind of operation of `space/step/operations.py` computes, on tensors.

There is one function a kind, for both executions of a network. `prepare` makes an operation's
parameters ready, once a forward pass: cast to the type that autocast computes in, laid out as the
maps are, kernels of convolutions that are computed together joined. Gradients flow through it, so
that a kernel's uses at all steps are added up before they are divided among the parts.
`execute` computes one value of given operands.

B is the batch; a value that no image has reached may stand for the whole batch with a batch of 1.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor

from models import arithmetic
from models.parameters import Part
from models.shared_kernels import SharedKernel
from space.network.architecture import HEAD
from space.network.maps import Map
from space.step.operations import (
    Activate,
    Bias,
    Classify,
    Concatenate,
    Convolve,
    Multiply,
    Normalise,
    Pooled,
    Resize,
    Scale,
    Separate,
    Sum,
    Weigh,
    What,
)

Operands = Sequence[Tensor]
PartAt = Callable[[str], Part]
"""The part of a network at the path that an operation names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MultiplyAdd:
    """operand 0 + operand 1 * operand 2 in one pass: the sum of a value and a product of two
    values that nothing else reads.
    """


Kind = What | MultiplyAdd


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """What the operations of one forward pass have in common.

    `like` has the type and the device of the images, and the batch of zeros and frames that are
    made: the images themselves, or one of them. `defers`: gradients of kernels are taken for
    several uses together (`models/shared_kernels.py`).
    """

    like: Tensor
    layout: torch.memory_format
    defers: bool


@dataclass(frozen=True, slots=True)
class Separated:
    """The kernels of a separable convolution: depthwise ones [C,1,k,k], one after the other with
    an ELU between them, and a pointwise one [O,C,1,1] with its bias [O].
    """

    depthwise: tuple[SharedKernel, ...]
    pointwise: SharedKernel


@dataclass(frozen=True, slots=True)
class NormTensors:
    """Gain and shift [C] of a norm. A batch norm in training also has the running mean and
    variance [C], which it moves; in evaluation gain and shift do what the four do together.
    """

    gain: Tensor
    shift: Tensor
    running: tuple[Tensor, Tensor] | None = None


Classifier = tuple[Tensor, Tensor]  # kernel, bias


# Values that are made of no others


def frame(images: Tensor, *, shows_image: bool, blank: float) -> Tensor:
    """The frame of a step, [B,C,S,S]: the images, or the blank."""
    return images if shows_image else torch.full_like(images, blank)


def zeros(outs: Map, setting: Setting) -> Tensor:
    """Zeros [B,C,H,W] of a map, or [B,C] where its side is 0."""
    like = setting.like
    if not outs.size:
        return like.new_zeros((like.shape[0], outs.channels))
    return arithmetic.zeros(like, outs.channels, outs.size, setting.layout)


# Parameters, made ready


def prepare(whats: Sequence[Kind], part_at: PartAt, setting: Setting) -> Any:
    """What an operation needs besides operands, for the uses of one forward pass: parameters, or
    the type of a sum that is `wide`; None for most kinds.

    `whats` are more than one for convolutions that are computed together.
    """
    what = whats[0]
    if isinstance(what, Sum):
        return setting.like.dtype if what.wide else None
    make = _PREPARE.get(type(what))
    return None if make is None else make(whats, part_at, setting)


def prepare_convolutions(
    whats: Sequence[Convolve], part_at: PartAt, setting: Setting
) -> SharedKernel:
    """The kernels [O,I,k,k] of convolutions that read one value, joined on O, with their biases.

    A part of a convolution has the kernel's columns of the channels that it reads.
    """
    kernels: list[Tensor] = []
    biases: list[Tensor | None] = []
    for what in whats:
        kernel = part_at(what.weights).tensor("kernel")
        if what.channels != kernel.shape[1]:
            kernel = kernel[:, what.first : what.first + what.channels]
        kernels.append(kernel)
        biases.append(prepare_bias(what, part_at))
    kernel = kernels[0] if len(kernels) == 1 else torch.cat(kernels)
    bias = None
    if any(b is not None for b in biases):
        filled = [
            arithmetic.working_copy(k.new_zeros(k.shape[0])) if b is None else b
            for k, b in zip(kernels, biases, strict=True)
        ]
        bias = filled[0] if len(filled) == 1 else torch.cat(filled)
    return SharedKernel(
        arithmetic.working_copy(kernel, setting.layout),
        bias,
        padding=whats[0].padding,
        stride=whats[0].stride,
        defers=setting.defers,
    )


def prepare_bias(what: Convolve | Separate | Bias, part_at: PartAt) -> Tensor | None:
    """The bias [O] of a convolution with the constant that is added with it, None without both."""
    part = part_at(what.weights)
    if what.bias:
        bias = part.tensor("bias")
        return arithmetic.working_copy(bias + what.added if what.added else bias)
    if not what.added:
        return None
    kernel = part.tensor("kernel" if "kernel" in part.starts else "pointwise")
    return arithmetic.working_copy(kernel.new_full(kernel.shape[:1], what.added))


def _prepare_separable(whats: Sequence[Separate], part_at: PartAt, setting: Setting) -> Separated:
    (what,) = whats
    part = part_at(what.weights)
    read = slice(what.first, what.first + what.channels)
    names = ("depthwise_first", "depthwise") if what.repeat else ("depthwise",)
    depthwise = tuple(
        SharedKernel(
            arithmetic.working_copy(part.tensor(name)[read], setting.layout),
            padding=what.padding,
            groups=what.channels,
            defers=setting.defers,
        )
        for name in names
    )
    kernel = arithmetic.working_copy(part.tensor("pointwise")[:, read], setting.layout)
    bias = prepare_bias(what, part_at)
    pointwise = SharedKernel(kernel, bias, padding=(0, 0), defers=setting.defers)
    return Separated(depthwise, pointwise)


def _prepare_weight(whats: Sequence[Weigh], part_at: PartAt, _setting: Setting) -> Tensor:
    return part_at(whats[0].weights).first_tensor()


def _prepare_norm(whats: Sequence[Normalise], part_at: PartAt, _setting: Setting) -> NormTensors:
    (what,) = whats
    part = part_at(what.weights)
    gain, shift = part.tensor("gain"), part.tensor("shift")
    if not what.batch:
        return NormTensors(gain, shift)
    mean, variance = part.statistic("running_mean"), part.statistic("running_variance")
    if part.training:
        return NormTensors(gain, shift, (mean, variance))
    return NormTensors(*arithmetic.fold_batch_norm(gain, shift, mean, variance, what.epsilon))


def _prepare_classifier(
    _whats: Sequence[Classify], part_at: PartAt, setting: Setting
) -> Classifier:
    part = part_at(HEAD)
    kernel = arithmetic.working_copy(part.tensor("kernel"), setting.layout)
    return kernel, arithmetic.working_copy(part.tensor("bias"))


_PREPARE: dict[type, Callable[[Any, PartAt, Setting], Any]] = {
    Convolve: prepare_convolutions,
    Separate: _prepare_separable,
    Weigh: _prepare_weight,
    Normalise: _prepare_norm,
    Classify: _prepare_classifier,
}
HAS_PARAMETERS = frozenset(_PREPARE)
"""The kinds that have parameters, which are made ready once a pass."""


# The kinds


Function = Callable[[Any, Operands, Any], Tensor]


def function_of(what: Kind) -> Function:
    """The function that computes an operation: of it, its operands, and what `prepare` gave."""
    return _FUNCTIONS[type(what)]


def execute(what: Kind, operands: Operands, ready: Any) -> Tensor:
    """The value of an operation on its operands. `ready` is what `prepare` gave for it."""
    return _FUNCTIONS[type(what)](what, operands, ready)


def resize(what: Resize, operands: Operands, _ready: None) -> Tensor:
    """[B,C,h,w] -> [B,C,size,size], bilinear."""
    return arithmetic.resize(operands[0], what.size, what.mode)


def join(_what: Concatenate, operands: Operands, _ready: None) -> Tensor:
    """[B,C1,H,W], [B,C2,H,W], ... -> [B,C1+C2+...,H,W]."""
    batch = max(x.shape[0] for x in operands)
    return torch.cat(
        [x if x.shape[0] == batch else x.expand(batch, *x.shape[1:]) for x in operands], 1
    )


def convolve(_what: Convolve, operands: Operands, ready: SharedKernel) -> Tensor:
    """[B,I,H,W] -> [B,O,H',W']; of several convolutions their channels side by side."""
    return ready.apply_to(operands[0])


def separate(_what: Separate, operands: Operands, ready: Separated) -> Tensor:
    """[B,I,H,W] -> [B,O,H,W]: depthwise convolutions with ELUs between them, then pointwise."""
    x = operands[0]
    for i, kernel in enumerate(ready.depthwise):
        x = kernel.apply_to(functional.elu(x) if i else x)
    return ready.pointwise.apply_to(x)


def spread_bias(what: Bias, bias: Tensor) -> Tensor:
    """A bias [O] everywhere on a map: [1,O,H,W]."""
    return bias[None, :, None, None].expand(1, -1, what.map.size, what.map.size)


def weigh(_what: Weigh, operands: Operands, ready: Tensor) -> Tensor:
    """[B,C,H,W] times a scalar [1] or a weight a position and channel [C,H,W] -> [B,C,H,W]."""
    return operands[0] * ready


def normalise(what: Normalise, operands: Operands, ready: NormTensors) -> Tensor:
    """[B,C,H,W] -> [B,C,H,W], by the statistics that the norm takes, or by its running ones."""
    (x,) = operands
    if ready.running is not None:
        mean, variance = ready.running
        return arithmetic.batch_norm(
            x,
            ready.gain,
            ready.shift,
            mean,
            variance,
            epsilon=what.epsilon,
            momentum=what.momentum,
        )
    if what.batch:
        return arithmetic.scale_and_shift(x, ready.gain, ready.shift)
    return arithmetic.group_norm(
        x,
        ready.gain,
        ready.shift,
        groups=what.groups,
        interleaved=what.interleaved,
        epsilon=what.epsilon,
    )


def activate(what: Activate, operands: Operands, _ready: None) -> Tensor:
    """The activation of every number: any shape -> the same shape."""
    return arithmetic.activate(operands[0], what.name)


def add(what: Sum, operands: Operands, ready: torch.dtype | None) -> Tensor:
    """The sum of maps [B,C,H,W] and of a constant -> [B,C,H,W], of the type that is given."""
    total = operands[0]
    for x in operands[1:]:
        total = total + x
    if ready is not None:
        total = total.to(ready)
    return total + what.constant if what.constant else total


def scale(what: Scale, operands: Operands, _ready: None) -> Tensor:
    """offset + scale * x of every number: any shape -> the same shape."""
    # other - alpha * self, in one pass
    return torch.rsub(operands[0], what.offset, alpha=-what.scale)


def multiply(_what: Multiply, operands: Operands, _ready: None) -> Tensor:
    """The product of maps [B,C,H,W] -> [B,C,H,W]."""
    product = operands[0]
    for x in operands[1:]:
        product = product * x
    return product


def multiply_add(_what: MultiplyAdd, operands: Operands, _ready: None) -> Tensor:
    """x + y * z of maps [B,C,H,W] -> [B,C,H,W]."""
    added, first, second = operands
    return torch.addcmul(added, first, second)


def pool(what: Pooled, operands: Operands, _ready: None) -> Tensor:
    """[B,C,H,W] -> [B,C,H',W']: the maximum or the mean of windows."""
    function = arithmetic.max_pool if what.kind == "max" else arithmetic.mean_pool
    return function(operands[0], kernel=what.kernel, stride=what.stride, padding=what.padding)


def classify(what: Classify, operands: Operands, ready: Classifier) -> Tensor:
    """The last stage's map [B,C,H,W] -> logits [B,N], by a classifier of the genome's form."""
    (x,), (kernel, bias) = operands, ready
    if what.form == "convolution_mean":
        return functional.conv2d(x, kernel, bias).mean((2, 3))
    if what.form == "flatten_linear":
        x = x.permute(0, 2, 3, 1).flatten(1)
    else:
        x = x.mean((2, 3))
    return functional.linear(x, kernel, bias)


_FUNCTIONS: dict[type, Function] = {
    Resize: resize,
    Concatenate: join,
    Convolve: convolve,
    Separate: separate,
    Weigh: weigh,
    Normalise: normalise,
    Activate: activate,
    Sum: add,
    Scale: scale,
    Multiply: multiply,
    MultiplyAdd: multiply_add,
    Pooled: pool,
    Classify: classify,
}
