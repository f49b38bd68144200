"""Weights of the published reference under their published names -> a state dict of ours.

The reference (TensorFlow) names a variable by node, cell class and role, and joins the kernels of
an LSTM's gates on their output channels; `published_state_dict` cuts and transposes them into the
parameters of a genome whose cells were made by `space/zoo/cells.py`. Layouts: full kernels
[kh,kw,Cin,Cout], depthwise [kh,kw,C,1], pointwise [1,1,Cin,Cout], fully connected [Cin,Cout],
peepholes [H,W,C].

The reciprocal gated cell exists there in two classes whose variables differ in name; both are
read. So are norms of either kind: gamma and beta, and a batch norm's moving averages.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.reference_names import (
    BATCH_NORM,
    DECODER_LAYER,
    JOINED,
    JOINED_INPUT,
    LAST_WORD,
    NORM_PARTS,
    OURS,
    READ_OUT,
    RECIPROCAL,
    SCALARS,
    SINGLE,
)
from space.errors import InputError
from space.genome import Genome
from space.network.architecture import Decoder
from space.network.cell_sizes import CellShape, cell_shape
from space.network.grammar import Cell
from space.network.maps import Map
from space.network.sizes import StageShape, layout
from space.step.terms import Placed, placed_terms

Variables = Mapping[str, NDArray[np.floating]]
StateDict = dict[str, Tensor]


def published_state_dict(genome: Genome, variables: Variables) -> StateDict:
    """The reference's variables of a whole network -> the state dict of `build(genome)`.

    Stages are matched by name (conv1, ...). Tensors keep the variables' float type. Decays of
    nodes without memory must be zero, and are dropped, as are a decoder's variables that are not
    trained. Raises InputError for a variable that the genome has no place for; `load_state_dict`
    refuses a parameter that no variable gives.
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
    rest = {name: value for name, value in variables.items() if name not in read}
    decoded = published_decoder_state_dict(genome.decoder, rest)
    return state | {f"decoder.{key}": value for key, value in decoded.items()}


def published_decoder_state_dict(decoder: Decoder, variables: Variables) -> StateDict:
    """The reference's variables of a decoder -> the state dict of its `DecoderModule`.

    Temperatures and thresholds that the decoder does not train are constants of the genome and
    are dropped. Raises InputError for a variable that the decoder has no place for.
    """
    state: StateDict = {}
    for name, value in variables.items():
        scalar = SCALARS.get(name)
        if scalar is not None:
            form, ours = scalar
            timed = decoder.form == "w_time_avg"
            if decoder.trainable and (form == decoder.form or (form == "" and not timed)):
                state[ours] = _tensor(value)
        elif name == "decoder_alpha" and decoder.form == "w_avg_t":
            state["weights"] = _tensor(value)
        elif (layer := _decoder_layer(decoder, name)) is not None:
            part, last = layer
            kernel = last in ("weights", "kernel")
            state[f"{part}.{'kernel' if kernel else 'bias'}"] = _tensor(value.T)
        else:
            _refuse_rest({name})
    return state


def _decoder_layer(decoder: Decoder, name: str) -> tuple[str, str] | None:
    """(the layer here, weights or biases) of a variable of `mlp` or `conv1d`."""
    match = DECODER_LAYER.match(name)
    if match is None or decoder.form != {"mlp": "mlp", "conv1": "conv1d"}[match[1]]:
        return None
    if decoder.form == "conv1d":
        return ("linear" if match[2] == "fc" else f"window{match[3]}"), match[4]
    last = len(decoder.layers)
    return f"layer{last if match[3] == '_final' else int(match[3]) - 1}", match[4]


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
    for key, value in _whole_kernels(variables).items():
        scope, _, last = key.rpartition("/")
        joined = JOINED_INPUT.match(key)
        if key == "memory_decay" and shape.cell is None:
            _must_be_zero(f"{name}/{key}", value)
        elif joined:
            yield f"join.{joined[1]}.{OURS[joined[2]]}", _full(value)
        elif scope.startswith(("pre_", "post_")):
            part = "convolution" if scope.startswith("pre_") else "second"
            if last == "residual_add_weights" or (
                BATCH_NORM.search(scope)
                and BATCH_NORM.sub("/residual_add_weights", scope) in variables
            ):
                part = "residual"
            if last in NORM_PARTS:
                yield f"{part}.norm.{NORM_PARTS[last]}", _tensor(value)
            else:
                yield f"{part}." + ("bias" if last == "bias" else "kernel"), _full(value)
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


