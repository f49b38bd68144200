"""The bytes that PyTorch holds during an update or a forward pass of a network.

Measured is the largest sum, over one update of an unroll, of the storages of all tensors
that are alive: every storage that an operation gives out is counted from then until it is freed.
What a library allocates inside of one operation is not seen, as the arithmetic does not count it.
"""

import weakref
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from models.build import build
from space import zoo
from space.genome import Genome
from space.unroll.plan import Unroll

MODELS = (
    "rgc_intermediate",
    "median_2018_t12",
    "rgc_shallow",
    "lstm_shallow",
    "simplernn_shallow",
    "timedecay_shallow",
    "gru_intermediate",
    "intersectionrnn_intermediate",
    "ugrnn_intermediate",
    "resnet18",
)
"""Models of the zoo with cells of every kind."""


class Held(TorchDispatchMode):
    """The bytes of all tensors that are alive, and the most that there were. More than `limit` are
    refused as PyTorch's allocator does it.
    """

    def __init__(self, *known: torch.Tensor, limit: int | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bytes = self.peak = 0
        self._limit = limit
        self._alive: dict[int, Any] = {}
        for tensor in known:
            self._see(tensor)

    def _see(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata  # noqa: SLF001 - what PyTorch knows a storage by
        if key not in self._alive:
            size = storage.nbytes()
            self._alive[key] = weakref.finalize(storage, self._freed, key, size)
            self.bytes += size
            self.peak = max(self.peak, self.bytes)
            if self._limit is not None and self.bytes > self._limit:
                words = (
                    f"DefaultCPUAllocator: not enough memory: you tried to allocate {size} bytes"
                )
                raise RuntimeError(words)

    def _freed(self, key: int, size: int) -> None:
        del self._alive[key]
        self.bytes -= size

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self._see(leaf)
        return result


def measured(
    genome: Genome,
    batch: int,
    unroll: Unroll = "literal",
    *,
    recompute: bool = False,
    half: bool = False,
) -> int:
    """The peak of the second update (the first one makes the optimiser's numbers). `half`: under
    autocast.
    """
    network = build(genome, unroll="planned" if recompute else unroll, recompute=recompute)
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9, nesterov=True)
    images = torch.randn(batch, genome.image.channels, genome.image.size, genome.image.size)
    labels = torch.zeros(batch, dtype=torch.long)
    for parameter in network.parameters():
        optimiser.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    buffers = [state["momentum_buffer"] for state in optimiser.state.values()]
    held = Held(images, labels, *network.parameters(), *network.buffers(), *buffers)
    with held:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            logits = network(images)
        loss = cross_entropy(logits, labels)
        loss.backward()
        optimiser.step()
    return held.peak


def small(name: str, size: int) -> Genome:
    """A model of the zoo for small images and few classes."""
    return zoo.model(name).genome.with_images(size=size, channels=3, classes=10)
