"""Activations of a network's modules by name and step, recorded by forward hooks."""

from collections.abc import Sequence

from torch import Tensor

from models.build import Network, Trace
from models.parameters import Part
from space.documents.validation import suggestion
from space.errors import InputError


def record_activations(network: Network, images: Tensor, names: Sequence[str]) -> Trace:
    """What modules put out, by their names and the step (0-based), [B,...] each.

    `names` are those of `network.named_modules()`: `stages.conv3` (the trace's `conv3`),
    `stages.conv3.convolution` (`conv3.input`), `stages.conv3.cell.states.out` (`conv3.out`), any
    gate or term within a cell, `head`. `images` [B,C,S,S] are normalised already. Raises
    InputError for a name that no module has, or whose module only holds others.
    """
    if isinstance(names, str):
        raise InputError("names", f'"{names}" is one name', f'give a list: ["{names}"]')
    parts = {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, Part) and name != "decoder"
    }
    recorded: Trace = {}
    handles = []
    try:
        for name in dict.fromkeys(names):
            if name not in parts:
                problem = "is not called at steps"
                raise InputError(f"names: {name}", problem, suggestion(name, [*parts]))
            steps = recorded.setdefault(name, {})

            def keep(
                _part: object, _inputs: object, output: Tensor, steps: dict[int, Tensor] = steps
            ) -> None:
                assert network.current_step is not None
                steps[network.current_step] = output

            handles.append(parts[name].register_forward_hook(keep))
        network.step_logits(images)
    finally:
        for handle in handles:
            handle.remove()
    for name, steps in recorded.items():
        if not steps:
            cure = "name a module within it, or one that it is within"
            raise InputError(name, "only holds other modules and is never called", cure)
    return recorded
