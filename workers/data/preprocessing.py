"""From pixels to what a network takes: the same way for training, evaluation and users.

(pixel / 255 - mean) / deviation, channel by channel, with the statistics of the training split.
A channel without deviation has nothing to scale: its deviation counts as 1.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from space.errors import InputError
from workers.data.statistics import Statistics, divisors


class Normalisation:
    """The data's own: (image - mean) / deviation by channel, over its training split."""

    def __init__(self, facts: Statistics, device: torch.device) -> None:
        def column(values: Sequence[float]) -> Tensor:
            return torch.tensor(values, dtype=torch.float32, device=device).view(1, -1, 1, 1)

        self.mean, self.std = column(facts.mean), column(divisors(facts.std))

    def __call__(self, images: Tensor) -> Tensor:
        """[B,C,H,W] in 0..1 -> the same shape, zero mean and unit variance."""
        return (images - self.mean) / self.std


def to_unit(images: Tensor) -> Tensor:
    """Stored images, uint8 [B,H,W,C], as float32 [B,C,H,W] in 0..1, laid out as the device likes.

    The layout is never left to chance: it decides which kernels run, and so the last bits.
    """
    return _planes(images).div_(255)


def _planes(images: Tensor) -> Tensor:
    """[B,H,W,C] -> a float32 copy [B,C,H,W] in the layout that its device likes."""
    layout = torch.channels_last if images.is_cuda else torch.contiguous_format
    planes = images.permute(0, 3, 1, 2)
    return planes.to(torch.float32, memory_format=layout, copy=True)


def normalise_pixels(
    pixels: Any, facts: Statistics, *, size: int | None = None, value_range: float | None = None
) -> Tensor:
    """A batch [N,H,W,C] or one image [H,W,C] as a network takes it, float32 [N,C,H,W] (N is 1).

    `pixels` is an array or a tensor. uint8 reaches from 0 to 255; of any other type `value_range`
    says what white is (1.0 or 255, say), and black is 0. `size` is the side that the network
    takes, if it is known. Raises InputError for another type, shape or range.
    """
    images = _as_tensor(pixels)
    _check_shape(images, len(facts.mean), size)
    batch = images if images.dim() == 4 else images[None]
    normalise = Normalisation(facts, images.device)
    if images.dtype == torch.uint8 and value_range is None:
        return normalise(to_unit(batch))
    white = _white(images, value_range)
    return normalise(_planes(batch).div(white))


def _as_tensor(pixels: Any) -> Tensor:
    if isinstance(pixels, Tensor):
        return pixels
    if not isinstance(pixels, np.ndarray):
        kind = type(pixels).__name__
        raise InputError(
            "pixels", f"a {kind} is not an array", "give np.asarray(pixels), or a tensor"
        )
    if pixels.dtype.kind not in "buif":
        raise InputError("pixels", f"an array of {pixels.dtype}", "give uint8 pixels, 0 to 255")
    native = pixels.astype(pixels.dtype.newbyteorder("="), copy=not pixels.flags.writeable)
    try:
        return torch.from_numpy(np.ascontiguousarray(native))
    except TypeError:  # a type that torch does not have
        return torch.from_numpy(np.ascontiguousarray(native, dtype=np.float64))


def _check_shape(images: Tensor, channels: int, size: int | None) -> None:
    shape, side = tuple(images.shape), "S" if size is None else str(size)
    expected = f"[N, {side}, {side}, {channels}] or [{side}, {side}, {channels}]"
    if len(shape) in (3, 4) and shape[-1] == channels:
        height, width = shape[-3:-1]
        if height == width and height > 0 and size in (None, height):
            return
        cure = f"crop and resize the images to {expected}"
    elif len(shape) in (3, 4) and shape[-3] == channels:
        cure = f"give {expected}: channels come last here"
    elif channels == 1 and len(shape) in (2, 3):
        cure = f"give {expected}: pixels[..., None] has the axis of its one channel"
    else:
        cure = f"give {expected}"
    raise InputError("pixels", f"the shape {list(shape)} does not fit", cure)


def _white(images: Tensor, value_range: float | None) -> float:
    """The value of white, which no pixel exceeds."""
    kind = str(images.dtype).removeprefix("torch.")
    if value_range is None or images.is_complex():
        cure = "give uint8 pixels of 0 to 255, or say what white is: value_range=1.0, say"
        raise InputError("pixels", f"{kind} values may have any range", cure)
    if not isinstance(value_range, (int, float)) or not 0 < value_range < float("inf"):
        problem = f"{value_range!r} is not a number above 0"
        raise InputError("value_range", problem, "give the value of white: 1.0 or 255, say")
    if images.numel():
        low, high = (float(value) for value in images.detach().double().aminmax())
        if not (low >= 0 and high <= value_range):
            problem = f"values from {low:g} to {high:g} are not within 0 to {value_range:g}"
            raise InputError("pixels", problem, "give the value of white as value_range")
    return float(value_range)
