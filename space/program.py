"""One step of a genome, written out as operations: what every stage computes of what it reads.

`program(genome)` lists the operations of all stages and the head in an order in which each reads
only earlier ones, values of the step before, or the frame. It is the same at every step; which of
it is really needed at which step is worked out in `space/plan.py`.

An operation is *what* is computed (a frozen value that names its parameters) and of which values.
Convolutions of joined sources are written as one convolution a source, added up: sources change
at different steps. A 1x1 convolution of a map that is enlarged is written before the resizing,
since the two commute and the smaller map costs less.

This room knows no tensors and no steps.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from space.genome import HEAD, Convolution, Genome
from space.geometry import (
    CellShape,
    HeadShape,
    Map,
    StageShape,
    TermShape,
    gate_key,
    layout,
    multiplying,
    same_padding,
)
from space.grammar import Cell, Drive, Gate, Norm, Source, State, Term, parse_source

# What an operation computes. Values of these classes are equal exactly if they compute equal
# results of equal operands. `weights` is the path of a module of the built network.


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """The frame of this step: the image, or the blank."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Zeros:
    """Zeros of the operation's map."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pass:
    """Its operand as it is: a place for a value that another part computed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resize:
    size: int
    mode: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Join:
    """Operands concatenated on channels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Convolve:
    """The part of a convolution that reads `channels` channels of its input, `first` the first.

    `bias` says whether this part carries the bias, `added` is a constant beside it.
    """

    weights: str
    first: int
    channels: int
    kernel: int
    stride: int = 1
    padding: tuple[int, int]
    bias: bool
    added: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Separate:
    """Depthwise (twice with an ELU between them where `repeat`), then pointwise; of a part of the
    input's channels, as `Convolve`.
    """

    weights: str
    first: int
    channels: int
    kernel: int
    padding: tuple[int, int]
    repeat: bool
    bias: bool
    added: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Bias:
    """What a convolution makes of zeros: its bias and added constant, everywhere on the map."""

    weights: str
    bias: bool
    added: float
    map: Map


@dataclass(frozen=True, kw_only=True, slots=True)
class Weigh:
    """Times a learned scalar, or a weight a position and channel."""

    weights: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Normalise:
    """A norm; `batch`: with statistics of the batch, which move the running ones in training."""

    weights: str
    batch: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Activate:
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Sum:
    """The sum of the operands and of a constant.

    `wide`: zeros that were among the operands are left out, but the sum has their type: that of
    the images, also under autocast.
    """

    constant: float = 0.0
    wide: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """offset + scale * operand."""

    offset: float
    scale: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Multiply:
    """The product of the operands."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pooled:
    kind: str
    kernel: int
    stride: int
    padding: tuple[int, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Classify:
    """The head: logits of the last stage's map."""


What = (
    Frame
    | Zeros
    | Pass
    | Resize
    | Join
    | Convolve
    | Separate
    | Bias
    | Weigh
    | Normalise
    | Activate
    | Sum
    | Scale
    | Multiply
    | Pooled
    | Classify
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One operation of a step.

    An operand n >= 0 is this step's value of operation n, an operand ~n the value that operation
    n had at the step before. `macs` are its multiply-adds an image, `literal_macs` those of the
    same part of the literal unroll. `stage` is the place of its stage in the chain (the head's is
    the number of stages), `part` what it belongs to. Logits are written on a map of side 0.
    """

    what: What
    operands: tuple[int, ...]
    map: Map
    stage: int
    part: str
    macs: int = 0
    literal_macs: int = 0


@dataclass(frozen=True, kw_only=True)
class Program:
    """All operations of a step, and where the values are that can be read.

    `named` maps `STAGE` (its output), `STAGE.input`, `STAGE.STATE` and `head` to operations.
    `stages` are the ranges of operations of every stage, the head's last.
    """

    steps: tuple[Step, ...]
    named: dict[str, int]
    stages: tuple[range, ...]


def program(genome: Genome) -> Program:
    """The operations of one step of `genome`, which must be valid."""
    return _Writer(genome).program()


# What the writer handles before old values have a place: an operation's number, or a name of
# which the value of the step before is meant.
_Ref = int | str
# A value that may be known now.
_Value = int | float | str

_FUNCTIONS: dict[str, Callable[[float], float]] = {
    "identity": lambda x: x,
    "elu": lambda x: x if x > 0 else math.expm1(x),
    "relu": lambda x: max(x, 0.0),
    "tanh": math.tanh,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)) if x > -700 else 0.0,
    "softplus": lambda x: x if x > 20 else math.log1p(math.exp(x)),
}
KEEPS_ZERO = frozenset(("elu", "relu", "tanh"))  # activations of which zero is a fixed point


@dataclass(frozen=True, kw_only=True)
class _Piece:
    """A source, or a sender's share of one: its value, its own map, and the sizes that it is
    resized to one after the other.
    """

    value: _Ref
    map: Map
    sizes: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        return self.sizes[-1] if self.sizes else self.map.size

    def to(self, size: int) -> "_Piece":
        return self if size == self.size else replace(self, sizes=(*self.sizes, size))


@dataclass(kw_only=True)
class _Draft:
    what: What
    operands: tuple[_Ref, ...]
    map: Map
    stage: int
    part: str
    macs: int
    literal_macs: int


class _Writer:
    """Writes the operations of all stages, one after the other."""

    def __init__(self, genome: Genome) -> None:
        self.genome, self.layout = genome, layout(genome)
        self.drafts: list[_Draft] = []
        self.named: dict[str, int] = {}
        self.stage = 0

    def program(self) -> Program:
        bounds = [0]
        for place, shape in enumerate(self.layout.stages):
            self.stage = place
            self._stage(shape)
            bounds.append(len(self.drafts))
        self.stage = len(self.layout.stages)
        self._head(self.layout.head)
        bounds.append(len(self.drafts))
        steps = tuple(
            Step(
                what=draft.what,
                operands=tuple(
                    ~self.named[ref] if isinstance(ref, str) else ref for ref in draft.operands
                ),
                map=draft.map,
                stage=draft.stage,
                part=draft.part,
                macs=draft.macs,
                literal_macs=draft.literal_macs,
            )
            for draft in self.drafts
        )
        ranges = tuple(range(a, b) for a, b in pairwise(bounds))
        return Program(steps=steps, named=self.named, stages=ranges)

    def emit(
        self,
        what: What,
        operands: Iterable[_Ref],
        outs: Map,
        part: str,
        *,
        macs: int = 0,
        literal: int | None = None,
    ) -> int:
        self.drafts.append(
            _Draft(
                what=what,
                operands=tuple(operands),
                map=outs,
                stage=self.stage,
                part=part,
                macs=macs,
                literal_macs=macs if literal is None else literal,
            )
        )
        return len(self.drafts) - 1

    # The parts of a stage

    def _stage(self, shape: StageShape) -> None:
        stage, place = shape.stage, self.stage
        name = stage.name
        before, feedback = self._inputs(shape)
        read = [before, *(feedback if stage.convolution.reads_feedback else ())]
        x = convolved = self._block(
            f"stages.{name}.convolution", stage.convolution, read, shape.convolution
        )
        self.named[f"{name}.input"] = convolved
        current = shape.convolution
        if stage.cell is not None and shape.cell is not None:
            sources = {
                "input": [_Piece(value=x, map=shape.convolution)],
                "residual": [before],
            }
            if feedback:
                sources["feedback"] = feedback
            x = _CellWriter(self, self.genome.cells[stage.cell], shape.cell, name, sources).write()
            current = shape.cell.output
        if stage.second is not None and shape.second is not None:
            piece = _Piece(value=x, map=current)
            x = self._block(f"stages.{name}.second", stage.second, [piece], shape.second)
            current = shape.second
        x = self._residual(shape, before, x, current)
        x = self.activate(x, stage.activation, current, "activation")
        if stage.pool is not None:
            pool = stage.pool
            padding = same_padding(current.size, pool.kernel, pool.stride)
            what = Pooled(kind=pool.kind, kernel=pool.kernel, stride=pool.stride, padding=padding)
            x = self.emit(what, [x], shape.output, "pool")
        self.named[name] = self._own(x, place, shape.output, "output")

    def _own(self, x: _Ref, place: int, outs: Map, part: str) -> int:
        """An operation of this stage itself that has the value of `x`."""
        if isinstance(x, int) and self.drafts[x].stage == place and x >= 0:
            return x
        return self.emit(Pass(), [x], outs, part)

    def _inputs(self, shape: StageShape) -> tuple[_Piece, list[_Piece]]:
        """The feedforward input (or the sum or product of all), and the senders' outputs."""
        stage, place = shape.stage, self.stage
        image = self.genome.image
        if place:
            sender = self.layout.stages[place - 1]
            before = _Piece(value=sender.stage.name, map=sender.output)
        else:
            outs = Map(size=image.size, channels=image.channels)
            before = _Piece(value=self.emit(Frame(), [], outs, "frame"), map=outs)
        feedback = [
            _Piece(value=name, map=self.layout[name].output).to(before.size)
            for name in self.genome.senders(stage.name)
        ]
        if not shape.arrivals:
            return before, feedback
        outs = shape.input
        values: list[_Ref] = []
        for arrival, piece in zip(shape.arrivals, [before, *feedback], strict=True):
            if arrival.projects:
                path = f"stages.{stage.name}.join.{arrival.name}"
                values.append(self.convolve(path, [piece], outs, kernel=1, bias=True))
            else:
                values.append(self.resized(piece))
        joined = values[0]
        if len(values) > 1:
            how: What = Sum() if stage.join.kind == "add" else Multiply()
            joined = self.emit(how, values, outs, "join")
        return _Piece(value=joined, map=outs), []

    def _block(self, path: str, part: Convolution, read: Sequence[_Piece], outs: Map) -> int:
        x = self.convolve(path, read, outs, kernel=part.kernel, stride=part.stride, bias=part.bias)
        if part.norm is not None:
            x = self.normalise(x, part.norm, path, outs)
        return self.activate(x, part.activation, outs, _tail(path))

    def _residual(self, shape: StageShape, before: _Piece, x: int, outs: Map) -> int:
        shortcut = shape.stage.shortcut
        if shortcut is None:
            return x
        path = f"stages.{shape.stage.name}.residual"
        if not shape.projects:
            return self.emit(Sum(), [x, self.resized(before)], outs, "residual")
        if shortcut.by == "stride":
            added = self.convolve(
                path, [before], outs, kernel=1, stride=shape.stage.stride, bias=False
            )
        else:
            added = self.convolve(path, [before.to(outs.size)], outs, kernel=1, bias=False)
        if shortcut.norm is not None:
            added = self.normalise(added, shortcut.norm, path, outs)
        return self.emit(Sum(), [x, added], outs, "residual")

    def _head(self, shape: HeadShape) -> None:
        head, last = self.genome.head, self.layout.stages[-1]
        positions = 1
        if head.form == "convolution_mean":
            positions = (shape.reads.size - head.kernel + 1) ** 2
        self.named[HEAD] = self.emit(
            Classify(),
            [last.stage.name],
            Map(size=0, channels=self.genome.classes),
            HEAD,
            macs=positions * shape.inputs * self.genome.classes,
        )

    # Operations that cells and stages share

    def resized(self, piece: _Piece) -> _Ref:
        """A piece on the map that it is resized to."""
        value, channels = piece.value, piece.map.channels
        size = piece.map.size
        for to in piece.sizes:
            if to != size:
                outs = Map(size=to, channels=channels)
                value = self.emit(
                    Resize(size=to, mode=self.genome.resize), [value], outs, "resize"
                )
            size = to
        return value

    def convolve(
        self,
        path: str,
        pieces: Sequence[_Piece],
        outs: Map,
        *,
        kernel: int,
        bias: bool,
        stride: int = 1,
        added: float = 0.0,
    ) -> int:
        """A convolution of the pieces' channels together."""
        parts, first = [], 0
        for i, piece in enumerate(pieces):
            channels = piece.map.channels
            weights = kernel**2 * channels * outs.channels
            early = kernel == 1 and stride == 1 and piece.sizes != ()
            early = early and piece.map.size < min(piece.sizes)
            size = piece.map.size if early else piece.size
            what = Convolve(
                weights=path,
                first=first,
                channels=channels,
                kernel=kernel,
                stride=stride,
                padding=same_padding(size, kernel, stride),
                bias=bias and i == 0,
                added=added if i == 0 else 0.0,
            )
            literal = outs.size**2 * weights
            if early:
                small = Map(size=size, channels=outs.channels)
                macs = size**2 * weights
                x: _Ref = self.emit(
                    what, [piece.value], small, _tail(path), macs=macs, literal=literal
                )
                x = self.resized(replace(piece, value=x, map=small))
            else:
                x = self.emit(what, [self.resized(piece)], outs, _tail(path), macs=literal)
            parts.append(x)
            first += channels
        return self.added(parts, 0.0, outs, _tail(path))

    def added(self, values: Sequence[_Ref], constant: float, outs: Map, part: str) -> int:
        if len(values) == 1 and not constant and isinstance(values[0], int):
            return values[0]
        return self.emit(Sum(constant=constant), values, outs, part)

    def activate(self, x: int, name: str, outs: Map, part: str) -> int:
        return x if name == "identity" else self.emit(Activate(name=name), [x], outs, part)

    def normalise(self, x: _Ref, norm: Norm, path: str, outs: Map) -> int:
        what = Normalise(weights=f"{path}.norm", batch=norm.kind == "batch")
        return self.emit(what, [x], outs, _tail(path))


def _tail(path: str) -> str:
    """A path within its stage."""
    return path.split(".", 2)[2]


class _CellWriter:
    """Writes the operations of one cell, in the order in which its states are updated."""

    def __init__(
        self,
        writer: _Writer,
        cell: Cell,
        shape: CellShape,
        stage: str,
        sources: Mapping[str, Sequence[_Piece]],
    ) -> None:
        self.writer, self.cell, self.shape, self.stage = writer, cell, shape, stage
        self.size = shape.output.size
        self.external = sources
        self.new: dict[str, int] = {}
        self.gates: dict[str, _Value] = {}
        self.complements: dict[str, _Value] = {}
        self.whole: dict[Source, _Ref] = {}
        self.split: dict[Source, list[_Piece]] = {}

    def write(self) -> int:
        """The operation of the state that is put out."""
        writer = self.writer
        for name, state in self.cell.states.items():
            value = self._state(name, state)
            outs = Map(size=self.size, channels=self.shape.depths[name])
            self.new[name] = writer._own(value, writer.stage, outs, f"cell.states.{name}")
            writer.named[f"{self.stage}.{name}"] = self.new[name]
        return self.new[self.cell.output]

    def _path(self, within: str) -> str:
        return f"stages.{self.stage}.cell.{within}"

    def _map(self, channels: int) -> Map:
        return Map(size=self.size, channels=channels)

    # Sources and terms

    def _there(self, source: Source) -> bool:
        return source.name in self.external or source.name in self.cell.states

    def _pieces(self, source: Source) -> list[_Piece]:
        """A source as the pieces that are concatenated in it, on the cell's map."""
        if source not in self.split:
            if source.mask is not None:
                plain = self._whole(Source(name=source.name, new=source.new))
                channels = self.shape.gate_depths[source.mask]
                outs = self._map(channels)
                gate = self._tensor(self._gate(Gate(shared=source.mask), "", ""), channels)
                masked = self.writer.emit(Multiply(), [plain, gate], outs, "cell.mask")
                pieces = [_Piece(value=masked, map=outs)]
            elif source.name in self.external:
                pieces = [piece.to(self.size) for piece in self.external[source.name]]
            else:
                value = self.new[source.name] if source.new else f"{self.stage}.{source.name}"
                pieces = [_Piece(value=value, map=self._map(self.shape.depths[source.name]))]
            self.split[source] = pieces
        return self.split[source]

    def _whole(self, source: Source) -> _Ref:
        """A source as one value on the cell's map."""
        if source not in self.whole:
            self.whole[source] = self._joined(self._pieces(source))
        return self.whole[source]

    def _joined(self, pieces: Sequence[_Piece]) -> _Ref:
        values = [self.writer.resized(piece) for piece in pieces]
        if len(values) == 1:
            return values[0]
        channels = sum(piece.map.channels for piece in pieces)
        return self.writer.emit(Join(), values, self._map(channels), "cell.join")

    def _term(self, shape: TermShape, path: str, added: float) -> _Ref:
        """activation(norm(op(sources)) + sources), as far as given."""
        term, writer, outs = shape.term, self.writer, shape.writes
        sources = [source for source in term.sources if self._there(source)]
        pieces = [piece for source in sources for piece in self._pieces(source)]
        x = self._operation(shape, path, sources, pieces, added)
        if shape.norm is not None:
            x = writer.normalise(x, shape.norm, self._path(path), outs)
        if term.skip:
            x = writer.added([self._joined(pieces), x], 0.0, outs, f"cell.{path}")
        if term.activation == "identity":
            return x
        return writer.emit(Activate(name=term.activation), [x], outs, f"cell.{path}")

    def _operation(
        self,
        shape: TermShape,
        path: str,
        sources: Sequence[Source],
        pieces: Sequence[_Piece],
        added: float,
    ) -> _Ref:
        term, writer, full = shape.term, self.writer, self._path(path)
        match term.operation:
            case "convolution":
                return writer.convolve(
                    full,
                    pieces,
                    shape.writes,
                    kernel=shape.kernel,
                    bias=term.has_bias,
                    added=added,
                )
            case "match" if shape.projects:
                return writer.convolve(full, pieces, shape.writes, kernel=1, bias=False)
            case "separable":
                return self._separable(shape, full, pieces, added)
            case "position" | "scalar":
                what = Weigh(weights=full)
                return writer.emit(what, [self._whole(sources[0])], shape.writes, f"cell.{path}")
            case _:
                return self._whole(sources[0])

    def _separable(
        self, shape: TermShape, path: str, pieces: Sequence[_Piece], added: float
    ) -> int:
        term, outs = shape.term, shape.writes
        values, first = [], 0
        for i, piece in enumerate(pieces):
            channels = piece.map.channels
            what = Separate(
                weights=path,
                first=first,
                channels=channels,
                kernel=shape.kernel,
                padding=same_padding(self.size, shape.kernel, 1),
                repeat=term.repeat,
                bias=term.has_bias and i == 0,
                added=added if i == 0 else 0.0,
            )
            depthwise = shape.kernel**2 * channels * (2 if term.repeat else 1)
            macs = outs.size**2 * (depthwise + channels * outs.channels)
            value = self.writer.resized(piece)
            values.append(self.writer.emit(what, [value], outs, _tail(path), macs=macs))
            first += channels
        return self.writer.added(values, 0.0, outs, _tail(path))

    # Sums and gates

    def _sum(
        self,
        terms: Sequence[tuple[str, TermShape]],
        norm: Norm | None,
        path: str,
        bias: float,
        channels: int,
    ) -> _Value:
        """norm(sum of terms) + sum of the terms after the norm + bias."""
        writer, outs, label = self.writer, self._map(channels), f"cell.{path}"
        late = [(at, t) for at, t in terms if t.term.after_norm or norm is None]
        early = [(at, t) for at, t in terms if norm is not None and not t.term.after_norm]
        values: list[_Ref] = []
        if norm is not None:
            summed: _Ref = (
                writer.added([self._term(t, at, 0.0) for at, t in early], 0.0, outs, label)
                if early
                else self._tensor(0.0, channels)
            )
            values.append(writer.normalise(summed, norm, self._path(path), outs))
        for at, t in late:
            absorbs = bias != 0.0 and _absorbs(t.term)
            values.append(self._term(t, at, bias if absorbs else 0.0))
            bias = 0.0 if absorbs else bias
        if not values:
            return bias
        if len(values) == 1 and not bias:
            return values[0]
        return writer.added(values, bias, outs, label)

    def _tensor(self, value: _Value, channels: int) -> _Ref:
        """A value that may be a number, as a value of an operation."""
        if not isinstance(value, float):
            return value
        outs = self._map(channels)
        zeros = self.writer.emit(Zeros(), [], outs, "cell")
        return self.writer.added([zeros], value, outs, "cell")

    def _activated(self, value: _Value, name: str, channels: int, label: str) -> _Value:
        if isinstance(value, float):
            return _FUNCTIONS[name](value)
        if name == "identity":
            return value
        return self.writer.emit(Activate(name=name), [value], self._map(channels), label)

    def _scaled(
        self, value: _Value, offset: float, scale: float, channels: int, label: str
    ) -> _Value:
        if isinstance(value, float):
            return offset + scale * value
        if offset == 0.0 and scale == 1.0:
            return value
        what = Scale(offset=offset, scale=scale)
        return self.writer.emit(what, [value], self._map(channels), label)

    def _gate(self, gate: Gate, key: str, path: str) -> _Value:
        """The value of a gate; one that is shared is written once."""
        if gate.complement is not None:
            name = gate.complement
            if name not in self.complements:
                plain = self._gate(Gate(shared=name), "", "")
                depth = self.shape.gate_depths[name]
                self.complements[name] = self._scaled(
                    plain, 1.0, -1.0, depth, f"cell.gates.{name}"
                )
            return self.complements[name]
        if gate.shared is not None:
            key, path, gate = gate.shared, f"gates.{gate.shared}", self.cell.gates[gate.shared]
        if key not in self.gates:
            depth, label = self.shape.gate_depths[key], f"cell.{path}"
            present = [
                (f"{path}.terms.{i}", term)
                for i, term in enumerate(gate.terms)
                if any(self._there(source) for source in term.sources)
            ]
            shapes = zip(present, self.shape.gates[key], strict=True)
            terms = [(at, shape) for (at, _), shape in shapes]
            value = self._sum(terms, gate.norm, path, float(gate.acting_bias), depth)
            value = self._activated(value, gate.nonlinearity, depth, label)
            self.gates[key] = self._scaled(value, gate.offset, gate.scale, depth, label)
        return self.gates[key]

    # States

    def _state(self, name: str, state: State) -> _Ref:
        depth, label = self.shape.depths[name], f"cell.states.{name}"
        carry, drive = self._carry(name, state), self._drive(name, state)
        value = self._integrated(carry, drive, depth, label)
        if state.norm is not None:
            path = self._path(f"states.{name}")
            value = self.writer.normalise(value, state.norm, path, self._map(depth))
        activated = self._activated(value, state.activation, depth, label)
        assert not isinstance(activated, float)
        return activated

    def _carry(self, name: str, state: State) -> tuple[_Value, _Ref] | None:
        """(gate, source), or None where the state keeps nothing."""
        if state.carry is None:
            return None
        source = parse_source(state.carry.of or name)
        if not self._there(source):
            return None
        gate: _Value = 1.0
        if state.carry.gate is not None:
            gate = self._gate(state.carry.gate, gate_key(name, 0), f"states.{name}.carry")
        return gate, self._whole(source)

    def _drive(self, name: str, state: State) -> _Value:
        """product of gates * activation(norm(sum of terms) + bias)."""
        drive, depth = state.drive, self.shape.depths[name]
        path = f"states.{name}.drive"
        label = f"cell.{path}"
        terms = list(self._adding(drive, path, self.shape.drives[name]))
        total = self._sum(terms, drive.norm, path, float(drive.acting_bias), depth)
        factors = [self._activated(total, drive.activation, depth, label)]
        for key, i, gate in multiplying(name, drive):
            factors.append(self._gate(gate, key, f"{path}.{i}"))
        constant = math.prod(factor for factor in factors if isinstance(factor, float))
        values = [factor for factor in factors if not isinstance(factor, float)]
        if not values or constant == 0.0:
            return float(constant)
        product = values[0]
        if len(values) > 1:
            product = self.writer.emit(Multiply(), values, self._map(depth), label)
        return self._scaled(product, 0.0, constant, depth, label)

    def _adding(
        self, drive: Drive, path: str, shapes: Sequence[TermShape]
    ) -> Iterator[tuple[str, TermShape]]:
        """(path, sizes) of the terms that are there."""
        left = iter(shapes)
        for i, edge in enumerate(drive.edges):
            if edge.add is not None and any(self._there(s) for s in edge.add.sources):
                yield f"{path}.{i}", next(left)

    def _integrated(
        self, carry: tuple[_Value, _Ref] | None, drive: _Value, depth: int, label: str
    ) -> _Ref:
        """gate * source + drive."""
        if carry is None:
            return self._tensor(drive, depth)
        gate, source = carry
        outs = self._map(depth)
        if isinstance(gate, float):
            kept = self._scaled(source, 0.0, gate, depth, label)
        else:
            kept = self.writer.emit(Multiply(), [gate, source], outs, label)
        assert not isinstance(kept, float)
        if not isinstance(drive, float):
            return self.writer.added([drive, kept], 0.0, outs, label)
        return self.writer.added([kept], drive, outs, label) if drive else kept


def _absorbs(term: Term) -> bool:
    """Whether a constant of the sum can be added with this term's bias."""
    linear = term.activation == "identity" and term.norm is None
    return linear and term.operation in ("convolution", "separable")
