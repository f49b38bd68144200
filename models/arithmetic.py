"""The arithmetic of networks: convolutions, pools, resizing and norms, with the published padding.

Functions of tensors [B,C,H,W], free of genomes and of parameters. Padding is SAME as the
published reference has it: where it is odd, the odd pixel comes after (bottom and right). Fast
paths that PyTorch has built in are taken where they give the same numbers.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as functional
from torch import Tensor

Activation = Callable[[Tensor], Tensor]

# What else is known of them stands in space/step/activations.py. None stands for the identity, so
# that it costs no call.
ACTIVATIONS: dict[str, Activation | None] = {
    "identity": None,
    "elu": functional.elu,
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "softplus": functional.softplus,
}


def activate(x: Tensor, name: str) -> Tensor:
    """The activation of that name, elementwise: any shape -> the same shape."""
    function = ACTIVATIONS[name]
    return x if function is None else function(x)


def convolve(
    x: Tensor,
    kernel: Tensor,
    bias: Tensor | None,
    *,
    padding: tuple[int, int],
    stride: int = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlation: x [B,C,H,W], kernel [O,C/groups,k,k], bias [O] -> [B,O,H',W'].

    `padding` is (before, after) on both axes, of zeros.
    """
    before, after = padding
    if before != after:
        x = functional.pad(x, (before, after, before, after))
        before = 0
    return functional.conv2d(x, kernel, bias, stride, before, 1, groups)


# A piece of the batch whose products of one channel's maps stay in a core's own cache.
_PIECE = 2**18


