"""The normal form of one stage: what it computes in a step, in terms of what it reads.

A step is written as sums of products (`space/identity/algebra.py`), and what its output depends
on as a graph (`space/identity/stage_graph.py`). Sizes are those after clipping; depths that are
the width of the stage's convolution are written as such, so that stages that differ only in
width share a form.
"""

from dataclasses import dataclass, field
from typing import Any

from space.identity.algebra import ONE, ZERO, Arena, Polynomial, constant, is_constant, key, plus
from space.identity.spelling import initial_said, label, more, norm_said, weights_said
from space.identity.stage_graph import BEFORE, OLD, Graph, StageForm
from space.network.architecture import Architecture, Convolution, Pool, Stage
from space.network.cell_sizes import TermShape, gate_key, multiplying
from space.network.grammar import (
    JOIN,
    KERNEL_OPS,
    MATCH,
    Cell,
    Drive,
    Gate,
    Initial,
    Norm,
    Source,
    State,
    Term,
    Value,
    Weights,
    parse_source,
)
from space.network.sizes import StageShape, layout

# The initial value of a learned scalar where nothing else is said.
_SCALAR = Initial(scheme="constant", scale=0.0)


def stage_forms(architecture: Architecture) -> list[StageForm]:
    """The forms of all stages; stages that are alike are worked out once."""
    known: dict[object, StageForm] = {}
    notes: dict[str, _Notes] = {}
    forms = []
    for shape in layout(architecture).stages:
        name = shape.stage.cell
        if name is not None and name not in notes:
            cell = architecture.cells[name]
            notes[name] = _Notes(cell, cell.weights.over(architecture.base_weights))
        cell_notes = None if name is None else notes[name]
        resizes = _resizes(architecture, shape)
        alike = _alike(architecture, shape, resizes)
        form = known.get(alike)
        if form is None:
            form = _Maker(architecture, shape, cell_notes, resizes, relative=True).form()
            if not form.relative:
                form = _Maker(architecture, shape, cell_notes, resizes, relative=False).form()
            else:
                known[alike] = form
        forms.append(form)
    return forms


@dataclass(frozen=True, kw_only=True)
class _Resizes:
    """How a stage's sources come to its maps, None where nothing is resized: what others put out
    to the input's map, then what the cell reads to the cell's, and the residual to the last one.
    """

    senders: tuple[str | None, ...]
    cell: str | None
    residual: str | None


def _resizes(architecture: Architecture, shape: StageShape) -> _Resizes:
    stage, size = shape.stage, shape.input.size
    found = architecture.senders(stage.name)
    sizes = [layout(architecture)[name].output.size for name in found] if found else []
    end = (shape.second or shape.convolution).size
    # From one pixel, every way of resizing gives the same.
    return _Resizes(
        senders=tuple(None if sender in (size, 1) else architecture.resize for sender in sizes),
        cell=(
            f"{architecture.resize} {stage.convolution.stride}"
            if shape.convolution.size != size
            else None
        ),
        residual=f"{architecture.resize} {stage.stride}" if end != size else None,
    )


def _alike(architecture: Architecture, shape: StageShape, resizes: _Resizes) -> object:
    """Equal for stages of one form, where the form is relative."""
    width = shape.convolution.channels
    stage = shape.stage
    sizes: list[object] = []
    if shape.cell is not None:
        for terms in (*shape.cell.drives.values(), *shape.cell.gates.values()):
            sizes += [(term.kernel, term.projects) for term in terms]
        sizes += [depth == width or depth for depth in shape.cell.depths.values()]
        sizes += [depth == width or depth for depth in shape.cell.gate_depths.values()]
    second = stage.second
    return (
        _all_but(stage, "name", "convolution", "second"),
        _all_but(stage.convolution, "width"),
        None if second is None else _all_but(second, "width"),
        second is None or second.width == width or second.width,
        shape.projects,
        shape.feedback is not None,
        tuple((a.name, a.projects) for a in shape.arrivals),
        None if stage.join.kind == "concat" else architecture.senders(stage.name),
        resizes,
        tuple(sizes),
    )


