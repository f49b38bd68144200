"""One cell's step, written as operations: what every term, gate and state comes to.

The equations are those of `space/network/grammar.py`:

    state' = act( norm( carry_gate * carry_source + product of gates * drive_act( norm( sum of terms ) + bias ) ) )
    gate   = offset + scale * nonlinearity( norm( sum of terms ) + bias )
    term   = activation( norm( op( sources ) ) + sources ), or its square

States are updated in the order of the document, from values of the step before; `new.NAME` reads
this step's (trap 4). A source that is absent (feedback without an edge) contributes nothing.
Numbers that are known now, such as a gate without terms, are worked out and never written.
"""  # noqa: E501

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from space.network.cell_sizes import CellShape, gate_key, multiplying
from space.network.grammar import Cell, Gate, Norm, State, Term, TermSource, parse_source
from space.network.maps import Map, same_padding
from space.step.constants import EXACT, activate_constant, exact
from space.step.operations import (
    Activate,
    Convolve,
    Multiply,
    Normalise,
    Operations,
    Pass,
    Ref,
    Scale,
    Separate,
    Weigh,
    Writer,
    Zeros,
)
from space.step.terms import Placed, placed_terms

Operand = Ref | Decimal
"""A value of an operation, or a number that is known now."""

_ZERO, _ONE = Decimal(0), Decimal(1)


@dataclass(frozen=True, kw_only=True)
class Given:
    """An external source of a cell: its value and the map that it lies on."""

    value: Ref
    map: Map


def write_cell(
    writer: Writer,
    cell: Cell,
    shape: CellShape,
    stage: str,
    sources: Mapping[str, Given],
    resize: str,
) -> int:
    """Write the step of the cell of a stage; the operation of the state that is put out.

    `sources` are the external ones that are there, each on its own map; `resize` brings them to
    the cell's. The states are named `STAGE.STATE`.
    """
    first = writer.next
    written = _CellWriter(writer, cell, shape, stage, sources, resize).write()
    writer.end_part(f"stages.{stage}.cell", first, written)
    return written


ALONE = "alone"
"""The stage of a cell, or of a join of inputs, that belongs to no network."""


def write_sources(writer: Writer, sources: Mapping[str, Map]) -> dict[str, Given]:
    """Places for values that come from outside: operations without operands, by their names."""
    return {
        name: Given(value=writer.write(Pass(), [], there, name), map=there)
        for name, there in sources.items()
    }


def cell_step(cell: Cell, shape: CellShape, sources: Mapping[str, Map], resize: str) -> Operations:
    """The operations of one step of a cell that stands alone, as the stage `ALONE`: the first
    ones are where its external sources come in, in their order.
    """
    writer = Writer()
    given = write_sources(writer, sources)
    write_cell(writer, cell, shape, ALONE, given, resize)
    writer.end_stage()
    return writer.operations()


