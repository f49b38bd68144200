"""What seldom differs between the weights and norms of a cell: said once for all, or in braces.

A setting that most of a cell's convolutions (or norms) share is said behind the equations, and
only if it is not the published one; those that have another one say so themselves.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from space.equation.reading import Node
from space.network.grammar import KERNEL_OPS, LAYER_EPSILON, MATCH, OTHER_EPSILON

Settings = Mapping[str, str]
"""How a part is set, by the name of the setting, in words."""

WEIGHTS = (*KERNEL_OPS, "scalar", "position")

_START = "variance_scaling"
PUBLISHED: Settings = {
    "initial": _START,
    "decay": "0.0001",
    "bias": "0",
    "bias decay": "0.0001",
    "scalar initial": "constant 0",
    "scalar decay": "0",
    "position initial": _START,
    "position decay": "0",
    "norm epsilon": "default",
    "norm gain": "1",
    "norm shift": "0",
    "norm momentum": "0.1",
}
"""What is not said."""
_EPSILON = {"layer": LAYER_EPSILON}


def read_settings(node: Node) -> dict[str, str]:
    """The settings of an atom, by the names of PUBLISHED; none of what has no weights."""
    kind = node.label[0]
    if kind in KERNEL_OPS:
        (initial, decay, bias) = node.label[5]
        settings = {"initial": _name_start(initial), "decay": write_exact(decay)}
        if bias is None:
            return settings | {"bias": "none"}
        start = _name_start(bias[0], "constant")
        settings |= {"bias": start, "bias decay": write_exact(bias[1])}
        return settings
    if kind in ("scalar", "position"):
        initial, decay = node.label[5]
        return {f"{kind} initial": _name_start(initial), f"{kind} decay": write_exact(decay)}
    if kind == "norm":
        name, _, _, epsilon, gain, shift, momentum, _ = node.label[1]
        usual = epsilon == _EPSILON.get(name, OTHER_EPSILON)
        settings = {
            "norm epsilon": "default" if usual else write_exact(epsilon),
            "norm gain": write_exact(gain),
            "norm shift": write_exact(shift),
        }
        return settings | ({} if momentum is None else {"norm momentum": write_exact(momentum)})
    return {}


def share_settings(all_settings: Iterable[Settings]) -> dict[str, str]:
    """What most parts of a cell have, setting by setting; of equals the published one."""
    counts: dict[str, Counter[str]] = {}
    for settings in all_settings:
        for name, value in settings.items():
            counts.setdefault(name, Counter())[value] += 1
    return {
        name: max(values, key=lambda value: (values[value], value == PUBLISHED[name], value))
        for name, values in counts.items()
    }


def list_shared(shared: Settings) -> list[str]:
    """What is said behind the equations of a cell: what is shared, and not as published."""
    return [
        f"{name} {shared[name]}"
        for name in PUBLISHED
        if name in shared and shared[name] != PUBLISHED[name]
    ]


def list_own(node: Node, shared: Settings) -> list[str]:
    """What an atom says itself: the settings in which it is not as most."""
    words = []
    for name, value in read_settings(node).items():
        if value == shared[name]:
            continue
        if value == "default":
            value = write_exact(node.label[1][3])
        words.append(f"{name.removeprefix(f'{node.label[0]} ')} {value}")
    return words


def is_match(node: Node) -> bool:
    """Whether an atom is a residual projection as the grammar's `match` writes it."""
    if node.label[0] != "convolution" or node.label[1] != 1 or len(node.reads) != 1:
        return False
    (scheme, scale, parts), decay, bias = node.label[5]
    initial = MATCH.initial
    assert initial is not None
    return bias is None and (scheme, scale, parts, decay) == (
        initial.scheme,
        initial.scale,
        initial.parts,
        MATCH.decay,
    )


def write_exact(value: float) -> str:
    """A number in as few digits as say it exactly."""
    short = f"{value:.12g}"
    return short if float(short) == value else repr(value)


def _name_start(initial: Any, usual: str = "") -> str:
    """`glorot_uniform`, `normal 0.01`, `glorot_uniform of 4`; the value where `usual` is."""
    scheme, scale, parts = initial
    if scheme == usual:
        return write_exact(scale)
    text = str(scheme) if scale == 1 and scheme != "constant" else f"{scheme} {write_exact(scale)}"
    return text if parts == 1 else f"{text} of {parts}"
