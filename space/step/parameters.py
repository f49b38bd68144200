"""Every tensor of a network by its path: shape, first value, L2 coefficient, and the buffers.

`parameters(genome)` is the table that networks are built from, that the cost counts, and that a
file of weights has to fit. A path is the tensor's name in a state dict:
`stages.conv4.cell.states.out.drive.0.kernel`, `head.bias`, `decoder.beta`.

Shapes: kernel [O,I,k,k] and bias [O]; depthwise and depthwise_first [C,1,k,k], pointwise
[O,C,1,1]; position [C,H,W]; scalar [1]; gain, shift, running_mean, running_variance [C]. The
head's kernel is [N,C] (`flatten_linear`: [N,H*W*C], columns in the order of height, width,
channel; `convolution_mean`: [N,C,k,k]). What is decayed, and what is not, is as published (trap
9): kernels and biases are, gains, shifts, learned scalars, weights by position and residual
projections are not, unless their term says so.
"""

import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from space.network.architecture import Architecture, Convolution, Decoder
from space.network.cell_sizes import CellShape
from space.network.grammar import JOIN, MATCH, PUBLISHED_WEIGHTS, Cell, Initial, Norm, Weights
from space.network.sizes import Arrival, HeadShape, StageShape, layout
from space.step.terms import Placed, own_gates, placed_terms

UNIT = Initial(scheme="uniform", scale=1.0)  # of a decoder's scalars and weights, as published
DECAY = 1e-4  # of a decoder's kernels and biases, as published


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """How one tensor starts. `decay` is the coefficient of sum(w^2)/2 in the loss."""

    initial: Initial
    fan_in: int = 1
    fan_out: int = 1
    decay: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Trainable:
    """A tensor that is trained."""

    path: str
    shape: tuple[int, ...]
    start: Start

    @property
    def numbers(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)


@dataclass(frozen=True, kw_only=True, slots=True)
class Buffer:
    """A tensor that is not trained but saved: a running statistic, which starts at `value`."""

    path: str
    shape: tuple[int, ...]
    value: float


Entry = Trainable | Buffer


