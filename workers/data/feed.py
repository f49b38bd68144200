"""How a pack's images reach a device in batches, for training and evaluation alike."""

from collections.abc import Iterator
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
    """Batches of a split on the device: (uint8 [B,H,W,C], int64 [B]), in any order."""

    def __init__(self, pack: Pack, split: SplitName, device: torch.device) -> None:
        self._images, self._device = pack.images(split), device
        self._labels = torch.from_numpy(np.array(pack.labels(split))).to(device)
        small = device.type != "cpu" and self._images.nbytes <= RESIDENT_BYTES
        self._resident = torch.from_numpy(np.array(self._images)).to(device) if small else None

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
                yield torch.from_numpy(self._images[part])
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
        return torch.from_numpy(self._images[part]).pin_memory()
