"""The execution in which every part of a network is called as a module, for PyTorch's hooks.

It computes what `models/literal.py` does, one operation after the other: at every step every
stage is called, in it its join, convolutions and cell, in the cell its states, drives, gates and
terms, and in these their norms. A part is called with the values that it reads from outside, and
what its call returns is what the others read: a hook may change both. `Part.current_step` is the
step of the call.
"""

from collections import deque
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from torch import Tensor

from models import arithmetic
from models.literal import Moment, name_of
from models.operations import Setting, execute, frame, prepare, zeros
from models.parameters import Clock, Part
from space.genome import Genome
from space.network.architecture import HEAD
from space.network.sizes import first_informed_step
from space.step.operations import Frame, Operations, Pass, Span, Zeros

_Values = dict[int, Tensor]  # by operand: n is of this step, ~n of the step before


@dataclass(frozen=True, slots=True)
class _Node:
    """A part that is called: the operands that it reads from outside, the operand that is its
    result, and, in their order, its operations by number and the parts within it.
    """

    part: Part
    span: Span
    reads: tuple[int, ...]
    steps: tuple["int | _Node", ...]


@dataclass(frozen=True, slots=True)
class _Stage:
    """A stage, or the head: the names of what it reads (None: the frame), in order, its own
    values' names and operations, and the first step at which it is called.
    """

    name: str
    node: _Node
    reads: tuple[str | None, ...]
    own: Mapping[str, int]
    first: int


class CalledUnroll:
    """The loop over steps for one genome's parts, by their paths; `clock` is theirs."""

    def __init__(
        self, genome: Genome, operations: Operations, parts: Mapping[str, Part], clock: Clock
    ) -> None:
        self.genome, self.operations, self.parts, self.clock = genome, operations, parts, clock

    def run(self, images: Tensor, logits_at: Collection[int]) -> Generator[Moment]:
        """Step by step, t = 0 .. T-1. images [B,C,S,S] are normalised already.

        The head is called at the steps of `logits_at` alone.
        """
        try:
            yield from _Pass(self, images).run(logits_at)
        finally:
            self.clock.step = None

    @cached_property
    def called(self) -> frozenset[Part]:
        """The parts that are called; the others only hold parts."""
        return frozenset(_parts_of(stage.node for stage in self.stages))

    @cached_property
    def stages(self) -> tuple[_Stage, ...]:
        """All stages, then the head."""
        operations, inner, stages = self.operations, self._inner(), list[_Stage]()
        masked = self.genome.start == "masked"
        for name, places in zip(self.genome.nodes, operations.stages, strict=True):
            path = name if name == HEAD else f"stages.{name}"
            within = deque(item for item in inner if item[0].startswith(f"{path}."))
            span = Span(places=places, result=operations.named[name])
            node = self._node(path, span, within, places.stop + 1)
            stages.append(
                _Stage(
                    name=name,
                    node=node,
                    reads=tuple(name_of(operations, ref, name) for ref in node.reads),
                    own={k: n for k, n in operations.named.items() if k.startswith(f"{name}.")},
                    first=first_informed_step(self.genome, name) if masked else 0,
                )
            )
        return tuple(stages)

    def _inner(self) -> list[tuple[str, Span]]:
        """The parts of stages by where they begin; what lies within another comes after it."""
        spans, within = self.operations.spans, self.operations.within
        alone = {
            path: Span(places=range(number, number + 1), result=number)
            for number, op in enumerate(self.operations.ops)
            if (path := getattr(op.what, "weights", HEAD)) not in {*spans, *within, HEAD}
        }
        # Of two with the same places, the one that was written to its end first lies within.
        latest_first = reversed((alone | within | spans).items())
        there = [(path, span) for path, span in latest_first if path in self.parts]
        return sorted(there, key=lambda item: (item[1].places.start, -len(item[1].places)))

    def _node(self, path: str, span: Span, items: deque[tuple[str, Span]], end: int) -> _Node:
        """The node of a part, with those of `items` that begin before `end` within it."""
        steps, place, places = list[int | _Node](), span.places.start, span.places
        while items and items[0][1].places.start < end:
            inner, there = items.popleft()
            steps += [*range(place, there.places.start)]
            steps.append(self._node(inner, there, items, there.places.stop))
            place = max(place, there.places.stop)
        steps += [*range(place, places.stop)]
        frames = [n for n in places if isinstance(self.operations.ops[n].what, Frame)]
        operands = [ref for n in places for ref in self.operations.ops[n].operands]
        results = [step.span.result for step in steps if isinstance(step, _Node)]
        outside = [ref for ref in (*operands, *results, span.result) if ref not in places]
        return _Node(
            self.parts[path],
            span,
            tuple(dict.fromkeys([*frames, *outside])),
            tuple(step for step in steps if step not in frames),
        )


