"""What is wired to what in a cell: rows of parts that are read from left to right, without places.

A cell has rails, from which rows read: its sources, the values of its states at the step before
and at this one, the gates that its states share. A row reads one or more rails and leads through
operations to a sum; a block of rows is worked out to a state or to a shared gate.

Every row has the path of its part, `cells.rgc.states.out.drive.2`: the parameter paths of
space/step/parameters.py behind the name of the cell.
"""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from space.circuits.metric import shorten
from space.circuits.numbers import constant_gate, write_short
from space.circuits.present import PresentCell
from space.network.grammar import EXTERNAL_SOURCES, Gate, Norm, Term, TermSource, parse_source
from space.parts import KEPT, edge_path
from space.step.constants import activate_constant, exact

NAME_LETTERS = 14
ROW_LETTERS = 40
MINUS = "\N{MINUS SIGN}"
TIMES = "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True, slots=True)
class Chip:
    """An operation on a row; `kind` is `full`, `separable`, `plain`, `norm`, `activation`,
    `number`.
    """

    text: str
    kind: str = "plain"


@dataclass(frozen=True, slots=True)
class Row:
    """What is read from which rails, and what is done to it. `reads` are the paths of what is
    read, with short names where there are several.
    """

    part: str
    rails: tuple[str, ...]
    text: str
    title: str
    chips: tuple[Chip, ...] = ()
    reads: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Sum:
    """chips( norm( sum of early rows ) + late rows ). Without early rows, `constant` is there."""

    part: str
    early: tuple[Row, ...]
    late: tuple[Row, ...] = ()
    norm: Chip | None = None
    constant: Chip | None = None
    chips: tuple[Chip, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """A state, a shared gate, or a source behind a gate that masks it:
    chips( kept gate * kept + product of gates * drive ).

    `rails` are those that it gives its value to: of this step (`new`, `gate`, `mask`), of the next
    (`old`).
    """

    name: str
    shown: str
    part: str
    kind: Literal["state", "gate", "mask"]
    drive: Sum
    gates: tuple[Sum, ...] = ()
    kept: Row | None = None
    kept_gate: Sum | None = None
    chips: tuple[Chip, ...] = ()
    note: str = ""
    is_output: bool = False
    rails: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wiring:
    """A cell's blocks in the order in which they are worked out, and its rails."""

    name: str
    stages: tuple[str, ...]
    sources: tuple[str, ...]
    rails: tuple[str, ...]
    blocks: tuple[Block, ...]


def read_wiring(cell: PresentCell) -> Wiring:
    """The wiring of what is present of a cell."""
    reader = _Reader(cell)
    blocks = list[Block]()
    for block in (*map(reader.gate_block, cell.gates), *map(reader.state_block, cell.states)):
        # What a block reads behind a mask stands before it, once.
        named = {one.name for one in blocks}
        read = dict.fromkeys(rail for row in list_rows(block) for rail in row.rails)
        masks = [rail.removeprefix("mask ") for rail in read if rail.startswith("mask ")]
        blocks += [reader.mask_block(name) for name in masks if name not in named]
        blocks.append(block)
    rails = {rail for block in blocks for row in list_rows(block) for rail in row.rails}
    placed = tuple(replace(block, rails=_own_rails(block, rails)) for block in blocks)
    return Wiring(
        name=cell.name,
        stages=cell.stages,
        sources=tuple(source for source in EXTERNAL_SOURCES if source in rails),
        rails=tuple(rail for block in placed for rail in block.rails),
        blocks=placed,
    )


def _own_rails(block: Block, read: Container[str]) -> tuple[str, ...]:
    kinds = ("new", "old") if block.kind == "state" else (block.kind,)
    return tuple(rail for kind in kinds if (rail := f"{kind} {block.name}") in read)


def list_rows(block: Block) -> Iterator[Row]:
    """Every row of a block."""
    sums = [block.drive, *block.gates, *([block.kept_gate] if block.kept_gate else [])]
    for one in sums:
        yield from one.early
        yield from one.late
    if block.kept is not None:
        yield block.kept


@dataclass(frozen=True)
class _Reader:
    cell: PresentCell

    def gate_block(self, name: str) -> Block:
        part = f"cells.{self.cell.name}.gates.{name}"
        gate = self._gate(self.cell.cell.gates[name], part)
        shown = shorten(name, NAME_LETTERS)
        return Block(name=name, shown=shown, part="", kind="gate", drive=gate)

    def mask_block(self, name: str) -> Block:
        """A source behind its mask: `hidden * reset`, `new.hidden * reset`."""
        source = parse_source(name)
        assert source.mask is not None
        plain = source.model_copy(update={"mask": None})
        row = self._kept(plain, "")
        return Block(
            name=name,
            shown=self._word(source),
            part="",
            kind="mask",
            drive=Sum(part="", early=(row,)),
            gates=(self._reference(source.mask, "", ()),),
        )

    def state_block(self, name: str) -> Block:
        state = self.cell.cell.states[name]
        part = f"cells.{self.cell.name}.states.{name}"
        kept, kept_gate = self.cell.kept(name), None
        if state.carry is not None and kept is not None and state.carry.gate is not None:
            kept_gate = self._gate(state.carry.gate, f"{part}.carry")
        return Block(
            name=name,
            shown=shorten(name, NAME_LETTERS),
            part=part,
            kind="state",
            drive=self._drive(name, f"{part}.drive"),
            gates=tuple(
                self._gate(edge.multiply, f"{part}.drive.{i}")
                for i, edge in enumerate(state.drive.edges)
                if edge.multiply is not None
            ),
            kept=None if kept is None else self._kept(kept, f"{part}.carry.{KEPT}"),
            kept_gate=kept_gate,
            chips=(*_norm_chips(state.norm), *_activation_chips(state.activation)),
            note="" if state.depth is None else f"{state.depth} channels",
            is_output=name == self.cell.cell.output,
        )

    def _drive(self, name: str, part: str) -> Sum:
        drive = self.cell.cell.states[name].drive
        terms = [
            (f"{part}.{i}", edge.add)
            for i, edge in enumerate(drive.edges)
            if edge.add is not None and self.cell.sources(edge.add)
        ]
        if not terms and drive.norm is None:
            value = activate_constant(drive.activation, exact(drive.acting_bias))
            return Sum(part=part, early=(), constant=_number_chip(float(value)))
        return self._sum(part, terms, drive.norm, drive.acting_bias, drive.activation)

    def _gate(self, gate: Gate, part: str) -> Sum:
        """A gate with its own terms, a number, or a reference."""
        if gate.reference is not None:
            chips = (Chip(f"1 {MINUS} x"),) if gate.complement else ()
            return self._reference(gate.reference, part, chips)
        terms = [(f"{part}.terms.{i}", term) for i, term in self.cell.terms(gate)]
        if not terms and gate.norm is None:
            return Sum(part=part, early=(), constant=_number_chip(constant_gate(gate)))
        total = self._sum(part, terms, gate.norm, gate.acting_bias, gate.nonlinearity)
        return replace(total, chips=(*total.chips, *_scale_chips(gate.offset, gate.scale)))

    def _reference(self, gate: str, part: str, chips: tuple[Chip, ...]) -> Sum:
        """A shared gate, read from its rail."""
        text = shorten(gate, NAME_LETTERS)
        row = Row(part=part, rails=(f"gate {gate}",), text=text, title=gate, chips=chips)
        return Sum(part=part, early=(row,))

    def _sum(
        self,
        part: str,
        terms: Sequence[tuple[str, Term]],
        norm: Norm | None,
        bias: float,
        activation: str,
    ) -> Sum:
        rows = [
            (self._row(self.cell.places(term), _term_chips(term), path), term)
            for path, term in terms
        ]
        early = tuple(row for row, term in rows if norm is None or not term.after_norm)
        late = tuple(row for row, term in rows if norm is not None and term.after_norm)
        sign = MINUS if bias < 0 else "+"
        added = (Chip(f"{sign} {write_short(abs(bias))}", "number"),) if bias else ()
        return Sum(
            part=part,
            early=early,
            late=late,
            norm=next(iter(_norm_chips(norm)), None),
            constant=None if early else _number_chip(0.0),
            chips=(*added, *_activation_chips(activation)),
        )

    def _kept(self, source: TermSource, path: str) -> Row:
        """A source that is read as it is."""
        row = self._row(((0, source),), (), path)
        return replace(row, reads=((path, ""),))

    def _row(
        self, places: Sequence[tuple[int, TermSource]], chips: tuple[Chip, ...], part: str
    ) -> Row:
        sources = [source for _, source in places]
        words = [self._word(source) for source in sources]
        several = len(sources) > 1
        return Row(
            part=part,
            rails=tuple(dict.fromkeys(map(self._rail, sources))),
            text=shorten(", ".join(words), ROW_LETTERS),
            title=", ".join(words),
            chips=chips,
            reads=tuple(
                (edge_path(part, place), shorten(source.name, NAME_LETTERS) if several else "")
                for place, source in places
            ),
        )

    def _rail(self, source: TermSource) -> str:
        if source.mask is not None:
            return f"mask {'new.' if source.new else ''}{source.name} * {source.mask}"
        if source.name not in self.cell.cell.states:
            return source.name
        return f"{'new' if source.new else 'old'} {source.name}"

    def _word(self, source: TermSource) -> str:
        word = shorten(source.name, NAME_LETTERS)
        if source.name in self.cell.cell.states and not source.new:
            word += f" t{MINUS}1"
        return f"{word} {TIMES} {shorten(source.mask, NAME_LETTERS)}" if source.mask else word


def _term_chips(term: Term) -> tuple[Chip, ...]:
    """What a term does to its sources, in order."""
    chips = list[Chip]()
    size = f"{term.kernel}{TIMES}{term.kernel}"
    match term.operation:
        case "convolution":
            chips.append(Chip(size, "full"))
        case "separable":
            twice = ", twice" if term.repeat else ""
            chips.append(Chip(f"sep {size}{twice}", "separable"))
        case "match":
            chips.append(Chip("match"))
        case "position":
            chips.append(Chip("weight a position"))
        case "scalar":
            chips.append(Chip(f"{TIMES} learned number"))
        case _:
            pass
    chips += _norm_chips(term.norm)
    if term.skip:
        chips.append(Chip("+ itself"))
    chips += _activation_chips(term.activation)
    if term.squared:
        chips.append(Chip("x\N{SUPERSCRIPT TWO}"))
    return tuple(chips)


def _norm_chips(norm: Norm | None) -> tuple[Chip, ...]:
    if norm is None:
        return ()
    groups = f" of {norm.groups}" if norm.groups else ""
    return (Chip(f"{norm.kind} norm{groups}", "norm"),)


def _activation_chips(name: str) -> tuple[Chip, ...]:
    return () if name == "identity" else (Chip(name, "activation"),)


def _number_chip(value: float) -> Chip:
    return Chip(write_short(value).replace("-", MINUS), "number")


def _scale_chips(offset: float, scale: float) -> tuple[Chip, ...]:
    """offset + scale * x, if that is not x."""
    if offset == 0 and scale == 1:
        return ()
    size = write_short(abs(scale))
    factor = "x" if size == "1" else f"{size} x"
    if offset == 0:
        return (Chip(f"{MINUS if scale < 0 else ''}{factor}"),)
    start = write_short(offset).replace("-", MINUS)
    return (Chip(f"{start} {MINUS if scale < 0 else '+'} {factor}"),)
