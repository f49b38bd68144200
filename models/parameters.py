"""The tree of a network's tensors, from the table of `space/step/parameters.py`.

Tensors hold zeros until `models.initial.initialise` gives them their first values.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from space.errors import InputError
from space.step.parameters import Start, Table, Trainable


@dataclass(slots=True)
class Clock:
    """What a network and its parts have in common: the step that is being computed, if one is."""

    step: int | None = None


class Part(nn.Module):
    """The tensors of a part under the names of the table, on the CPU in `dtype`, and the parts
    within it.

    `children` are parts that are there already; the others are made from the table. Their names
    are the user's and may be those of methods of nn.Module (a gate called `half`): they are
    reached by [] and never as attributes.
    """

    def __init__(
        self, table: Table, dtype: torch.dtype, children: Mapping[str, nn.Module] | None = None
    ) -> None:
        super().__init__()
        self.clock = Clock()
        self.starts: dict[str, Start] = {}
        for entry in table.own:
            if isinstance(entry, Trainable):
                values = torch.zeros(entry.shape, dtype=dtype)
                self.register_parameter(entry.path, nn.Parameter(values))
                self.starts[entry.path] = entry.start
            else:
                values = torch.full(entry.shape, entry.value, dtype=dtype)
                self.register_buffer(entry.path, values)
        for name, child in (children or {}).items():
            self._modules[name] = child
        for name, within in table.parts.items():
            if name not in self._modules:
                self._modules[name] = Part(within, dtype)

    @property
    def current_step(self) -> int | None:
        """The step (0-based) whose call is on its way; None outside of calls. For hooks."""
        return self.clock.step

    def forward(self, *inputs: Tensor, run: Callable[..., Tensor] | None = None) -> Tensor:
        """What the part makes of its inputs in one step, [B,C,H,W] each: `run` of them.

        `models/called.py` calls it, so that hooks see every step. Raises InputError for a call by
        anybody else.
        """
        if run is None:
            cure = "call the network; a forward hook on the part, or trace(), has its values"
            raise InputError("", "a part computes nothing outside of its network", cure)
        return run(*inputs)

    def __getitem__(self, name: str) -> nn.Module:
        child = self._modules[name]
        assert child is not None
        return child

    def part(self, name: str, dtype: torch.dtype) -> "Part":
        """The part of that name within, which is made if it is not there."""
        if name not in self._modules:
            self._modules[name] = Part(Table(), dtype)
        return self.below(name)

    def below(self, path: str) -> "Part":
        """The part at a dotted path below this one."""
        part: nn.Module = self
        for name in path.split("."):
            assert isinstance(part, Part)
            part = part[name]
        assert isinstance(part, Part)
        return part

    def tensor(self, name: str) -> Tensor:
        """A parameter of this part."""
        parameter = self._parameters[name]
        assert parameter is not None
        return parameter

    def first_tensor(self) -> Tensor:
        """The first parameter of this part."""
        return self.tensor(next(iter(self.starts)))

    def statistic(self, name: str) -> Tensor:
        """A buffer of this part."""
        buffer = self._buffers[name]
        assert buffer is not None
        return buffer


def starts(module: nn.Module) -> Iterator[tuple[str, Tensor, Start]]:
    """(full name, parameter, its start) of every parameter of `module`, in its own order."""
    for prefix, part in module.named_modules():
        if isinstance(part, Part):
            for name, start in part.starts.items():
                yield f"{prefix}.{name}" if prefix else name, part.tensor(name), start