def _whole_kernels(variables: Variables) -> dict[str, NDArray[np.floating]]:
    """A convolution that reads feedback has a kernel for each input: the feedforward input's
    `weights_basenet`, then `weights_0`, ... of the feedback in string order. They are joined.
    """
    joined = dict(variables)
    for key in variables:
        scope, _, last = key.rpartition("/")
        if last == "weights_basenet":
            parts = [key, *(f"{scope}/weights_{i}" for i in range(len(variables)))]
            there = [part for part in parts if part in variables]
            joined[key] = np.concatenate([variables[part] for part in there], axis=2)
            for part in there[1:]:
                del joined[part]
    return joined


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
        elif kind in JOINED:
            yield from _joined(kind, rest, name, value)
        elif kind == "ReciprocalGateCell":
            yield from _reciprocal(cell, placed, rest, name, value)
        else:
            _refuse_rest({name})


def _joined(
    kind: str, rest: str, name: str, value: NDArray[np.floating]
) -> Iterator[tuple[str, Tensor]]:
    scope, _, last = rest.rpartition("/")
    if last in ("weights", "bias") and scope in JOINED[kind]:
        paths = JOINED[kind][scope]
        parts = np.split(value, len(paths), axis=-1)
        for path, part in zip(paths, parts, strict=True):
            yield f"{path}.{OURS[last]}", _full(part)
        return
    single = SINGLE.get(kind, {})
    if rest in single:
        yield single[rest], _tensor(value.transpose(2, 0, 1))
    elif scope in single and last in NORM_PARTS:
        yield f"{single[scope]}.{NORM_PARTS[last]}", _tensor(value)
    else:
        _refuse_rest({name})


def _reciprocal(
    cell: Cell, placed: tuple[Placed, ...], rest: str, name: str, value: NDArray[np.floating]
) -> Iterator[tuple[str, Tensor]]:
    scope, _, last = rest.rpartition("/")
    if last in NORM_PARTS:
        path = _norm_path(cell, placed, scope)
        if path is None:
            _refuse_rest({name})
        else:
            yield f"{path}.norm.{NORM_PARTS[last]}", _tensor(value)
        return
    match = LAST_WORD.match(rest)
    term = _find(placed, match[1]) if match else None
    if match is None or term is None:
        _refuse_rest({name})
        return
    if match[2] == "bias" and not term.term.has_bias and match[1] == "out/input_to_out":
        return  # the shallow model's class makes this bias and never adds it (trap 2)
    read = _depthwise if match[2].startswith("depthwise") else _full
    yield f"{term.path}.{OURS[match[2]]}", read(value)


def _norm_path(cell: Cell, placed: tuple[Placed, ...], scope: str) -> str | None:
    """Where the norm of a variable scope stands: on a state's whole sum, or on one term."""
    half, _, rest = scope.partition("/")
    if rest in ("layer_norm", f"{half}_layer_norm"):
        return f"states.{half}"
    inner = BATCH_NORM.sub("", scope)
    if inner == half:  # of the sum, or of a full input_to_out, which has no scope of its own
        state = cell.states.get(half)
        if state is not None and state.norm is not None and state.norm.kind == "batch":
            return f"states.{half}"
        inner = f"{half}/input_to_{half}"
    term = _find(placed, inner)
    return None if term is None else term.path


def _find(placed: tuple[Placed, ...], scope: str) -> Placed | None:
    """The term that the variables of a scope belong to."""
    wanted = RECIPROCAL.get(scope)
    if wanted is None:
        return None
    # A cell that takes its input as it is need not name it anew.
    sources = ("used", "input") if wanted.source == "used" else (wanted.source,)
    for role in wanted.roles:
        for p in placed:
            reads = p.sources[0].name in sources and p.term.operation != "identity"
            if reads and p.state == wanted.state and p.role == role:
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
