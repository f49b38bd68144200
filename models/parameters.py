"""The tree of a network's tensors, from the table of `space/step/parameters.py`.

`Part` holds the tensors of one part under the names of the table, `Branch` is a node above parts.
Tensors hold zeros until `models.initial.initialise` gives them their first values.
"""

from collections.abc import Iterator

import torch
from torch import nn

from space.step.parameters import Parameter, Start, Table


class Part(nn.Module):
    """A module whose tensors are the table's own ones, on the CPU in `dtype`."""

    def __init__(self, table: Table, dtype: torch.dtype) -> None:
        super().__init__()
        self.starts: dict[str, Start] = {}
        for entry in table.own:
            if isinstance(entry, Parameter):
                values = torch.zeros(entry.shape, dtype=dtype)
                self.register_parameter(entry.path, nn.Parameter(values))
                self.starts[entry.path] = entry.start
            else:
                values = torch.full(entry.shape, entry.value, dtype=dtype)
                self.register_buffer(entry.path, values)


class Branch(nn.Module):
    """A node of the tree of parameters. Its children's names are the user's and may be those of
    methods of nn.Module (a gate called `half`): they are reached by [] and never as attributes.
    """

    def __getitem__(self, name: str) -> nn.Module:
        child = self._modules[name]
        assert child is not None
        return child

    def __contains__(self, name: str) -> bool:
        return name in self._modules

    def plant(self, path: str, module: nn.Module) -> None:
        """Put `module` under a dotted path below this node."""
        name, _, rest = path.partition(".")
        if not rest:
            self._modules[name] = module
            return
        if name not in self:
            self._modules[name] = Branch()
        child = self[name]
        assert isinstance(child, Branch)
        child.plant(rest, module)


def starts(module: nn.Module) -> Iterator[tuple[str, nn.Parameter, Start]]:
    """(full name, parameter, its start) of every parameter of `module`, in its own order."""
    for prefix, part in module.named_modules():
        if isinstance(part, Part):
            for name, start in part.starts.items():
                full = f"{prefix}.{name}" if prefix else name
                yield full, part.get_parameter(name), start