def _weighs(state: State) -> bool:
    """Whether a state has weights of its own, shared gates aside."""
    gates = [gate for gate in state.gates if gate.reference is None]
    terms = [*state.drive.terms, *(term for gate in gates for term in gate.terms)]
    norms = [state.norm, state.drive.norm, *(gate.norm for gate in gates)]
    plain = ("identity", "match")
    return any(norms) or any(term.operation not in plain for term in terms)


def _all_but(value: Value, *names: str) -> tuple[Any, ...]:
    fields = type(value).model_fields
    return tuple(getattr(value, name) for name in fields if name not in names)


class _Notes:
    """What the terms of a cell say, whatever stage it stands in; read once."""

    def __init__(self, cell: Cell, weights: Weights) -> None:
        self.cell, self.weights = cell, weights
        self._terms: dict[int, tuple[Term, tuple[Source, ...], Any]] = {}
        self.carried = {
            name: parse_source(state.carry.of or name)
            for name, state in cell.states.items()
            if state.carry is not None
        }

        self.merges = self._merges()
        self._labels: dict[object, str] = {}

    def sources(self, term: Term) -> tuple[Source, ...]:
        return self._noted(term)[1]

    def label(self, term: Term, shape: TermShape, depth: Any) -> str:
        """What a term with weights does."""
        key = (id(term), shape.kernel, depth)
        if key not in self._labels:
            operation = "convolution" if term.operation == "match" else term.operation
            self._labels[key] = label(
                operation,
                shape.kernel if operation in KERNEL_OPS else None,
                1,
                depth,
                term.has_bias,
                self._noted(term)[2],
                more(term) | ({"repeat": True} if term.repeat else {}),
            )
        return self._labels[key]

    def _noted(self, term: Term) -> tuple[Term, tuple[Source, ...], Any]:
        if id(term) not in self._terms:
            self._terms[id(term)] = (term, term.sources, self._written(term))
        return self._terms[id(term)]

    def _merges(self) -> bool:
        """Whether two states can be equal: then one of them at least has no weights of its own,
        and reads the other, or neither has.
        """
        light = [state for state in self.cell.states.values() if not _weighs(state)]
        reads = [
            source for state in light for term in state.drive.terms for source in term.sources
        ]
        carried = [
            parse_source(state.carry.of) for state in light if state.carry and state.carry.of
        ]
        return len(light) > 1 or any(source.new for source in (*reads, *carried))

    def _written(self, term: Term) -> Any:
        own, resolved = term.weights, term.weights.over(self.weights)
        match term.operation:
            case "match":
                return weights_said(own.over(MATCH), False)
            case "scalar":
                return [initial_said(own.initial or _SCALAR), own.decay or 0.0]
            case "position":
                return [
                    initial_said(own.initial or resolved.initial or Initial()),
                    own.decay or 0.0,
                ]
            case _:
                return weights_said(resolved, term.has_bias)


@dataclass
class _Tables:
    """What was computed so far in a step of the cell."""

    new: dict[str, Polynomial] = field(default_factory=dict)
    gates: dict[str, Polynomial] = field(default_factory=dict)


