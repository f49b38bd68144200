"""Weights of the published reference under their published names -> a state dict of ours.

The reference (TensorFlow) names a variable by node, cell class and role, and joins the kernels of
an LSTM's gates on their output channels; `published_state_dict` cuts and transposes them into the
parameters of a genome whose cells were made by `space/published.py`. Layouts: full kernels
[kh,kw,Cin,Cout], depthwise [kh,kw,C,1], pointwise [1,1,Cin,Cout], fully connected [Cin,Cout],
peepholes [H,W,C].

The reciprocal gated cell exists there in two classes whose variables differ in name; both are
read.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.terms import Placed, placed_terms
from space.errors import InputError
from space.genome import Genome
from space.geometry import CellShape, Map, StageShape, cell_shape, layout
from space.grammar import Cell

Variables = Mapping[str, NDArray[np.floating]]
StateDict = dict[str, Tensor]

READ_OUT = "imnetds"  # the read-out's node in the reference

# Joined kernels: for each variable scope of a class, the terms that its equal parts belong to.
_JOINED: dict[str, dict[str, tuple[str, ...]]] = {
    "ConvLSTMCell": {
        "": (
            "states.cell.drive.1.terms.0",  # i
            "states.cell.drive.0",  # j
            "states.cell.carry.terms.0",  # f
            "states.hidden.drive.1.terms.0",  # o
        )
    },
    "ConvGRUCell": {
        "gates": ("gates.reset.terms.0", "gates.update.terms.0"),
        "candidates": ("states.hidden.drive.0",),
    },
    "ConvUGRNNCell": {"": ("gates.update.terms.0", "states.hidden.drive.0")},
    "ConvIntersectionRNNCell": {
        "": (
            "gates.through_time.terms.0",
            "states.hidden.drive.0",
            "gates.through_depth.terms.0",
            "states.out.drive.0",
        )
    },
    "ConvNormBasicCell": {"s": ("states.hidden.drive.0",), "i": ("states.hidden.drive.1",)},
}

# Single tensors of those classes.
_SINGLE: dict[str, dict[str, str]] = {
    "ConvLSTMCell": {
        "peepholes/w_i_diag": "states.cell.drive.1.terms.1.position",
        "peepholes/w_f_diag": "states.cell.carry.terms.1.position",
        "peepholes/w_o_diag": "states.hidden.drive.1.terms.1.position",
        "input": "states.cell.drive.1.norm",
        "transform": "states.cell.drive.norm",
        "forget": "states.cell.carry.norm",
        "output": "states.hidden.drive.1.norm",
        "state": "states.cell.norm",
    },
    "ConvNormBasicCell": {"layer_norm": "states.hidden.norm"},
}

_NORM_PARTS = {"gamma": "gain", "beta": "shift"}


@dataclass(frozen=True, kw_only=True)
class _Role:
    """Where a variable scope of the reciprocal gated cell stands: the term that acts on `state`
    in one of `roles` and reads `source`.
    """

    state: str
    roles: tuple[str, ...]
    source: str


def _reciprocal_roles() -> dict[str, _Role]:
    roles: dict[str, _Role] = {}
    for half, other in (("cell", "out"), ("out", "cell")):
        retained = _Role(state=half, roles=("carry",), source=half)
        crossing = _Role(state=half, roles=("multiply", "add"), source=other)
        fed = _Role(state=half, roles=("add",), source="feedback")
        roles |= {
            f"{half}/tau": retained,
            f"{half}/{half}_to_{half}": retained,
            f"{half}/gate": crossing,
            f"{half}/{other}_to_{half}": crossing,
            f"{half}/feedback": fed,
            f"{half}/feedback_to_{half}": fed,
            f"{half}/residual_add": _Role(state=half, roles=("add",), source="residual"),
        }
        for word, source in (("input", "used"), ("residual", "residual")):
            roles[f"{half}/{word}_to_{half}"] = _Role(state=half, roles=("add",), source=source)
            for kind, role in (("tau", "carry"), ("gate", "multiply")):
                roles[f"{half}/{word}_to_{half}_{kind}"] = _Role(
                    state=half, roles=(role,), source=source
                )
    used = _Role(state="used", roles=("add",), source="feedback")
    return (
        roles
        | dict.fromkeys(("feedback", "input/feedback", "feedback_to_input"), used)
        | {"input/feedback_to_input": used}
    )


_RECIPROCAL = _reciprocal_roles()
_LAST = re.compile(r"^(.*?)[/_]?(weights|bias|depthwise_weights|pointwise_weights)$")
_OURS = {
    "weights": "kernel",
    "bias": "bias",
    "depthwise_weights": "depthwise",
    "pointwise_weights": "pointwise",
}


def published_state_dict(genome: Genome, variables: Variables) -> StateDict:
    """The reference's variables of a whole network -> the state dict of `build(genome)`.

    Stages are matched by name (conv1, ...). Tensors keep the variables' float type. Decays of
    nodes without memory must be zero, and are dropped. Raises InputError for a variable that the
    genome has no place for; `load_state_dict` refuses a parameter that no variable gives.
    """
    state: StateDict = {}
    read: set[str] = set()
    for shape in layout(genome).stages:
        name = shape.stage.name
        mine = _below(f"{name}/", variables)
        read |= {f"{name}/{key}" for key in mine}
        state |= {f"stages.{name}.{key}": value for key, value in _stage(shape, genome, mine)}
    for key, value in _below(f"{READ_OUT}/", variables).items():
        read.add(f"{READ_OUT}/{key}")
        if key == "memory_decay":
            _must_be_zero(f"{READ_OUT}/{key}", value)
        elif key.endswith("bias"):
            state["head.bias"] = _tensor(value)
        else:
            state["head.kernel"] = _head(value)
    _refuse_rest(set(variables) - read)
    return state


def published_cell_state_dict(
    cell: Cell, sources: Mapping[str, Map], variables: Variables
) -> StateDict:
    """The reference's variables of one cell -> the state dict of `CellModule(cell, sources)`.

    Names begin with the cell's class (`ConvLSTMCell/weights`) or are `memory_decay`. Raises
    InputError for a variable that the cell has no place for.
    """
    return dict(_cell(cell, cell_shape(cell, sources), sources, variables))


def _below(prefix: str, variables: Variables) -> dict[str, NDArray[np.floating]]:
    return {k.removeprefix(prefix): v for k, v in variables.items() if k.startswith(prefix)}


def _stage(
    shape: StageShape, genome: Genome, variables: Variables
) -> Iterator[tuple[str, Tensor]]:
    inside: dict[str, NDArray[np.floating]] = {}
    name = shape.stage.name
    for key, value in variables.items():
        node, _, last = key.partition("/")
        if key == "memory_decay" and shape.cell is None:
            _must_be_zero(f"{name}/{key}", value)
        elif node.startswith("pre_"):
            yield "convolution." + ("bias" if last == "bias" else "kernel"), _full(value)
        elif last == "residual_add_weights" and node.startswith("post_"):
            yield "residual.kernel", _full(value)
        elif node.startswith("post_"):
            yield "second." + ("bias" if last == "bias" else "kernel"), _full(value)
        else:
            inside[key] = value
    if not inside:
        return
    if shape.cell is None or shape.stage.cell is None:
        _refuse_rest({f"{name}/{key}" for key in inside})
        return
    sources = {"input": shape.convolution, "residual": shape.input}
    if shape.feedback is not None:
        sources["feedback"] = shape.feedback
    cell = genome.cells[shape.stage.cell]
    for key, tensor in _cell(cell, shape.cell, sources, inside):
        yield f"cell.{key}", tensor


def _cell(
    cell: Cell, shape: CellShape, sources: Mapping[str, Map], variables: Variables
) -> Iterator[tuple[str, Tensor]]:
    placed = placed_terms(cell, shape, sources)
    for name, value in variables.items():
        kind, _, rest = name.partition("/")
        if name == "memory_decay":
            path = next((p.path for p in placed if p.term.operation == "scalar"), None)
            if path is None:
                _must_be_zero(name, value)
            else:
                yield f"{path}.scalar", _tensor(value)
        elif kind in _JOINED:
            yield from _joined(kind, rest, name, value)
        elif kind == "ReciprocalGateCell":
            yield from _reciprocal(placed, rest, name, value)
        else:
            _refuse_rest({name})


def _joined(
    kind: str, rest: str, name: str, value: NDArray[np.floating]
) -> Iterator[tuple[str, Tensor]]:
    scope, _, last = rest.rpartition("/")
    if last in ("weights", "bias") and scope in _JOINED[kind]:
        paths = _JOINED[kind][scope]
        parts = np.split(value, len(paths), axis=-1)
        for path, part in zip(paths, parts, strict=True):
            yield f"{path}.{_OURS[last]}", _full(part)
        return
    single = _SINGLE.get(kind, {})
    if rest in single:
        yield single[rest], _tensor(value.transpose(2, 0, 1))
    elif scope in single and last in _NORM_PARTS:
        yield f"{single[scope]}.{_NORM_PARTS[last]}", _tensor(value)
    else:
        _refuse_rest({name})


def _reciprocal(
    placed: tuple[Placed, ...], rest: str, name: str, value: NDArray[np.floating]
) -> Iterator[tuple[str, Tensor]]:
    half, _, _ = rest.partition("/")
    if rest.startswith(f"{half}/layer_norm/"):
        yield f"states.{half}.norm.{_NORM_PARTS[rest.rpartition('/')[2]]}", _tensor(value)
        return
    match = _LAST.match(rest)
    role = _RECIPROCAL.get(match[1]) if match else None
    if match is None or role is None:
        _refuse_rest({name})
        return
    term = _find(placed, role)
    if term is None:
        _refuse_rest({name})
        return
    if match[2] == "bias" and not term.term.has_bias and match[1] == "out/input_to_out":
        return  # the shallow model's class makes this bias and never adds it (trap 2)
    read = _depthwise if match[2] == "depthwise_weights" else _full
    yield f"{term.path}.{_OURS[match[2]]}", read(value)


def _find(placed: tuple[Placed, ...], role: _Role) -> Placed | None:
    for wanted in role.roles:
        for p in placed:
            if p.state == role.state and p.role == wanted and p.sources[0].name == role.source:
                return p
    return None


def _tensor(value: NDArray[np.floating]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(value).copy())


def _full(value: NDArray[np.floating]) -> Tensor:
    """[kh,kw,I,O] -> [O,I,kh,kw]; a vector stays as it is."""
    return _tensor(value.transpose(3, 2, 0, 1) if value.ndim == 4 else value)


def _depthwise(value: NDArray[np.floating]) -> Tensor:
    """[kh,kw,C,1] -> [C,1,kh,kw]."""
    return _tensor(value.transpose(2, 3, 0, 1))


def _head(value: NDArray[np.floating]) -> Tensor:
    """[kh,kw,I,N] -> [N,I,kh,kw]; [I,N] -> [N,I]."""
    return _tensor(value.T) if value.ndim == 2 else _full(value)


def _must_be_zero(name: str, value: NDArray[np.floating]) -> None:
    if np.any(value != 0):
        raise InputError(name, "a decay where the genome has no memory", "give the stage a cell")


def _refuse_rest(names: set[str]) -> None:
    if names:
        first = sorted(names)[0]
        raise InputError(first, "the genome has no place for this variable", "check the genome")
