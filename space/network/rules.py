"""What a genome must satisfy beyond the types of its fields.

`check` raises a GenomeError for the first rule that is broken: names that refer to nothing, cells
that read a value before it exists, clocks that end before the image arrives, parts whose sizes do
not fit. It changes nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from space.documents.bounds import CELL_TERMS, UNROLLED
from space.documents.validation import suggestion
from space.errors import GenomeError
from space.network.architecture import (
    HEAD,
    LEARNED,
    TEMPERED,
    Architecture,
    Clock,
    Stage,
    split_edge,
)
from space.network.cell_sizes import CellShape, TermShape, gate_key, multiplying
from space.network.grammar import (
    EXTERNAL_SOURCES,
    KERNEL_OPS,
    Cell,
    Edge,
    Gate,
    Norm,
    Term,
    TermSource,
    parse_source,
)
from space.network.sizes import layout


def check(architecture: Architecture) -> None:
    """Raise GenomeError if an architecture does not describe a network."""
    _check_stages(architecture)
    _check_work(architecture)
    for name, cell in architecture.cells.items():
        _check_cell(cell, f"cells.{name}")
    _check_feedback(architecture)
    _check_clock(architecture.clock, len(architecture.stages))
    _check_decoder(architecture)
    layout(architecture)  # raises where sizes do not fit
    _check_norms(architecture)


def _check_stages(architecture: Architecture) -> None:
    seen: set[str] = set()
    for place, stage in enumerate(architecture.stages):
        where = f"stages[{place}]"
        if stage.name == HEAD:
            raise GenomeError(f"{where}.name", f'"{HEAD}" is the read-out', "choose another name")
        if stage.name in seen:
            raise GenomeError(
                f"{where}.name", f'"{stage.name}" is the name of two stages', "rename one"
            )
        seen.add(stage.name)
        if stage.cell is not None and stage.cell not in architecture.cells:
            raise _unknown(f"{where}.cell", "cell", stage.cell, architecture.cells)
        _check_join(stage, where)
        if stage.second is not None and stage.second.reads_feedback:
            raise GenomeError(
                f"{where}.second.reads_feedback",
                "only a stage's first convolution can read feedback",
                "set it on `convolution`",
            )


def _check_work(architecture: Architecture) -> None:
    """The bounds of what is worked out from a genome: its cells, and the whole unroll."""
    terms = {name: len(cell.terms) for name, cell in architecture.cells.items()}
    for name, count in terms.items():
        if count > CELL_TERMS:
            problem = f"{count} terms in one cell, where at most {CELL_TERMS} may stand"
            raise GenomeError(f"cells.{name}", problem, "divide it between stages")
    steps = architecture.clock.steps
    work = steps * sum(1 + (terms[s.cell] if s.cell else 0) for s in architecture.stages)
    if work > UNROLLED:
        raise GenomeError(
            "clock.steps",
            f"{steps} steps of all stages are {work:,} convolutions and terms, where at most "
            f"{UNROLLED:,} may be unrolled",
            "write fewer steps, stages or terms",
        )


def _check_join(stage: Stage, where: str) -> None:
    if stage.join.kind == "concat":
        if stage.join.channels is not None:
            raise GenomeError(
                f"{where}.join.channels",
                "a concatenation has the channels of its inputs",
                "leave it out, or write kind: add",
            )
    elif stage.convolution.reads_feedback:
        raise GenomeError(
            f"{where}.convolution.reads_feedback",
            f"the convolution reads the feedback already: join: {stage.join.kind}",
            "leave one of the two out",
        )


def _check_decoder(architecture: Architecture) -> None:
    decoder, steps = architecture.decoder, architecture.clock.steps
    form, window = decoder.form, len(architecture.window)
    if form == "last" and decoder.start is not None:
        raise GenomeError("decoder.start", "the last step alone is read", "leave it out")
    if not window:
        raise GenomeError(
            "decoder.start",
            f"the window from step {architecture.window.start} to {steps - 1} is empty",
            "give the clock more steps, or an earlier start",
        )
    if decoder.trainable and form not in TEMPERED:
        what = "is learned in any case" if form in LEARNED else "has nothing to learn"
        raise GenomeError("decoder.trainable", f"{form} {what}", "leave it out")
    if len(set(decoder.windows)) != len(decoder.windows):
        raise GenomeError("decoder.windows", "holds one window twice", "write each once")
    if form == "conv1d" and max(decoder.windows) > window:
        raise GenomeError(
            "decoder.windows",
            f"{max(decoder.windows)} steps exceed the {window} that are read",
            "write shorter windows, or give the clock more steps",
        )


def _check_feedback(architecture: Architecture) -> None:
    names = [stage.name for stage in architecture.stages]
    for key in architecture.feedback:
        sender, receiver = split_edge(key)
        where = f"feedback.{key}"
        if not sender or not receiver:
            raise GenomeError(where, "is not an edge", 'write "SENDER->RECEIVER": true')
        for name in (sender, receiver):
            if name not in names:
                raise _unknown(where, "stage", name, names)
        if names.index(sender) <= names.index(receiver):
            raise GenomeError(
                where,
                f"{sender} does not come after {receiver}",
                "a feedback edge runs from a later stage to an earlier one",
            )


def _check_clock(clock: Clock, stages: int) -> None:
    if clock.image_off is not None and clock.image_off <= clock.image_on:
        raise GenomeError(
            "clock.image_off",
            f"{clock.image_off} is not after image_on, {clock.image_on}",
            "show the image for at least one step",
        )
    needed = clock.image_on + stages + 1
    if clock.steps < needed:
        raise GenomeError(
            "clock.steps",
            f"{clock.steps} steps end before the image reaches the read-out",
            f"{stages} stages and image_on: {clock.image_on} need at least {needed}",
        )


@dataclass
class _Known:
    """What of a cell was checked: the states before the present one, and the shared gates, which
    may be read wherever they are right once, since more is known there.
    """

    cell: Cell
    earlier: list[str] = field(default_factory=list)
    gates: set[str] = field(default_factory=set)


def _check_cell(cell: Cell, where: str) -> None:
    if cell.output not in cell.states:
        raise _unknown(f"{where}.output", "state", cell.output, cell.states)
    for name in (*cell.states, *cell.gates):
        if name in EXTERNAL_SOURCES:
            raise GenomeError(
                f"{where}.{'states' if name in cell.states else 'gates'}.{name}",
                f'"{name}" is the name of a source',
                "choose another name",
            )
    for name, gate in cell.gates.items():
        if gate.reference is not None:
            raise GenomeError(
                f"{where}.gates.{name}",
                "a shared gate is written out",
                "refer to it from the states only",
            )
    known = _Known(cell)
    for name, state in cell.states.items():
        at = f"{where}.states.{name}"
        if state.carry is not None and state.carry.of is not None:
            _check_source(parse_source(state.carry.of), known, f"{at}.carry.of")
            _check_mask(parse_source(state.carry.of), known, f"{at}.carry.of", ())
        if state.carry is not None and state.carry.gate is not None:
            _check_gate(state.carry.gate, known, f"{at}.carry.gate", ())
        for i, edge in enumerate(state.drive.edges):
            _check_edge(edge, known, f"{at}.drive.edges[{i}]")
        known.earlier.append(name)


def _check_edge(edge: Edge, known: _Known, where: str) -> None:
    if (edge.add is None) == (edge.multiply is None):
        raise GenomeError(
            where, "an edge either adds or multiplies", "give one of `add` and `multiply`"
        )
    if edge.add is not None:
        _check_term(edge.add, known, f"{where}.add", ())
    if edge.multiply is not None:
        _check_gate(edge.multiply, known, f"{where}.multiply", ())


def _check_gate(gate: Gate, known: _Known, where: str, inside: tuple[str, ...]) -> None:
    if gate.reference is not None:
        if gate != Gate(shared=gate.shared) and gate != Gate(complement=gate.complement):
            raise GenomeError(
                where,
                "refers to a gate and describes one",
                "give `shared` or `complement` alone, or leave both out",
            )
        name, gates = gate.reference, known.cell.gates
        if name not in gates:
            raise _unknown(where, "gate", name, gates)
        if name in inside:
            raise GenomeError(where, f'the gate "{name}" depends on itself', "break the circle")
        if name in known.gates:
            return
        inside = (*inside, name)
        gate = gates[name]
        where = f"{where.split('.states.')[0]}.gates.{name}"
    for i, term in enumerate(gate.terms):
        _check_term(term, known, f"{where}.terms[{i}]", inside)
    if gate.reference is None and inside:
        known.gates.add(inside[-1])


def _check_term(term: Term, known: _Known, where: str, inside: tuple[str, ...]) -> None:
    if (term.operation in KERNEL_OPS) != (term.kernel is not None):
        wants = "needs a kernel" if term.kernel is None else f"takes no kernel ({term.kernel})"
        raise GenomeError(
            f"{where}.kernel",
            f"op {term.operation} {wants}",
            f"kernels belong to {' and '.join(KERNEL_OPS)}",
        )
    if term.repeat and term.operation != "separable":
        raise GenomeError(
            f"{where}.repeat",
            f"op {term.operation} has no depthwise kernel to repeat",
            "write op: separable",
        )
    for word, there, ops in (
        ("norm", term.norm is not None, (*KERNEL_OPS, "match")),
        ("skip", term.skip, KERNEL_OPS),
        ("clip", term.clip is not None, KERNEL_OPS),
    ):
        if there and term.operation not in ops:
            raise GenomeError(
                f"{where}.{word}", f"op {term.operation} takes none", "leave the key out"
            )
    if term.bias and term.operation not in KERNEL_OPS:
        raise GenomeError(f"{where}.bias", f"op {term.operation} has no bias", "leave the key out")
    if len(term.of) > 1 and term.operation not in KERNEL_OPS:
        raise GenomeError(
            f"{where}.of",
            f"op {term.operation} reads one source, not {len(term.of)}",
            "write a term for each",
        )
    for source in term.sources:
        _check_source(source, known, f"{where}.of")
        _check_mask(source, known, f"{where}.of", inside)


def _check_source(source: TermSource, known: _Known, where: str) -> None:
    names = [*EXTERNAL_SOURCES, *known.cell.states]
    if source.name not in names:
        raise _unknown(where, "source", source.name, names)
    if source.new and source.name not in known.earlier:
        raise GenomeError(
            where,
            f"new.{source.name} is read before it exists",
            f"move the state {source.name} up, or read its old value: {source.name}",
        )


def _check_mask(source: TermSource, known: _Known, where: str, inside: tuple[str, ...]) -> None:
    if source.mask is not None:
        _check_gate(Gate(shared=source.mask), known, where, inside)


def _check_norms(architecture: Architecture) -> None:
    """Groups divide the channels that they are groups of, and belong to a norm of groups."""
    for where, norm, channels in _norms(architecture):
        if norm.kind == "group" and (norm.groups is None or channels % norm.groups):
            groups = "no number of groups" if norm.groups is None else f"{norm.groups} groups"
            raise GenomeError(
                where, f"{groups} for {channels} channels", "`groups` must divide the channels"
            )
        if norm.kind != "group" and (norm.groups is not None or norm.interleaved):
            raise GenomeError(where, f"a {norm.kind} norm has no groups", "write kind: group")


def _norms(architecture: Architecture) -> Iterator[tuple[str, Norm, int]]:
    """Every norm with its path and the channels that it normalises."""
    for place, shape in enumerate(layout(architecture).stages):
        yield from _stage_norms(shape.stage, place)
        name = shape.stage.cell
        if shape.cell is not None and name is not None:
            yield from _cell_norms(architecture.cells[name], shape.cell, f"cells.{name}")


def _stage_norms(stage: Stage, place: int) -> Iterator[tuple[str, Norm, int]]:
    for key, part in (("convolution", stage.convolution), ("second", stage.second)):
        if part is not None and part.norm is not None:
            yield f"stages[{place}].{key}.norm", part.norm, part.width
    if stage.shortcut is not None and stage.shortcut.norm is not None:
        width = (stage.second or stage.convolution).width
        yield f"stages[{place}].residual.norm", stage.shortcut.norm, width


def _cell_norms(cell: Cell, shape: CellShape, at: str) -> Iterator[tuple[str, Norm, int]]:
    for name, state in cell.states.items():
        depth, path = shape.depths[name], f"{at}.states.{name}"
        norms = [(f"{path}.norm", state.norm), (f"{path}.drive.norm", state.drive.norm)]
        yield from ((where, norm, depth) for where, norm in norms if norm is not None)
        for i, edge in enumerate(state.drive.edges):
            if edge.add is not None:
                where = f"{path}.drive.edges[{i}].add"
                yield from _term_norms(edge.add, shape.drives[name], where, depth)
        for key, i, gate in multiplying(name, state.drive):
            yield from _gate_norms(gate, key, shape, f"{path}.drive.edges[{i}].multiply")
        if state.carry is not None and state.carry.gate is not None:
            key = gate_key(name, 0)
            yield from _gate_norms(state.carry.gate, key, shape, f"{path}.carry.gate")
    for name, gate in cell.gates.items():
        yield from _gate_norms(gate, name, shape, f"{at}.gates.{name}")


def _gate_norms(
    gate: Gate, key: str, shape: CellShape, at: str
) -> Iterator[tuple[str, Norm, int]]:
    """The norms of a gate that is written at `at`; of one that is not used, none."""
    depth = shape.gate_depths.get(key)
    if depth is None:
        return
    if gate.norm is not None:
        yield f"{at}.norm", gate.norm, depth
    for i, term in enumerate(gate.terms):
        yield from _term_norms(term, shape.gates[key], f"{at}.terms[{i}]", depth)


def _term_norms(
    term: Term, there: Sequence[TermShape], at: str, depth: int
) -> Iterator[tuple[str, Norm, int]]:
    """The norm of a term, if the term is among those that are there."""
    if term.norm is not None and any(one.term is term for one in there):
        yield f"{at}.norm", term.norm, depth


def _unknown(where: str, kind: str, name: str, known: Iterable[str]) -> GenomeError:
    return GenomeError(where, f'no {kind} is called "{name}"', suggestion(name, known))
