"""Replays a folder of published results and measures how far ours are from them.

A folder holds an `index.json` and the arrays it names: recurrent cells with their inputs, weights
and the values of every step; joins of inputs; decoders; whole networks of the zoo, whose weights
and images are given by a formula (`generate_variable`). `replay` computes each entry in float64
and in float32; the reference's values are those of its float64 run.

This module reads such folders and nothing else. The meaning of a cell's options is in
`space/zoo/cells.py`, the places of variables in `models/reference_weights.py`.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from space.errors import InputError
from workers.reference.cells import replay_cell
from workers.reference.comparison import (
    Errors,
)
from workers.reference.decoders import replay_decoder
from workers.reference.entries import (
    CellEntry,
    DecoderEntry,
    JoinEntry,
    NetworkEntry,
    read_entry,
)
from workers.reference.files import (
    Arrays,
    entries,
    read_arrays,
    read_json,
)
from workers.reference.joins import replay_join
from workers.reference.networks import replay_network

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4}


@dataclass(frozen=True, kw_only=True)
class Verified:
    """One entry, replayed: its largest error by float type, and the array where that is.

    Errors are relative to the largest value of the tensor. `problem` says why an entry could not
    be replayed at all; its errors are infinite then.
    """

    name: str
    kind: str  # cell, join, decoder, network
    float64: float
    float32: float
    array: str = ""
    problem: str = ""

    @property
    def passed(self) -> bool:
        """Whether both errors are within the tolerance. NaN is not."""
        within64 = self.float64 <= TOLERANCE[torch.float64]
        return within64 and self.float32 <= TOLERANCE[torch.float32]


def verify(folder: str | Path) -> list[Verified]:
    """Every entry of a folder. Raises InputError if it is not such a folder."""
    return list(replay(folder))


def replay(folder: str | Path) -> Iterator[Verified]:
    """Every entry of a folder, one after the other, in the order of its index.

    All files are looked for before the first is replayed. Raises InputError for a folder without
    an index, for a file that the index names and that is not there, for an entry of another form,
    and for a file that lacks what its kind needs.
    """
    root = Path(folder)
    for kind, name, entry in entries(root):
        arrays = read_arrays(root / entry["file"])
        facts = entry
        if kind == "network":
            facts = entry | read_json(root / entry["variables_file"])
        yield verify_entry(kind, name, facts, arrays, str(root / entry["file"]))


def verify_entry(
    kind: str, name: str, entry: Mapping[str, Any], arrays: Arrays, where: str = ""
) -> Verified:
    """One entry replayed in both float types. Raises InputError for one that lacks a part."""
    missing = _missing(kind, arrays)
    if missing:
        raise InputError(where or name, f"lacks {missing}", "give a file of the same layout")
    form, replayed = _REPLAYED[kind]
    typed = read_entry(form, entry, where or name)
    worst: dict[torch.dtype, tuple[float, str]] = {}
    try:
        for dtype in TOLERANCE:
            worst[dtype] = _worst(replayed(typed, arrays, dtype))
    except (ValueError, RuntimeError) as error:  # what NumPy and PyTorch raise of other shapes
        problem = str(error).strip().splitlines()[0]
        return Verified(name=name, kind=kind, float64=math.inf, float32=math.inf, problem=problem)
    of64, of32 = worst[torch.float64], worst[torch.float32]
    failed = of32 if of64[0] <= TOLERANCE[torch.float64] else of64
    return Verified(name=name, kind=kind, float64=of64[0], float32=of32[0], array=failed[1])


def _worst(errors: Errors) -> tuple[float, str]:
    """The largest error and its array; NaN counts as infinite."""
    if not errors:
        raise InputError("", "holds no array to compare with")
    name = max(errors, key=lambda key: math.inf if math.isnan(errors[key]) else errors[key])
    return (math.inf if math.isnan(errors[name]) else errors[name]), name


_AXES = {"cell": 5, "join": 4, "decoder": 3}  # of inputs and outputs, of logits


def _missing(kind: str, arrays: Arrays) -> str:
    """What the arrays of an entry lack, in words; nothing if they are complete."""
    needed = {"cell": ("out",), "join": ("out",), "decoder": ("in/logits",), "network": ()}
    lacking = [f"the array {key}" for key in needed[kind] if key not in arrays]
    if kind == "network" and not any(k == "logits" or "/" in k for k in arrays):
        lacking.append("the array logits")
    if kind == "join" and not any(key.startswith("in/") for key in arrays):
        lacking.append("inputs")
    for key, value in arrays.items():
        read = key.startswith("in/") or (key == "out" and kind in ("cell", "join"))
        if read and value.ndim != _AXES.get(kind, value.ndim):
            lacking.append(f"an array {key} of {_AXES[kind]} axes")
        if (read or key.startswith("w/")) and value.dtype.kind != "f":
            lacking.append(f"an array {key} of floats")
        if not value.size:
            lacking.append(f"values in {key}")
    return ", ".join(lacking)


_REPLAYED: dict[str, tuple[type[Any], Callable[[Any, Arrays, torch.dtype], Errors]]] = {
    "cell": (CellEntry, replay_cell),
    "join": (JoinEntry, replay_join),
    "decoder": (DecoderEntry, replay_decoder),
    "network": (NetworkEntry, replay_network),
}