def _parts_of(nodes: Iterable[_Node]) -> Iterator[Part]:
    for node in nodes:
        yield node.part
        yield from _parts_of(step for step in node.steps if isinstance(step, _Node))


class _Pass:
    """One forward pass over images [B,C,S,S]."""

    def __init__(self, unroll: CalledUnroll, images: Tensor) -> None:
        layout = arithmetic.best_layout(images)
        self.unroll, self.ops = unroll, unroll.operations.ops
        self.images = arithmetic.laid_out(images, layout)
        self.setting = Setting(like=self.images, layout=layout, defers=False)
        self.ready = [self._prepare(number) for number in range(len(self.ops))]

    def _prepare(self, number: int) -> Any:
        what = self.ops[number].what
        if isinstance(what, Zeros):
            return self._nothing(number)
        return prepare((what,), self.unroll.parts.__getitem__, self.setting)

    def _nothing(self, number: int) -> Tensor:
        """Zeros for the value of an operation, as before the first step."""
        return zeros(self.ops[number].map, self.setting)

    def run(self, logits_at: Collection[int]) -> Generator[Moment]:
        """The values of every step by their names."""
        unroll = self.unroll
        clock = unroll.genome.clock
        shows = [clock.shows_image(t) for t in range(clock.steps)]
        blank = frame(self.images, shows_image=all(shows), blank=clock.blank)
        now = {name: self._nothing(n) for name, n in unroll.operations.named.items()}
        *stages, head = unroll.stages
        for step, shown in enumerate(shows):
            unroll.clock.step = step
            before, now = now, {}
            given = self.images if shown else blank
            for stage in stages:
                now |= self._step(stage, given, before, step)
            if step in logits_at:
                now |= self._step(head, given, before, step)
            yield Moment(step=step, values=now)

    def _step(
        self, stage: _Stage, given: Tensor, before: Mapping[str, Tensor], step: int
    ) -> dict[str, Tensor]:
        """The values of a stage, or of the head, by their names, from those of the step before."""
        if step < stage.first:
            names = (stage.name, *stage.own)
            numbers = self.unroll.operations.named
            return {name: self._nothing(numbers[name]) for name in names}
        read = [given if name is None else before[name] for name in stage.reads]
        inner, output = self._call(stage.node, read)
        return {name: inner[number] for name, number in stage.own.items()} | {stage.name: output}

    def _call(self, node: _Node, inputs: Iterable[Tensor]) -> tuple[_Values, Tensor]:
        """Call a part with what it reads: the values that were computed within it, and its own."""
        values: _Values = {}
        output: Tensor = node.part(*inputs, run=partial(self._run, node, values))
        return {n: value for n, value in values.items() if n in node.span.places}, output

    def _run(self, node: _Node, values: _Values, *inputs: Tensor) -> Tensor:
        """The value of a part of what it reads; `values` are filled on the way."""
        values.update(zip(node.reads, inputs, strict=True))
        for step in node.steps:
            if isinstance(step, _Node):
                inner, output = self._call(step, [values[ref] for ref in step.reads])
                values |= inner | {step.span.result: output}
            else:
                values[step] = self._execute(step, values)
        return values[node.span.result]

    def _execute(self, number: int, values: _Values) -> Tensor:
        op = self.ops[number]
        operands = [values[ref] for ref in op.operands]
        if isinstance(op.what, Pass):
            return operands[0]
        if isinstance(op.what, Zeros):
            zeros_made: Tensor = self.ready[number]
            return zeros_made
        return execute(op.what, operands, self.ready[number])
