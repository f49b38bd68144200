"""How a pack's images reach a device in batches, for training and evaluation alike."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workers.data.manifest import SplitName
from workers.data.pack import Pack

RESIDENT_BYTES = 1 << 30
"""A split that takes no more of a GPU's memory than this is kept there whole."""


class Feed:
    """Batches of a split on the device: (uint8 [B,H,W,C], int64 [B]), in any order.

    Several splits count as one, their images one after the other.
    """

    def __init__(
        self, pack: Pack, split: SplitName | Sequence[SplitName], device: torch.device
    ) -> None:
        splits: Sequence[SplitName] = [split] if isinstance(split, str) else split
        self._parts, self._device = [pack.images(split) for split in splits], device
        self._starts = np.cumsum([0, *map(len, self._parts)])
        labels = np.concatenate([pack.labels(split) for split in splits])
        self._labels = torch.from_numpy(labels).to(device)
        small = sum(part.nbytes for part in self._parts) <= RESIDENT_BYTES
        resident = small and device.type != "cpu"
        whole = np.concatenate(self._parts) if resident else None
        self._resident = None if whole is None else torch.from_numpy(whole).to(device)

    def __len__(self) -> int:
        """The number of images."""
        return len(self._labels)

    def batches(self, order: NDArray[np.int64], size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The images of `order` [N] in batches of `size`, the last one possibly smaller."""
        parts = [order[start : start + size] for start in range(0, len(order), size)]
        labels = (self._labels[torch.from_numpy(part).to(self._device)] for part in parts)
        return zip(self._gather(parts), labels, strict=True)

    def _gather(self, parts: list[NDArray[np.int64]]) -> Iterator[Tensor]:
        if self._resident is not None:
            for part in parts:
                yield self._resident[torch.from_numpy(part).to(self._device)]
        elif self._device.type == "cpu":
            for part in parts:
                yield torch.from_numpy(self._read(part))
        else:
            # The next batch is read from the disk while the GPU works on this one.
            with ThreadPoolExecutor(1) as pool:
                waiting = [pool.submit(self._pin, part) for part in parts[:1]]
                for part in parts[1:]:
                    ready = waiting.pop().result()
                    waiting.append(pool.submit(self._pin, part))
                    yield ready.to(self._device, non_blocking=True)
                for last in waiting:
                    yield last.result().to(self._device, non_blocking=True)

    def _pin(self, part: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(self._read(part)).pin_memory()

    def _read(self, places: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The images [n,H,W,C] at `places` [n] of the splits, as if they were one."""
        if len(self._parts) == 1:
            return np.asarray(self._parts[0][places])
        which = np.searchsorted(self._starts, places, side="right") - 1
        images = np.empty((len(places), *self._parts[0].shape[1:]), dtype=np.uint8)
        for number, part in enumerate(self._parts):
            chosen = which == number
            images[chosen] = part[places[chosen] - self._starts[number]]
        return images
