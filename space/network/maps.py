"""Square feature maps, and their sizes under SAME padding."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Map:
    """A square feature map: `size` x `size` x `channels`."""

    size: int
    channels: int


def same_size(size: int, stride: int) -> int:
    """Side of the output under SAME padding: ceil(size / stride)."""
    return -(-size // stride)


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """(before, after) of SAME padding; the odd pixel comes after (trap 1)."""
    total = max((same_size(size, stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2