class _Maker:
    """Makes the form of one stage."""

    def __init__(
        self,
        architecture: Architecture,
        shape: StageShape,
        notes: _Notes | None,
        resizes: _Resizes,
        *,
        relative: bool,
    ) -> None:
        self.architecture, self.shape, self.resizes, self.relative = (
            architecture,
            shape,
            resizes,
            relative,
        )
        self.stage: Stage = shape.stage
        self.arena = Arena()
        self.before = self.arena.atom(BEFORE)
        self.feedback = self.arena.atom(
            label("feedback", next(filter(None, resizes.senders), None))
        )
        self.reads: dict[str, list[tuple[str, Polynomial]]] = {}  # by place, with their names
        if notes is not None:
            self.notes = notes
        self.classes: dict[str, int] = {}
        self.zeros: frozenset[str] = frozenset()
        self.step = _Tables()

    # The stage

    def form(self) -> StageForm:
        return Graph(self.arena, self.reads, self._definition).form(self._output())

    def _definition(self, old: str) -> tuple[Polynomial, str]:
        """What an `old` atom is the value of, at the step before, and its label."""
        name = next(name for name, kind in self.classes.items() if f"old {kind}" == old)
        value, depth = self.step.new[name], self._constant_depth(name, self.step.new[name])
        return value, OLD if depth is None else label("old", self._depth(depth))

    def _output(self) -> Polynomial:
        stage, shape = self.stage, self.shape
        if stage.join.kind != "concat":
            self.before = self._joined()
        reads = [("before", self.before)]
        if stage.convolution.reads_feedback and shape.feedback is not None:
            reads.append(("feedback", self.feedback))
        x = self._block("convolution", stage.convolution, reads)
        if shape.cell is not None:
            x = self._cell(x)
        if stage.second is not None:
            current = shape.cell.output.channels if shape.cell else stage.convolution.width
            x = self._block("second", stage.second, [("", self._filled(x, current))])
        if stage.shortcut is not None:
            x = plus(x, self._shortcut())
        x = self.arena.activated(stage.activation, x)
        if stage.pool is not None and not is_constant(x):
            x = self._pooled(stage.pool, x)
        return self._wrapped(more(stage), x)

    def _pooled(self, pool: Pool, x: Polynomial) -> Polynomial:
        if pool.kernel == pool.stride == 1:
            return x
        kind = pool.kind if pool.kernel > 1 else "max"
        return self.arena.atom(label("pool", pool.kernel, pool.stride, kind, more(pool)), [x])

    def _joined(self) -> Polynomial:
        """The inputs, summed or multiplied."""
        stage, places = self.stage, self.architecture.stage_index
        width = self.shape.input.channels if self.shape.arrivals[0].projects else None
        values = [self.before]
        for name, how in zip(
            self.architecture.senders(stage.name), self.resizes.senders, strict=True
        ):
            values.append(self.arena.atom(label("sender", places(name), how)))
        for i, arrival in enumerate(self.shape.arrivals):
            if arrival.projects:
                said = label("convolution", 1, 1, width, True, weights_said(JOIN, True), {})
                values[i] = self._part(f"join.{arrival.name}", said, [("", values[i])])
        total = plus(*values) if stage.join.kind == "add" else self.arena.times(*values)
        return self._wrapped(more(stage.join), total)

    def _shortcut(self) -> Polynomial:
        shortcut, before = self.stage.shortcut, self.before
        assert shortcut is not None
        if not self.shape.projects:
            return before
        stride = 1
        if self.resizes.residual is not None and shortcut.by == "stride":
            stride = self.stage.stride
        else:
            before = self._resized(before, self.resizes.residual)
        last = self.shape.second or (self.shape.cell.output if self.shape.cell else None)
        width = (last or self.shape.convolution).channels
        weights = weights_said(MATCH, False)
        said = label("convolution", 1, stride, self._depth(width), False, weights, {})
        x = self._part("residual", said, [("before", before)])
        if shortcut.norm is not None:
            x = self._normed(shortcut.norm, x, "residual.norm")
        return self._wrapped(more(shortcut), x)

    def _block(
        self, place: str, part: Convolution, reads: list[tuple[str, Polynomial]]
    ) -> Polynomial:
        weights = weights_said(part.weights.over(self.architecture.base_weights), part.bias)
        said = label(
            "convolution",
            part.kernel,
            part.stride,
            self._depth(part.width),
            part.bias,
            weights,
            more(part),
        )
        x = self._part(place, said, reads)
        if part.norm is not None:
            x = self._normed(part.norm, x, f"{place}.norm")
        return self.arena.activated(part.activation, x)

    def _part(self, place: str, said: str, reads: list[tuple[str, Polynomial]]) -> Polynomial:
        """An atom with weights at `place`."""
        self.reads[place] = reads
        return self.arena.atom(said, [value for _, value in reads], place=place)

    def _normed(self, norm: Norm, x: Polynomial, place: str) -> Polynomial:
        return self._part(place, label("norm", norm_said(norm)), [("", x)])

    def _wrapped(self, more: dict[str, Any], x: Polynomial) -> Polynomial:
        return self.arena.atom(label("more", more), [x]) if more else x

    def _resized(self, x: Polynomial, how: str | None) -> Polynomial:
        return x if how is None else self.arena.atom(label("resize", how), [x])

    def _depth(self, depth: int) -> Any:
        return "width" if self.relative and depth == self.shape.convolution.channels else depth

    def _filled(self, x: Polynomial, depth: int) -> Polynomial:
        """A constant as a map: how many channels it has matters to what convolves it."""
        return self.arena.atom(label("map", self._depth(depth)), [x]) if is_constant(x) else x

    # The cell

    def _cell(self, x: Polynomial) -> Polynomial:
        """The cell's output in terms of its input, `x`.

        States that are equal at every step are found by taking all for one and telling apart
        those whose definitions then differ, until nothing changes.
        """
        cell = self.notes.cell
        self.input = x
        self.residual = self._resized(self.before, self.resizes.cell)
        self.fed = self._resized(self.feedback, self.resizes.cell)
        places = enumerate(cell.states)
        self.classes = {name: 0 if self.notes.merges else place for place, name in places}
        while True:
            self.step = _Tables()
            for name, state in cell.states.items():
                self.step.new[name] = self._state(name, state)
            zeros = frozenset(name for name, value in self.step.new.items() if not value)
            classes = self._told_apart()
            if classes == self.classes and zeros == self.zeros:
                break
            self.classes, self.zeros = classes, zeros
        return self._wrapped(more(cell), self.step.new[cell.output])

    def _told_apart(self) -> dict[str, int]:
        found: dict[object, int] = {}
        return {
            name: found.setdefault((key(value), self._constant_depth(name, value)), len(found))
            for name, value in self.step.new.items()
        }

    def _constant_depth(self, name: str, value: Polynomial) -> int | None:
        assert self.shape.cell is not None
        return self.shape.cell.depths[name] if is_constant(value) else None

    def _old(self, name: str) -> Polynomial:
        if name in self.zeros:
            return ZERO
        return self.arena.atom(OLD, place=f"old {self.classes[name]}")

    def _state(self, name: str, state: State) -> Polynomial:
        assert self.shape.cell is not None
        place = f"cell.states.{name}"
        value = self._drive(name, state.drive)
        carried = self._source(self.notes.carried[name]) if state.carry is not None else None
        if state.carry is not None and carried is not None:
            gate = state.carry.gate
            kept = ONE if gate is None else self._gate(gate, gate_key(name, 0), f"{place}.carry")
            kept = self.arena.times(kept, carried)
            value = plus(value, self._wrapped(more(state.carry), kept))
        if state.norm is not None:
            filled = self._filled(value, self.shape.cell.depths[name])
            value = self._normed(state.norm, filled, f"{place}.norm")
        value = self.arena.activated(state.activation, value)
        return self._wrapped(more(state), value)

    def _drive(self, name: str, drive: Drive) -> Polynomial:
        assert self.shape.cell is not None
        place = f"cell.states.{name}.drive"
        adding = [(f"{place}.{i}", e.add) for i, e in enumerate(drive.edges) if e.add is not None]
        value = self._sum(
            adding,
            self.shape.cell.drives[name],
            drive.norm,
            drive.acting_bias,
            place,
            self.shape.cell.depths[name],
        )
        factors = [self.arena.activated(drive.activation, value)]
        for at, i, gate in multiplying(name, drive):
            factors.append(self._gate(gate, at, f"{place}.{i}"))
        return self._wrapped(more(drive), self.arena.times(*factors))

    def _sum(
        self,
        placed: list[tuple[str, Term]],
        shapes: tuple[TermShape, ...],
        norm: Norm | None,
        bias: float,
        place: str,
        depth: int,
    ) -> Polynomial:
        there = [(at, term) for at, term in placed if self._present(term)]
        values = [
            (term.after_norm, self._term(at, term, shape))
            for (at, term), shape in zip(there, shapes, strict=True)
        ]
        if norm is None:
            return plus(*(value for _, value in values), constant(bias))
        early = self._filled(plus(*(value for late, value in values if not late)), depth)
        late = [value for late, value in values if late]
        return plus(self._normed(norm, early, f"{place}.norm"), *late, constant(bias))

    def _gate(self, gate: Gate, key: str, place: str) -> Polynomial:
        """offset + scale * nonlinearity(argument), its weights computed once a step."""
        if gate.complement is not None:
            return plus(ONE, self.arena.times(constant(-1.0), self._shared(gate.complement)))
        if gate.shared is not None:
            return self._shared(gate.shared)
        if key not in self.step.gates:
            self.step.gates[key] = self._written_gate(gate, key, place)
        return self.step.gates[key]

    def _shared(self, name: str) -> Polynomial:
        """A gate of the cell by its name."""
        return self._gate(self.notes.cell.gates[name], name, f"cell.gates.{name}")

    def _written_gate(self, gate: Gate, key: str, place: str) -> Polynomial:
        assert self.shape.cell is not None
        if gate.scale == 0.0:
            return constant(gate.offset)
        depth = self.shape.cell.gate_depths[key]
        placed = [(f"{place}.terms.{i}", term) for i, term in enumerate(gate.terms)]
        shapes = self.shape.cell.gates[key]
        argument = self._sum(placed, shapes, gate.norm, gate.acting_bias, place, depth)
        value = self.arena.activated(gate.nonlinearity, argument)
        value = plus(constant(gate.offset), self.arena.times(constant(gate.scale), value))
        return self._wrapped(more(gate), value)

    def _present(self, term: Term) -> bool:
        sources = self.notes.sources(term)
        return any(s.name != "feedback" or self.shape.feedback is not None for s in sources)

    def _term(self, place: str, term: Term, shape: TermShape) -> Polynomial:
        reads = [
            (source.name, value)
            for source in self.notes.sources(term)
            if (value := self._source(source)) is not None
        ]
        value = reads[0][1]
        if shape.projects or term.operation not in ("identity", "match"):
            maps = zip(reads, shape.sources, strict=True)
            filled = [(name, self._filled(value, m.channels)) for (name, value), m in maps]
            said = self.notes.label(term, shape, self._depth(shape.writes.channels))
            value = self._part(place, said, filled)
        if shape.norm is not None:
            filled_value = self._filled(value, shape.writes.channels)
            value = self._normed(shape.norm, filled_value, f"{place}.norm")
        if term.skip:
            value = plus(value, self._concatenated([read for _, read in reads]))
        return self.arena.activated(term.activation, value)

    def _concatenated(self, values: list[Polynomial]) -> Polynomial:
        """The sources of a term as they are, one behind the other."""
        if len(values) == 1:
            return values[0]
        placed = [self.arena.atom(label("place", i), [x]) for i, x in enumerate(values)]
        return self.arena.atom(label("concatenated"), placed)

    def _source(self, source: Source) -> Polynomial | None:
        """None where the source is absent (feedback without an edge)."""
        if source.name == "input":
            value = self.input
        elif source.name == "residual":
            value = self.residual
        elif source.name == "feedback":
            if self.shape.feedback is None:
                return None
            value = self.fed
        else:
            value = self.step.new[source.name] if source.new else self._old(source.name)
        if source.mask is None:
            return value
        return self.arena.times(value, self._shared(source.mask))
