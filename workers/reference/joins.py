"""Joins of inputs: concatenated, summed or multiplied on one map."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models import arithmetic
from models.literal import JoinModule
from space.documents.validation import quote, suggestion
from space.errors import InputError
from space.network.maps import Map
from space.network.sizes import Arrival
from workers.reference.comparison import (
    Errors,
    error,
    load_checked,
    node_depth,
    square_map,
    to_numpy,
    to_torch,
)
from workers.reference.entries import (
    JoinEntry,
)
from workers.reference.files import (
    Arrays,
)


def replay_join(entry: JoinEntry, arrays: Arrays, dtype: torch.dtype) -> Errors:
    """Error of the joined inputs: resized to the feedforward input's map, then concatenated,
    summed or multiplied.

    The feedforward input is the one that the entry names (`feedforward`), else the shallowest;
    the others follow in string order of their names. Weights of the 1x1 convolutions are
    `w/.../conv_to_conv_harbor_for_NAME/weights` and `bias`.
    """
    inputs = {k.removeprefix("in/"): v for k, v in arrays.items() if k.startswith("in/")}
    options = entry.given
    first = entry.feedforward or options.get("feedforward", min(inputs, key=node_depth))
    if first not in inputs:
        raise InputError(
            "feedforward", f"{quote(first)} is not an input", suggestion(first, inputs)
        )
    order = [first, *sorted(set(inputs) - {first})]
    maps = {name: square_map(inputs[name].shape, name) for name in order}
    size, out = maps[first].size, arrays["out"]
    square_map(out.shape, "out")
    on_map = [
        arithmetic.resize(to_torch(inputs[name], dtype), size, _resize(options)) for name in order
    ]
    kind = _join_kind(entry, sum(m.channels for m in maps.values()), out.shape[-1])
    if kind == "concat":
        joined = torch.cat(on_map, 1)
    else:
        channels = out.shape[-1]
        arrivals = [
            Arrival(name=name, map=maps[name], projects=maps[name].channels != channels)
            for name in order
        ]
        outs = Map(size=size, channels=channels)
        module = load_checked(
            lambda: JoinModule(kind, arrivals, outs, dtype), _join_weights(arrivals, arrays)
        )
        with torch.no_grad():
            joined = module.step(on_map)
    return {"out": error(to_numpy(joined), out)}


def _resize(options: Mapping[str, Any]) -> str:
    return "half_pixel" if options.get("resize") == "half_pixel" else "corners"


def _join_kind(entry: JoinEntry, total: int, out: int) -> Any:
    """concat, add or multiply: as the entry says, else by its name and the channels put out."""
    texts = [entry.channel_op, entry.given.get("channel_op"), entry.kind, entry.file]
    for text in texts:
        for kind in ("concat", "multiply", "add"):
            if isinstance(text, str) and kind in Path(text).stem:
                return kind
    return "concat" if total == out else "add"


def _join_weights(arrivals: list[Arrival], arrays: Arrays) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    for arrival in arrivals:
        for theirs, ours in (("weights", "kernel"), ("bias", "bias")):
            pattern = re.compile(rf"^w/(.*[_/])?{re.escape(arrival.name)}/{theirs}$")
            for name, value in arrays.items():
                if pattern.match(name) and arrival.projects:
                    moved = value.transpose(3, 2, 0, 1) if value.ndim == 4 else value
                    tensor = torch.from_numpy(np.ascontiguousarray(moved).copy())
                    state[f"{arrival.name}.{ours}"] = tensor
    return state
