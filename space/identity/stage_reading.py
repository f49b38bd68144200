"""A stage's operations, read as sums of products of what cannot be multiplied out.

`StageReader` goes through what `space/step/stages.py` wrote of a stage, one operation after the
other, and gives each its value as a polynomial (`space/identity/algebra.py`). How weights start
and decay comes from the table of parameters. Names of stages and states do not get into a form;
depths that are the width of the stage's convolution are written as such where that is wanted.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from space.identity.algebra import ZERO, Arena, Polynomial, constant, is_constant, key, plus
from space.identity.spelling import (
    Started,
    label,
    label_convolution,
    label_norm,
    label_separable,
    label_weighing,
    write_start,
)
from space.identity.stage_graph import BEFORE, OLD, Graph, StageForm
from space.network.sizes import StageShape
from space.step.operations import (
    Activate,
    Concatenate,
    Convolve,
    Draft,
    Frame,
    Multiply,
    Normalise,
    Pass,
    Pooled,
    Ref,
    Resize,
    Scale,
    Separate,
    Sum,
    Weigh,
    Writer,
    Zeros,
)
from space.step.parameters import Start

Weighted = Convolve | Separate | Weigh | Normalise
"""What has weights of its own."""

_WEIGHTED = (Convolve, Separate, Weigh, Normalise)
_TRUNK = ("convolution", "second")  # the convolutions whose strides a stage has


@dataclass(frozen=True, kw_only=True)
class WrittenStage:
    """What there is to read of a stage: its sizes, its operations, how its tensors start (by their
    paths within the stage), and the labels of what arrives from stages that feed back.
    """

    shape: StageShape
    writer: Writer
    starts: Mapping[str, Start]
    senders: Mapping[str, str]


class StageReader:
    """Made for one stage; `relative`: its convolution's width is written as such."""

    def __init__(self, written: WrittenStage, *, relative: bool) -> None:
        self.shape, self.starts, self.senders = written.shape, written.starts, written.senders
        self.ops, self.named = written.writer.drafts, written.writer.named
        self.prefix = f"stages.{self.shape.stage.name}."
        self.width = self.shape.convolution.channels if relative else None
        self.arena = Arena()
        self.values: list[Polynomial] = []  # by operation
        self.labels: dict[int, str] = {}
        self.stride: int | None = None  # from the stage's input to where we are; None before
        self.classes: dict[
            int, int
        ] = {}  # of the operations whose value of the step before is read
        self.zeros: frozenset[int] = frozenset()

    def form(self) -> StageForm:
        """The normal form of the stage."""
        return self.graph().form()

    def graph(self) -> Graph:
        """What the stage's output depends on."""
        self._read_all()
        output = self.values[self.named[self.shape.stage.name]]
        return Graph(self.arena, output, self._define)

    # Values of the step before

    def _read_all(self) -> None:
        """Every operation's value.

        Operations that are equal at every step are found by taking all for one and telling apart
        those whose values then differ, until nothing changes.
        """
        reading = [
            (number, self.named[ref])
            for number, op in enumerate(self.ops)
            for ref in op.operands
            if isinstance(ref, str) and ref in self.named
        ]
        if reading:
            first, kept = reading[0][0], sorted({old for _, old in reading})
            merges = self._merges(kept)
            self.classes = {old: 0 if merges else place for place, old in enumerate(kept)}
            self._read_until(first)
            while True:
                del self.values[first:]
                self._read_until(kept[-1] + 1)
                zeros = frozenset(old for old in kept if not self.values[old])
                classes = self._tell_apart(kept)
                if (classes, zeros) == (self.classes, self.zeros):
                    break
                self.classes, self.zeros = classes, zeros
        self._read_until(len(self.ops))

    def _read_until(self, end: int) -> None:
        for number in range(len(self.values), end):
            self.values.append(self._read(number, self.ops[number]))

    def _merges(self, kept: list[int]) -> bool:
        """Whether two of these can be equal: one of them at least has no weights of its own."""
        if len(kept) < 2:
            return False
        places = (
            op.what.weights.removeprefix(self.prefix).split(".")
            for op in self.ops
            if isinstance(op.what, _WEIGHTED)
        )
        heavy = {
            self.named[f"{self.shape.stage.name}.{place[2]}"]
            for place in places
            if place[:2] == ["cell", "states"]
        }
        return not heavy.issuperset(kept)

    def _tell_apart(self, kept: list[int]) -> dict[int, int]:
        classes: dict[object, int] = {}
        return {
            old: classes.setdefault(
                (key(self.values[old]), self._constant_depth(old)), len(classes)
            )
            for old in kept
        }

    def _constant_depth(self, number: int) -> int | None:
        return self.ops[number].map.channels if is_constant(self.values[number]) else None

    def _define(self, old: str) -> tuple[Polynomial, str]:
        """What an OLD atom is the value of, at the step before, and its label."""
        number = next(number for number, kind in self.classes.items() if f"old {kind}" == old)
        depth = self._constant_depth(number)
        return self.values[number], OLD if depth is None else label("old", self._depth(depth))

    # Operations

    def _read(self, number: int, op: Draft) -> Polynomial:
        what = op.what
        if isinstance(what, _WEIGHTED):
            return self._read_weights(number, op, what)
        reads = [self._value(ref) for ref in op.operands]
        match what:
            case Frame():
                return self.arena.atom(BEFORE)
            case Zeros():
                return ZERO
            case Pass():
                return reads[0]
            case Sum():
                return plus(*reads, constant(what.constant))
            case Scale():
                scaled = self.arena.times(constant(what.scale), reads[0])
                return plus(constant(what.offset), scaled)
            case Multiply():
                return self.arena.times(*reads)
            case Activate():
                return self.arena.activated(what.name, reads[0])
            case Resize():
                return self._read_resized(number, what, reads[0])
            case Pooled():
                return self._read_pooled(what, reads[0])
            case Concatenate():
                return self._read_joined(op, reads)
        raise AssertionError(f"no operation of a stage: {what}")

    def _value(self, ref: Ref) -> Polynomial:
        if isinstance(ref, int):
            return self.values[ref]
        if ref in self.named:
            old = self.named[ref]
            if old in self.zeros:
                return ZERO
            return self.arena.atom(OLD, place=f"old {self.classes[old]}")
        return self.arena.atom(self.senders.get(ref, BEFORE))

    def _read_resized(self, number: int, what: Resize, x: Polynomial) -> Polynomial:
        """Before the stage's convolution, feedback is resized: its label says how."""
        if self.stride is None:
            return x
        if number not in self.labels:
            self.labels[number] = label("resize", f"{what.mode} {self.stride}")
        return self.arena.atom(self.labels[number], [x])

    def _read_joined(self, op: Draft, reads: list[Polynomial]) -> Polynomial:
        """Feedback is one source, whatever was joined; the others are one behind the other."""
        if op.part == "feedback":
            return reads[0]
        placed = [self.arena.atom(label("place", i), [x]) for i, x in enumerate(reads)]
        return self.arena.atom(label("concatenated"), placed)

    def _read_pooled(self, what: Pooled, x: Polynomial) -> Polynomial:
        if is_constant(x) or what.kernel == what.stride == 1:
            return x
        kind = what.kind if what.kernel > 1 else "max"
        return self.arena.atom(label("pool", what.kernel, what.stride, kind, {}), [x])

    def _read_weights(self, number: int, op: Draft, what: Weighted) -> Polynomial:
        place = what.weights.removeprefix(self.prefix)
        if number not in self.labels:
            self.labels[number] = self._label(op, what, place)
        x = self.arena.atom(self.labels[number], self._parts(op.operands[0]), place=place)
        added = what.added if isinstance(what, (Convolve, Separate)) else 0.0
        return plus(x, constant(added)) if added else x

    def _parts(self, ref: Ref) -> Iterator[Polynomial]:
        """What an operation with weights reads: each part of its input.

        How many channels a constant has matters to what convolves or normalises it.
        """
        op = self.ops[ref] if isinstance(ref, int) else None
        joined = op is not None and isinstance(op.what, Concatenate) and op.part != "feedback"
        for part in op.operands if op is not None and joined else (ref,):
            value = self._value(part)
            if is_constant(value):
                number = part if isinstance(part, int) else self.named[part]
                wide = label("map", self._depth(self.ops[number].map.channels))
                value = self.arena.atom(wide, [value])
            yield value

    # Labels of weights

    def _label(self, op: Draft, what: Weighted, place: str) -> str:
        depth = self._depth(op.map.channels)
        match what:
            case Normalise():
                gain, shift = self.starts[f"{place}.gain"], self.starts[f"{place}.shift"]
                anywhere = replace(what, weights="")
                return label_norm(anywhere, gain.initial.scale, shift.initial.scale)
            case Weigh():
                kind = "scalar" if f"{place}.scalar" in self.starts else "position"
                return label_weighing(kind, depth, write_start(self.starts[f"{place}.{kind}"]))
            case Separate():
                weights = write_start(self.starts[f"{place}.pointwise"])
                bias = self._bias(what, place)
                return label_separable(what.kernel, what.repeat, depth, weights, bias)
            case Convolve():
                return self._label_convolution(op, what, place)

    def _label_convolution(self, op: Draft, what: Convolve, place: str) -> str:
        depth: int | str | None = self._depth(op.map.channels)
        stride = what.stride
        if place in _TRUNK:
            self.stride = (self.stride or 1) * stride
        elif place == "residual" and op.map.size == self.shape.input.size:
            stride = 1  # on one pixel, every stride is
        elif place.startswith("join."):
            # Where the feedforward input keeps its channels, the stage below says how many.
            depth = op.map.channels if self.shape.arrivals[0].projects else None
        weights = write_start(self.starts[f"{place}.kernel"])
        return label_convolution(what.kernel, stride, depth, weights, self._bias(what, place))

    def _bias(self, what: Convolve | Separate, place: str) -> Started | None:
        return write_start(self.starts[f"{place}.bias"]) if what.bias else None

    def _depth(self, depth: int) -> int | str:
        return "width" if depth == self.width else depth