class _CellWriter:
    def __init__(
        self,
        writer: Writer,
        cell: Cell,
        shape: CellShape,
        stage: str,
        sources: Mapping[str, Given],
        resize: str,
    ) -> None:
        self.writer, self.cell, self.shape, self.stage = writer, cell, shape, stage
        self.external, self.resize = sources, resize
        self.placed: dict[str, list[Placed]] = {}  # by the path of what they stand in
        for placed in placed_terms(cell, shape, sources):
            self.placed.setdefault(placed.path.rpartition(".")[0], []).append(placed)
        self.new: dict[str, int] = {}
        self.gates: dict[str, Operand] = {}
        self.complements: dict[str, Operand] = {}
        self.sources: dict[TermSource, Ref] = {}
        self.joined: dict[tuple[TermSource, ...], Ref] = {}

    def write(self) -> int:
        for name, state in self.cell.states.items():
            first = self.writer.next
            value = self._state(name, state)
            outs = self._map(self.shape.depths[name])
            own = self.writer.write_own(value, outs, f"cell.states.{name}")
            if own in self.new.values():  # another state's: each is read by a number of its own
                own = self.writer.write(Pass(), [own], outs, f"cell.states.{name}")
            self.new[name] = own
            self.writer.named[f"{self.stage}.{name}"] = own
            self._end(f"states.{name}", first, own)
        return self.new[self.cell.output]

    def _path(self, within: str) -> str:
        return f"stages.{self.stage}.cell.{within}"

    def _end(self, within: str, first: int, value: Operand) -> None:
        """What was written from `first` on is `value`, that of the part `within`."""
        if not isinstance(value, Decimal):
            self.writer.end_within(self._path(within), first, value)

    def _map(self, channels: int) -> Map:
        return Map(size=self.shape.output.size, channels=channels)

    # Sources and terms

    def _is_there(self, source: TermSource) -> bool:
        return source.name in self.external or source.name in self.cell.states

    def _source(self, source: TermSource) -> Ref:
        """A source on the cell's map, behind its mask."""
        if source not in self.sources:
            self.sources[source] = self._masked(source) if source.mask else self._plain(source)
        return self.sources[source]

    def _plain(self, source: TermSource) -> Ref:
        if source.name in self.external:
            given = self.external[source.name]
            size = self.shape.output.size
            return self.writer.write_resized(given.value, given.map, size, self.resize)
        return self.new[source.name] if source.new else f"{self.stage}.{source.name}"

    def _masked(self, source: TermSource) -> Ref:
        assert source.mask is not None
        plain = self._source(TermSource(name=source.name, new=source.new))
        depth = self.shape.gate_depths[source.mask]
        gate = self._tensor(self._gate(Gate(shared=source.mask), "", ""), depth)
        return self.writer.write(Multiply(), [plain, gate], self._map(depth), "cell.mask")

    def _joined(self, placed: Placed) -> Ref:
        """The sources of a term side by side."""
        if placed.sources not in self.joined:
            values = [self._source(source) for source in placed.sources]
            joined = self.writer.write_join(values, placed.shape.reads, "cell.join")
            self.joined[placed.sources] = joined
        return self.joined[placed.sources]

    def _term(self, placed: Placed, added: float) -> Ref:
        """activation(norm(op(sources)) + sources), as far as given, or the square of that; `added`
        acts with the bias.
        """
        term, shape, part = placed.term, placed.shape, f"cell.{placed.path}"
        source = self._joined(placed)
        first = self.writer.next
        x = self._operation(placed, source, added)
        if shape.norm is not None:
            x = self._normalised(x, shape.norm, placed.path, shape.writes)
        if term.skip:
            x = self.writer.write_sum([source, x], 0.0, shape.writes, part)
        if term.activation != "identity":
            x = self.writer.write(Activate(name=term.activation), [x], shape.writes, part)
        if term.squared:
            x = self.writer.write(Multiply(), [x, x], shape.writes, part)
        self._end(placed.path, first, x)
        return x

    def _operation(self, placed: Placed, source: Ref, added: float) -> Ref:
        term, shape, path = placed.term, placed.shape, self._path(placed.path)
        ins, outs = shape.reads.channels, shape.writes
        padding = same_padding(outs.size, shape.kernel, 1)
        match term.operation:
            case "convolution":
                what = Convolve(
                    weights=path,
                    channels=ins,
                    kernel=shape.kernel,
                    padding=padding,
                    bias=term.has_bias,
                    added=added,
                )
                return self.writer.write_convolution(what, source, outs)
            case "match" if shape.projects:
                what = Convolve(weights=path, channels=ins, bias=False)
                return self.writer.write_convolution(what, source, outs)
            case "separable":
                separate = Separate(
                    weights=path,
                    channels=ins,
                    kernel=shape.kernel,
                    padding=padding,
                    repeat=term.repeat,
                    bias=term.has_bias,
                    added=added,
                )
                return self.writer.write_convolution(separate, source, outs)
            case "position" | "scalar":
                what_weighs = Weigh(weights=path)
                return self.writer.write(what_weighs, [source], outs, f"cell.{placed.path}")
            case _:
                return source

    # Sums and gates

    def _sum(
        self, placed: Iterable[Placed], norm: Norm | None, path: str, bias: float, outs: Map
    ) -> Operand:
        """norm(sum of terms) + sum of the terms after the norm + bias."""
        early, late = list[Placed](), list[Placed]()
        for p in placed:
            (late if norm is None or p.term.after_norm else early).append(p)
        values: list[Ref] = []
        if norm is not None:
            terms = [self._term(p, 0.0) for p in early]
            summed = (
                self.writer.write_sum(terms, 0.0, outs, f"cell.{path}")
                if terms
                else self._tensor(_ZERO, outs.channels)
            )
            values.append(self._normalised(summed, norm, path, outs))
        for p in late:
            absorbs = bias != 0.0 and absorbs_constant(p.term)
            values.append(self._term(p, bias if absorbs else 0.0))
            bias = 0.0 if absorbs else bias
        if not values:
            return exact(bias)
        if len(values) == 1 and not bias:
            return values[0]
        return self.writer.write_sum(values, bias, outs, f"cell.{path}")

    def _normalised(self, x: Ref, norm: Norm, path: str, outs: Map) -> int:
        return self.writer.write_norm(x, resolve_norm(norm, self._path(path)), outs)

    def _tensor(self, value: Operand, channels: int) -> Ref:
        """A value that may be a number, as a value of an operation."""
        if not isinstance(value, Decimal):
            return value
        outs = self._map(channels)
        zeros = self.writer.write(Zeros(), [], outs, "cell")
        return self.writer.write_sum([zeros], float(value), outs, "cell")

    def _activated(self, value: Operand, name: str, outs: Map, part: str) -> Operand:
        if isinstance(value, Decimal):
            return activate_constant(name, value)
        if name == "identity":
            return value
        return self.writer.write(Activate(name=name), [value], outs, part)

    def _scaled(
        self, value: Operand, offset: Decimal, scale: Decimal, outs: Map, part: str
    ) -> Operand:
        if isinstance(value, Decimal):
            return EXACT.add(offset, EXACT.multiply(scale, value))
        if offset == 0 and scale == 1:
            return value
        what = Scale(offset=float(offset), scale=float(scale))
        return self.writer.write(what, [value], outs, part)

    def _gate(self, gate: Gate, key: str, path: str) -> Operand:
        """The value of a gate; one that is shared is written once."""
        if gate.complement is not None:
            return self._complement(gate.complement)
        if gate.shared is not None:
            key, path, gate = gate.shared, f"gates.{gate.shared}", self.cell.gates[gate.shared]
        if key not in self.gates:
            outs, part = self._map(self.shape.gate_depths[key]), f"cell.{path}"
            first = self.writer.next
            terms = self.placed.get(f"{path}.terms", [])
            value = self._sum(terms, gate.norm, path, float(gate.acting_bias), outs)
            value = self._activated(value, gate.nonlinearity, outs, part)
            self.gates[key] = self._scaled(
                value, exact(gate.offset), exact(gate.scale), outs, part
            )
            self._end(path, first, self.gates[key])
        return self.gates[key]

    def _complement(self, name: str) -> Operand:
        """One minus a gate of the cell."""
        if name not in self.complements:
            plain = self._gate(Gate(shared=name), "", "")
            outs = self._map(self.shape.gate_depths[name])
            part = f"cell.gates.{name}"
            self.complements[name] = self._scaled(plain, _ONE, -_ONE, outs, part)
        return self.complements[name]

    # States

    def _state(self, name: str, state: State) -> Ref:
        outs, part = self._map(self.shape.depths[name]), f"cell.states.{name}"
        carry, first = self._carry(name, state), self.writer.next
        drive = self._drive(name, state, outs)
        self._end(f"states.{name}.drive", first, drive)
        value = self._integrated(carry, drive, outs, part)
        if state.norm is not None:
            value = self._normalised(value, state.norm, f"states.{name}", outs)
        activated = self._activated(value, state.activation, outs, part)
        assert not isinstance(activated, Decimal)
        return activated

    def _carry(self, name: str, state: State) -> tuple[Operand, Ref] | None:
        """(gate, source), or None where the state keeps nothing."""
        if state.carry is None:
            return None
        source = parse_source(state.carry.of or name)
        if not self._is_there(source):
            return None
        gate: Operand = _ONE
        if state.carry.gate is not None:
            gate = self._gate(state.carry.gate, gate_key(name, 0), f"states.{name}.carry")
        return gate, self._source(source)

    def _drive(self, name: str, state: State, outs: Map) -> Operand:
        """product of gates * activation(norm(sum of terms) + bias)."""
        drive, path = state.drive, f"states.{name}.drive"
        part = f"cell.{path}"
        total = self._sum(
            self.placed.get(path, []), drive.norm, path, float(drive.acting_bias), outs
        )
        factors = [self._activated(total, drive.activation, outs, part)]
        for key, i, gate in multiplying(name, drive):
            factors.append(self._gate(gate, key, f"{path}.{i}"))
        constant, values = _ONE, list[Ref]()
        for factor in factors:
            if isinstance(factor, Decimal):
                constant = EXACT.multiply(constant, factor)
            else:
                values.append(factor)
        if not values or not constant:
            return constant
        product = values[0]
        if len(values) > 1:
            product = self.writer.write(Multiply(), values, outs, part)
        return self._scaled(product, _ZERO, constant, outs, part)

    def _integrated(
        self, carry: tuple[Operand, Ref] | None, drive: Operand, outs: Map, part: str
    ) -> Ref:
        """gate * source + drive."""
        if carry is None:
            return self._tensor(drive, outs.channels)
        gate, source = carry
        if isinstance(gate, Decimal):
            kept = self._scaled(source, _ZERO, gate, outs, part)
        else:
            kept = self.writer.write(Multiply(), [gate, source], outs, part)
        assert not isinstance(kept, Decimal)
        if not isinstance(drive, Decimal):
            return self.writer.write_sum([drive, kept], 0.0, outs, part)
        return self.writer.write_sum([kept], float(drive), outs, part) if drive else kept


def resolve_norm(norm: Norm, path: str) -> Normalise:
    """The norm of the part at `path`, with its defaults; one of a single group is one of a map."""
    groups = norm.groups or 1
    kind = "layer" if norm.kind == "group" and groups == 1 else norm.kind
    return Normalise(
        weights=f"{path}.norm",
        kind=kind,
        groups=groups,
        interleaved=norm.interleaved and groups > 1,
        epsilon=norm.added_epsilon,
        momentum=norm.momentum,
    )


def absorbs_constant(term: Term) -> bool:
    """Whether a constant of the sum that a term stands in can be added with the term's bias."""
    linear = term.activation == "identity" and term.norm is None and not term.squared
    return linear and term.operation in ("convolution", "separable")
