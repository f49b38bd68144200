"""Recurrent cells: the values of every step, from stored inputs and weights."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError

from models.literal import CellModule
from models.reference_weights import (
    published_cell_state_dict,
)
from space.documents.bounds import STEPS
from space.errors import InputError
from space.network.grammar import Cell
from space.zoo.reference_cells import from_options
from workers.arrays import Array
from workers.reference.comparison import (
    Errors,
    error,
    load_checked,
    square_map,
    to_numpy,
    to_torch,
)
from workers.reference.entries import (
    NUMBERS,
    CellEntry,
    read_entry,
)
from workers.reference.files import (
    Arrays,
    generate_variable,
    noise,
)

_SOURCES = {"x": "input", "res": "residual", "fb": "feedback"}


def replay_cell(entry: CellEntry, arrays: Arrays, dtype: torch.dtype) -> Errors:
    """Errors of the outputs and states of one cell, over all of its steps."""
    inputs = {
        word: array
        for key, word in _SOURCES.items()
        if (array := _cell_input(entry, arrays, key)) is not None
    }
    _check_inputs(inputs, arrays["out"])
    sources = {word: square_map(value.shape[2:], word) for word, value in inputs.items()}
    cell = published_cell(entry, residual="residual" in inputs)
    state = published_cell_state_dict(cell, sources, _cell_weights(entry, arrays))
    module = load_checked(lambda: CellModule(cell, sources, dtype=dtype), state)
    module.train(bool(entry.given.get("is_training", False)))
    outputs, kept = _cell_steps(module, cell, inputs, dtype)
    ours = {"out": outputs, "state": kept}
    return {name: error(ours[name], arrays[name]) for name in ours if name in arrays}


def _check_inputs(inputs: Mapping[str, Array], out: Array) -> None:
    if "input" not in inputs:
        raise InputError("in/x", "is missing", "store it, or write in_channels")
    for word, value in inputs.items():
        if value.shape[:2] != out.shape[:2] or len(value) > STEPS:
            problem = f"steps and batch {value.shape[:2]}, the outputs' are {out.shape[:2]}"
            raise InputError(word, problem, f"give up to {STEPS} steps")


def published_cell(entry: CellEntry | Mapping[str, Any], *, residual: bool) -> Cell:
    """The cell of an index's entry: its options, and depths where those do not say them."""
    entry = read_entry(CellEntry, entry)
    options = dict(entry.given)
    channels = {"out_depth": entry.out_channels, "cell_depth": entry.cell_channels}
    for option, fact in channels.items():
        if option not in options and fact is not None:
            options[option] = fact
    try:
        cell = from_options(entry.cell, options, residual=residual)
    except ValidationError as caught:
        problem = caught.errors(include_url=False)[0]
        raise InputError("options", f"make no cell ({problem['loc']}: {problem['msg']})") from None
    # The reference takes full kernels that exceed the map, and does not cut them.
    whole = cell.model_copy(update={"clip_kernels": "separable"})
    return cell if cell.clip_kernels else whole


def stored_states(cell: Cell) -> tuple[str, ...]:
    """What the reference keeps as a cell's state, in its order: [cell, out], [c, h], or one."""
    if "cell" in cell.states:
        return ("cell", "hidden" if "hidden" in cell.states else "out")
    return ("hidden",) if "hidden" in cell.states else (cell.output,)


def _cell_input(entry: CellEntry, arrays: Arrays, key: str) -> Array | None:
    """An input [T,B,H,W,C], stored or by the formula; None where the cell gets none."""
    stored = arrays.get(f"in/{key}")
    channels = {
        "x": entry.in_channels,
        "res": entry.residual_channels,
        "fb": entry.feedback_channels,
    }[key]
    if stored is not None or channels is None:
        return stored
    shape = (*arrays["out"].shape[:4], channels)
    if math.prod(shape) > NUMBERS:
        raise InputError(f"in/{key}", f"{list(shape)} is larger than {NUMBERS:,} numbers")
    value: Array = (1.5 * noise(entry.seed, f"input/{key}", shape)).astype(np.float32)
    return value


def _cell_weights(entry: CellEntry, arrays: Arrays) -> dict[str, Array]:
    weights = {k.removeprefix("w/"): v for k, v in arrays.items() if k.startswith("w/")}
    for weight in entry.weights:
        if weight.name not in weights:
            weights[weight.name] = generate_variable(
                entry.seed, weight.name, weight.shape, entry.gain
            )
    return weights


def _cell_steps(
    module: CellModule, cell: Cell, inputs: Mapping[str, Array], dtype: torch.dtype
) -> tuple[Array, Array]:
    """Outputs and kept states of every step, [T,B,H,W,C] each."""
    outputs, kept = [], []
    states = None
    for t in range(len(inputs["input"])):
        now = {word: to_torch(value[t], dtype) for word, value in inputs.items()}
        states = module.zero_states(now["input"]) if states is None else states
        with torch.no_grad():
            states = module.step(now, states)
        outputs.append(to_numpy(states[cell.output]))
        kept.append(to_numpy(torch.cat([states[name] for name in stored_states(cell)], 1)))
    return np.stack(outputs), np.stack(kept)
