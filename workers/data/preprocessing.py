"""From pixels to what a network takes: the same way for training, evaluation and users.

(pixel / 255 - mean) / deviation, channel by channel, with the statistics of the training split.
A channel without deviation has nothing to scale: its deviation counts as 1.
"""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
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
    """Images as a network takes them: float32 [N,C,H,W], where N is 1 for one image.

    `pixels` is an array or a tensor, [N,H,W,C] or [H,W,C], channels last or first; a grey image
    may lack the axis of its channel. Or it is an image of Pillow, or a list of some. uint8 reaches
    from 0 to 255; of any other type `value_range` says what white is (1.0 or 255, say), and black
    is 0. `size` is the side that the network takes, if it is known. Raises InputError for another
    type, shape or range.
    """
    channels = len(facts.mean)
    images = _as_tensor(_decoded(pixels, channels))
    batch = _arranged(images, channels, size)
    normalise = Normalisation(facts, images.device)
    if images.dtype == torch.uint8 and value_range is None:
        return normalise(to_unit(batch))
    white = _white(images, value_range)
    return normalise(_planes(batch).div(white))


def _decoded(pixels: Any, channels: int) -> Any:
    """Pixels as they are; images of Pillow, one or a list, as an array [(N,)H,W,C]."""
    pillow = sys.modules.get("PIL.Image")  # whoever has such an image has imported it
    if pillow is None:
        return pixels
    if isinstance(pixels, pillow.Image):
        return _pillow_array(pixels, channels)
    if not (isinstance(pixels, (list, tuple)) and pixels):
        return pixels
    if not all(isinstance(one, pillow.Image) for one in pixels):
        return pixels
    arrays = [_pillow_array(one, channels) for one in pixels]
    if len(shapes := {array.shape for array in arrays}) > 1:
        sides = " and ".join(f"{width}x{height}" for height, width, _ in sorted(shapes)[:2])
        raise InputError("pixels", f"images of {sides}", "crop and resize them to one size")
    return np.stack(arrays)


_MODES = {1: ("L", "1"), 3: ("RGB", "L", "P", "1")}


def _pillow_array(image: Any, channels: int) -> NDArray[np.uint8]:
    """An image of Pillow as uint8 [H,W,C]; one that would have to be guessed at is refused."""
    known = _MODES.get(channels, ())
    if image.mode not in known or image.has_transparency_data:
        what = "an image with transparency" if image.has_transparency_data else "an image"
        cure = f'convert it to {known[0]}: image.convert("{known[0]}")' if known else "give arrays"
        if image.mode[0] in "IF":  # Pillow would cut off what is above 255
            cure = "give np.asarray(image), and the value of white as value_range"
        raise InputError("pixels", f"{what} of the mode {image.mode}", cure)
    array = np.asarray(image.convert(known[0]))
    return array if array.ndim == 3 else array[..., None]


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


def _arranged(images: Tensor, channels: int, size: int | None) -> Tensor:
    """Images as a batch [N,H,W,C] of squares: channels last where they may be last or first.

    Raises InputError for another shape.
    """
    shape = tuple(images.shape)
    if channels == 1 and len(shape) == 2:
        images = images[..., None]
    batch = images[None] if images.dim() == 3 else images
    orders = [batch, batch.movedim(1, -1)] if batch.dim() == 4 else []
    fitting = [order for order in orders if order.shape[-1] == channels]
    for order in fitting:
        height, width = order.shape[1:3]
        if height == width and height > 0 and size in (None, height):
            return order
    side = "S" if size is None else str(size)
    expected = f"[N, {side}, {side}, {channels}] or [{side}, {side}, {channels}]"
    cure = f"give {expected}, or channels first"
    if fitting:
        cure = f"crop and resize the images to {expected}"
    elif channels == 1 and len(shape) == 3:
        cure = f"give {expected}: pixels[..., None] has the axis of its one channel"
    raise InputError("pixels", f"the shape {list(shape)} does not fit", cure)


def _white(images: Tensor, value_range: float | None) -> float:
    """The value of white, which no pixel exceeds."""
    kind = str(images.dtype).removeprefix("torch.")
    if value_range is None or images.is_complex():
        cure = "write value_range=1.0 for pixels in 0..1, or give uint8 pixels of 0 to 255"
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
