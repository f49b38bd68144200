"""Activations of a network's modules by name and step, recorded by forward hooks."""

from collections.abc import Sequence

from torch import Tensor, nn

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
    modules = dict(network.named_modules())
    recorded: Trace = {}
    handles = []
    try:
        for name in dict.fromkeys(names):
            part, steps = _find(modules, name), recorded.setdefault(name, {})

            def keep(
                module: nn.Module,
                _inputs: object,
                output: Tensor,
                steps: dict[int, Tensor] = steps,
            ) -> None:
                assert isinstance(module, Part)
                assert module.current_step is not None
                steps[module.current_step] = output

            handles.append(part.register_forward_hook(keep))
        network.step_logits(images)
    finally:
        for handle in handles:
            handle.remove()
    for name, steps in recorded.items():
        if not steps:
            cure = "name a module within it, or one that it is within"
            raise InputError(name, "only holds other modules and is never called", cure)
    return recorded


def _find(modules: dict[str, nn.Module], name: str) -> Part:
    parts = {
        key: module
        for key, module in modules.items()
        if isinstance(module, Part) and key != "decoder"
    }
    if name not in parts:
        raise InputError(f"names: {name}", "is not called at steps", suggestion(name, [*parts]))
    return parts[name]