def depthwise_gradient(x: Tensor, gradient: Tensor, kernel: Tensor, side: int) -> Tensor:
    """The gradient [C,1,k,k] of a depthwise kernel: x [B,C,h,w], gradient of the output [B,C,H,W].

    It is itself a depthwise convolution: of every map with its own gradient for a kernel. On a CPU
    PyTorch has a fast one of those for any kernel, but a fast kernel gradient up to 3x3 only:
    written so, kernels of 4x4 to 7x7 were measured to take 0.1 to 0.6 of the time.
    """
    channels, k = kernel.shape[0], kernel.shape[-1]
    total: Tensor | None = None
    pieces = max(1, _PIECE // max(1, gradient[0].numel()))
    for maps, outs in zip(torch.split(x, pieces), torch.split(gradient, pieces), strict=True):
        groups = maps.shape[0] * channels
        # Channels last, with the images' channels side by side.
        beside = maps.permute(2, 3, 0, 1).reshape(1, *maps.shape[2:], groups).permute(0, 3, 1, 2)
        kernels = outs.reshape(groups, 1, *outs.shape[2:])
        by_image = functional.conv2d(beside, kernels, None, 1, side, 1, groups)
        piece = by_image.view(maps.shape[0], channels, k, k).sum(0)
        total = piece if total is None else total.add_(piece)
    assert total is not None
    return total[:, None]


def max_pool(x: Tensor, *, kernel: int, stride: int, padding: tuple[int, int]) -> Tensor:
    """Maximum over kernel x kernel windows; padding (before, after) of minus infinity."""
    before, after = padding
    if before == after:
        return functional.max_pool2d(x, kernel, stride, before)
    if before == 0 and stride > 1:
        # One pixel after the end and none before it: what ceil mode does with windows that hang
        # over the edge, without copying the map.
        return functional.max_pool2d(x, kernel, stride, 0, ceil_mode=True)
    x = functional.pad(x, (before, after, before, after), value=-torch.inf)
    return functional.max_pool2d(x, kernel, stride)


def mean_pool(x: Tensor, *, kernel: int, stride: int, padding: tuple[int, int]) -> Tensor:
    """Mean over those pixels of each kernel x kernel window that lie on the map."""
    before, after = padding
    if before == after:
        return functional.avg_pool2d(x, kernel, stride, before, count_include_pad=False)
    if before == 0 and stride > 1:
        return functional.avg_pool2d(x, kernel, stride, 0, ceil_mode=True, count_include_pad=False)
    sides = (before, after, before, after)
    share = functional.pad(x.new_ones(1, 1, *x.shape[2:]), sides)
    return functional.avg_pool2d(functional.pad(x, sides), kernel, stride) / functional.avg_pool2d(
        share, kernel, stride
    )


def resize(x: Tensor, size: int, mode: str) -> Tensor:
    """Bilinear [B,C,H,W] -> [B,C,size,size]; the identity where the size is the same.

    `corners` puts the corner pixels of both maps on each other (as published, trap 7),
    `half_pixel` aligns the maps' edges; neither smooths before it shrinks.
    """
    if x.shape[-1] == size and x.shape[-2] == size:
        return x
    return functional.interpolate(
        x, size=(size, size), mode="bilinear", align_corners=mode == "corners"
    )


def in_float(x: Tensor) -> Tensor:
    """x in a type to take statistics in: half precision as float32, where an epsilon of 1e-12
    does not vanish.
    """
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def group_norm(
    x: Tensor,
    gain: Tensor,
    shift: Tensor,
    *,
    groups: int = 1,
    interleaved: bool = False,
    epsilon: float,
) -> Tensor:
    """x [B,C,H,W] by the statistics of each image over H, W and each of `groups` blocks of
    channels (`interleaved`: the channels of equal index modulo `groups`), times gain [C], plus
    shift [C]. One group is the published layer norm (trap 8).
    """
    x = in_float(x)
    if torch.is_grad_enabled() and not x.requires_grad:
        # The backward pass of PyTorch 2.13 on a CPU ends the process for a value of channels-last
        # layout that needs no gradient, such as zeros of a source that is absent.
        x = x.contiguous()
    gain, shift = gain.to(x.dtype), shift.to(x.dtype)
    if not interleaved:
        return torch.group_norm(x, groups, gain, shift, epsilon)
    plain = torch.group_norm(_regroup(x, groups), groups, eps=epsilon)
    back = _regroup(plain, x.shape[1] // groups)
    return torch.addcmul(shift[:, None, None], back, gain[:, None, None])


def batch_norm(
    x: Tensor,
    gain: Tensor,
    shift: Tensor,
    mean: Tensor,
    variance: Tensor,
    *,
    epsilon: float,
    momentum: float,
) -> Tensor:
    """x [B,C,H,W] by its own statistics of each channel over B, H, W, times gain [C], plus shift
    [C]. The running `mean` and `variance` [C] are moved in place, by `momentum` of the way to the
    batch's (the variance to the unbiased one).
    """
    x = in_float(x)
    gain, shift = gain.to(x.dtype), shift.to(x.dtype)
    return functional.batch_norm(x, mean, variance, gain, shift, True, momentum, epsilon)


def scale_and_shift(x: Tensor, gain: Tensor, shift: Tensor) -> Tensor:
    """x [B,C,H,W] times gain [C], plus shift [C]: a folded batch norm."""
    x = in_float(x)
    gain, shift = gain.to(x.dtype), shift.to(x.dtype)
    return torch.addcmul(shift[:, None, None], x, gain[:, None, None])


def _regroup(x: Tensor, groups: int) -> Tensor:
    """[B,C,H,W] with the channels of equal index modulo `groups` side by side."""
    batch, channels, height, width = x.shape
    split = x.reshape(batch, channels // groups, groups, height, width)
    return split.transpose(1, 2).reshape(x.shape)


def fold_batch_norm(
    gain: Tensor, shift: Tensor, mean: Tensor, variance: Tensor, epsilon: float
) -> tuple[Tensor, Tensor]:
    """gain and shift [C] that do what a batch norm with these running statistics does."""
    scale = gain * torch.rsqrt(variance + epsilon)
    return scale, shift - mean * scale


def best_layout(images: Tensor) -> torch.memory_format:
    """The layout to compute in: that of the images, but channels last on a CPU in single or
    lower precision, where convolutions were measured to be up to 1.6 times faster so (backward
    passes of depthwise kernels most of all). It changes where numbers lie, not what they are.
    """
    if images.device.type == "cpu" and images.dtype != torch.float64:
        return torch.channels_last
    return layout_of(images)


def laid_out(x: Tensor, layout: torch.memory_format) -> Tensor:
    """[B,C,H,W] in that layout, also by its strides where a size of 1 leaves them open (PyTorch
    would take grey images for contiguous ones, and every map after them).
    """
    if layout == torch.channels_last and x.stride(1) != 1:
        return torch.empty_like(x, memory_format=layout).copy_(x)
    return x.contiguous(memory_format=layout)


def layout_of(x: Tensor) -> torch.memory_format:
    """Channels last if [B,C,H,W] is laid out so and only so, else contiguous."""
    if x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous():
        return torch.channels_last
    return torch.contiguous_format


def zeros(
    like: Tensor, channels: int, size: int, layout: torch.memory_format | None = None
) -> Tensor:
    """[B,channels,size,size] of zeros with the batch, type and device of `like`, and its layout
    unless one is given.
    """
    empty = torch.empty(
        (like.shape[0], channels, size, size),
        dtype=like.dtype,
        device=like.device,
        memory_format=layout_of(like) if layout is None else layout,
    )
    return empty.zero_()


def working_copy(weight: Tensor, layout: torch.memory_format | None = None) -> Tensor:
    """A parameter in the type that autocast computes in and in the layout of the maps, brought
    there once instead of at every step.
    """
    device = weight.device.type
    if torch.is_autocast_enabled(device):
        weight = weight.to(torch.get_autocast_dtype(device))
    if layout is not None and weight.dim() == 4:
        weight = weight.contiguous(memory_format=layout)
    return weight