@dataclass(frozen=True)
class Table:
    """The tensors of a network, or of a part of one with paths within it."""

    entries: tuple[Entry, ...] = ()

    @property
    def parameters(self) -> tuple[Trainable, ...]:
        """The entries that are trained; the others are buffers."""
        return tuple(entry for entry in self.entries if isinstance(entry, Trainable))

    @property
    def numbers(self) -> int:
        """How many trainable numbers there are."""
        return sum(parameter.numbers for parameter in self.parameters)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every tensor, by its path: those of a state dict."""
        return {entry.path: entry.shape for entry in self.entries}

    def under(self, path: str) -> "Table":
        """The tensors below `path`, with paths from there on; none if there is no such part."""
        table = self
        for name in path.split("."):
            table = table.parts.get(name, Table())
        return table

    @cached_property
    def own(self) -> tuple[Entry, ...]:
        """The tensors of the part itself, not of parts within it."""
        return tuple(entry for entry in self.entries if "." not in entry.path)

    @cached_property
    def parts(self) -> dict[str, "Table"]:
        """The parts within it by name, in the order of their first tensors."""
        parts: dict[str, list[Entry]] = {}
        for entry in self.entries:
            name, _, rest = entry.path.partition(".")
            if rest:
                parts.setdefault(name, []).append(replace(entry, path=rest))
        return {name: Table(tuple(entries)) for name, entries in parts.items()}


def parameters(architecture: Architecture) -> Table:
    """Every tensor of a network: stage by stage, then the head, then the decoder."""
    sizes, entries = layout(architecture), list[Entry]()
    for shape in sizes.stages:
        entries += _stage(f"stages.{shape.stage.name}.", architecture, shape)
    entries += _head("head.", architecture, sizes.head)
    steps, classes = len(architecture.window), architecture.classes
    entries += _decoder("decoder.", architecture.decoder, steps, classes)
    return Table(tuple(entries))


def cell_parameters(
    cell: Cell,
    shape: CellShape,
    sources: Collection[str],
    weights: Weights = PUBLISHED_WEIGHTS,
) -> Table:
    """The tensors of one cell. `sources` are the external sources that are there, `weights` what
    stands where cell and term say nothing.
    """
    return Table(tuple(_cell("", cell, shape, sources, cell.weights.over(weights))))


def stage_parameters(architecture: Architecture, shape: StageShape) -> Table:
    """The tensors of one stage, with paths within it."""
    return Table(tuple(_stage("", architecture, shape)))


def head_parameters(architecture: Architecture) -> Table:
    """The tensors of the head."""
    return Table(tuple(_head("", architecture, layout(architecture).head)))


def join_parameters(arrivals: Iterable[Arrival], channels: int) -> Table:
    """The tensors that bring the inputs of a sum or product to so many channels, each under its
    sender's name.
    """
    return Table(tuple(_join("", arrivals, channels)))


def decoder_parameters(decoder: Decoder, steps: int, classes: int) -> Table:
    """The tensors of a decoder that reads the logits of `classes` classes at `steps` steps."""
    return Table(tuple(_decoder("", decoder, steps, classes)))


# Each of these begins its paths with `at`, which is empty or ends with a dot.


# The parts of a stage


def _stage(at: str, architecture: Architecture, shape: StageShape) -> Iterator[Entry]:
    stage, width, base = shape.stage, shape.input.channels, architecture.base_weights
    yield from _join(f"{at}join.", shape.arrivals, width)
    yield from _convolution(f"{at}convolution.", stage.convolution, shape.reads.channels, base)
    current = shape.convolution
    if stage.cell is not None and shape.cell is not None:
        cell = architecture.cells[stage.cell]
        sources = ("input", "residual", *(() if shape.feedback is None else ("feedback",)))
        yield from _cell(f"{at}cell.", cell, shape.cell, sources, cell.weights.over(base))
        current = shape.cell.output
    if stage.second is not None and shape.second is not None:
        yield from _convolution(f"{at}second.", stage.second, current.channels, base)
        current = shape.second
    if shape.projects and stage.shortcut is not None:
        sides = (current.channels, width, 1, 1)
        yield _kernel(f"{at}residual.kernel", sides, MATCH)
        yield from _norm(f"{at}residual.", stage.shortcut.norm, current.channels)


def _join(at: str, arrivals: Iterable[Arrival], channels: int) -> Iterator[Entry]:
    for arrival in arrivals:
        if arrival.projects:
            path, sides = f"{at}{arrival.name}.", (channels, arrival.map.channels, 1, 1)
            yield _kernel(f"{path}kernel", sides, JOIN)
            yield _bias(path, channels, JOIN)


def _convolution(at: str, part: Convolution, channels: int, base: Weights) -> Iterator[Entry]:
    weights = part.weights.over(base)
    yield _kernel(f"{at}kernel", (part.width, channels, part.kernel, part.kernel), weights)
    if part.bias:
        yield _bias(at, part.width, weights)
    yield from _norm(at, part.norm, part.width)


def _norm(at: str, norm: Norm | None, channels: int) -> Iterator[Entry]:
    if norm is None:
        return
    shape = (channels,)
    yield Trainable(path=f"{at}norm.gain", shape=shape, start=_constant(norm.gain))
    yield Trainable(path=f"{at}norm.shift", shape=shape, start=_constant(norm.shift))
    if norm.kind == "batch":
        yield Buffer(path=f"{at}norm.running_mean", shape=shape, value=0.0)
        yield Buffer(path=f"{at}norm.running_variance", shape=shape, value=1.0)


# The parts of a cell


def _cell(
    at: str, cell: Cell, shape: CellShape, sources: Collection[str], weights: Weights
) -> Iterator[Entry]:
    for placed in placed_terms(cell, shape, sources):
        yield from _term(f"{at}{placed.path}.", placed, weights)
    for name, state in cell.states.items():
        depth = shape.depths[name]
        yield from _norm(f"{at}states.{name}.drive.", state.drive.norm, depth)
        yield from _norm(f"{at}states.{name}.", state.norm, depth)
        for key, path, _, gate in own_gates(name, state):
            yield from _norm(f"{at}{path}.", gate.norm, shape.gate_depths[key])
    for name, gate in cell.gates.items():
        if name in shape.gates:
            yield from _norm(f"{at}gates.{name}.", gate.norm, shape.gate_depths[name])


def _term(at: str, placed: Placed, weights: Weights) -> Iterator[Entry]:
    term, shape = placed.term, placed.shape
    ins, outs, side = shape.reads.channels, shape.writes.channels, shape.kernel
    own, resolved = term.weights, term.weights.over(weights)
    match term.operation:
        case "separable":
            yield _depthwise(f"{at}depthwise", ins, side, resolved)
            if term.repeat:
                yield _depthwise(f"{at}depthwise_first", ins, side, resolved)
            yield _kernel(f"{at}pointwise", (outs, ins, 1, 1), resolved)
        case "convolution":
            yield _kernel(f"{at}kernel", (outs, ins, side, side), resolved)
        case "match" if shape.projects:
            yield _kernel(f"{at}kernel", (outs, ins, 1, 1), own.over(MATCH))
        case "scalar":
            start = Start(initial=own.initial or _constant(0.0).initial, decay=own.decay or 0.0)
            yield Trainable(path=f"{at}scalar", shape=(1,), start=start)
        case "position":
            size = shape.writes.size
            start = Start(
                initial=own.initial or resolved.initial or Initial(),
                fan_in=size * size,
                fan_out=size * outs,
                decay=own.decay or 0.0,
            )
            yield Trainable(path=f"{at}position", shape=(outs, size, size), start=start)
    if term.has_bias:
        yield _bias(at, outs, resolved)
    yield from _norm(at, shape.norm, outs)


# The read-out


def _head(at: str, architecture: Architecture, shape: HeadShape) -> Iterator[Entry]:
    head, classes = architecture.head, architecture.classes
    weights = head.weights.over(architecture.base_weights)
    whole = head.form == "convolution_mean"
    side = head.kernel if whole else 1
    start = Start(
        initial=weights.initial or Initial(),
        fan_in=shape.inputs,
        fan_out=classes * side * side,
        decay=weights.decay or 0.0,
    )
    inputs = (shape.reads.channels, side, side) if whole else (shape.inputs,)
    yield Trainable(path=f"{at}kernel", shape=(classes, *inputs), start=start)
    yield _bias(at, classes, weights)


def _decoder(at: str, decoder: Decoder, steps: int, classes: int) -> Iterator[Entry]:
    if decoder.trainable:
        second = {"thresh": ("threshold",), "w_time_avg": ("time_beta",)}
        for name in ("beta", *second.get(decoder.form, ())):
            yield Trainable(path=f"{at}{name}", shape=(1,), start=Start(initial=UNIT))
    match decoder.form:
        case "w_avg_t":
            yield Trainable(path=f"{at}weights", shape=(steps, classes), start=Start(initial=UNIT))
        case "mlp":
            sides = (steps * classes, *decoder.layers, classes)
            for i, (ins, outs) in enumerate(pairwise(sides)):
                last = i == len(decoder.layers)
                yield from _layer(f"{at}layer{i}", (outs, ins), DECAY if last else 0.0)
        case "conv1d":
            for window in decoder.windows:
                yield from _layer(f"{at}window{window}", (decoder.filters, classes, window), DECAY)
            pooled = decoder.filters * len(decoder.windows)
            yield from _layer(f"{at}linear", (classes, pooled), DECAY)


def _layer(path: str, shape: tuple[int, ...], decay: float) -> Iterator[Entry]:
    field = math.prod(shape[2:])
    start = Start(
        initial=Initial(scheme="glorot_uniform"),
        fan_in=shape[1] * field,
        fan_out=shape[0] * field,
        decay=decay,
    )
    yield Trainable(path=f"{path}.kernel", shape=shape, start=start)
    yield Trainable(path=f"{path}.bias", shape=shape[:1], start=_constant(0.0, decay))


# Single tensors


def _constant(value: float, decay: float = 0.0) -> Start:
    """A tensor that starts at one value everywhere."""
    return Start(initial=Initial(scheme="constant", scale=value), decay=decay)


def _kernel(path: str, shape: tuple[int, int, int, int], weights: Weights) -> Trainable:
    """A kernel [O,I,k,k] that starts and decays as the (complete) weights say."""
    outs, ins, height, width = shape
    start = Start(
        initial=weights.initial or Initial(),
        fan_in=height * width * ins,
        fan_out=height * width * outs,
        decay=weights.decay or 0.0,
    )
    return Trainable(path=path, shape=shape, start=start)


def _depthwise(path: str, channels: int, side: int, weights: Weights) -> Trainable:
    """A depthwise kernel [C,1,k,k]; its fan-in counts all C channels (trap 9)."""
    start = Start(
        initial=weights.initial or Initial(),
        fan_in=side * side * channels,
        fan_out=side * side,
        decay=weights.decay or 0.0,
    )
    return Trainable(path=path, shape=(channels, 1, side, side), start=start)


def _bias(at: str, size: int, weights: Weights) -> Trainable:
    """A bias [size]; both fans of a scheme are its size, as TensorFlow has them."""
    initial, decay = weights.bias_initial or 0.0, weights.bias_decay or 0.0
    if not isinstance(initial, Initial):
        initial = Initial(scheme="constant", scale=initial)
    start = Start(initial=initial, fan_in=size, fan_out=size, decay=decay)
    return Trainable(path=f"{at}bias", shape=(size,), start=start)
