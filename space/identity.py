"""The identity of a network: one digest for all spellings of it.

The canonical form writes a genome by what it computes: sizes after clipping, sources by what they
are, sums and products as sorted collections, states as the expressions that define them. It leaves
out names, states that the output never reads, constants that cannot act, and feedback that nobody
reads. Two genomes of one canonical form compute the same function under a renaming of weights.
"""

import hashlib
import json
from collections import Counter
from typing import Any

from space.genome import Genome
from space.geometry import StageShape, TermShape, gate_key, layout, source_map
from space.grammar import Cell, Drive, Gate, Norm, Source, State, Value, Weights, parse_source

DIGEST_LENGTH = 20  # hex digits: 80 bits, no collision among billions of genomes


def digest(genome: Genome) -> str:
    """The hash of the canonical form, DIGEST_LENGTH hex digits."""
    return _hash(canonical(genome))[:DIGEST_LENGTH]


def _hash(form: Any) -> str:
    text = json.dumps(form, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def canonical(genome: Genome) -> dict[str, Any]:
    """The canonical form: JSON values, stages by place, no names."""
    shapes = layout(genome)
    return {
        "image": [genome.image.size, genome.image.channels],
        "classes": genome.classes,
        "clock": _value(genome.clock),
        "stages": [_stage(genome, shape) for shape in shapes.stages],
        "head": [
            genome.head.form,
            genome.head.kernel if genome.head.form == "convolution_mean" else None,
            _weights(genome.head.weights.over(genome.base_weights)),
        ],
        "decoder": genome.decoder,
        "start": genome.start,
    }


def _value(value: Value) -> Any:
    return value.model_dump()


def _stage(genome: Genome, shape: StageShape) -> dict[str, Any]:
    stage = shape.stage
    base = genome.base_weights
    cell = None
    joins = stage.convolution.reads_feedback and shape.feedback is not None
    resizes = stage.residual and shape.input.size != (shape.second or shape.convolution).size
    if stage.cell is not None and shape.cell is not None:
        form = CellForm(genome, shape)
        cell = form.output
        joins = joins or "feedback" in form.external
        moved = shape.input.size != shape.convolution.size
        resizes = resizes or (moved and not form.external.isdisjoint({"residual", "feedback"}))
    senders = genome.senders(stage.name) if joins else ()
    maps = layout(genome)
    resizes = resizes or any(maps[name].output.size != shape.input.size for name in senders)
    return {
        "convolution": _convolution(stage.convolution, base)
        | {"reads_feedback": stage.convolution.reads_feedback and shape.feedback is not None},
        "cell": cell,
        "second": None if stage.second is None else _convolution(stage.second, base),
        "residual": stage.residual,
        "activation": stage.activation,
        "pool": None if stage.pool is None else _value(stage.pool),
        "feedback": sorted(genome.stage_index(name) for name in senders),
        "resize": genome.resize if resizes else None,
    }


def _convolution(part: Any, base: Weights) -> dict[str, Any]:
    form = _value(part)
    form["weights"] = _weights(part.weights.over(base), part.bias)
    form["norm"] = _norm(part.norm)
    return dict(form)


def _weights(weights: Weights, bias: bool = True) -> Any:
    silent = {} if bias else {"bias_initial": None, "bias_decay": None}
    return _value(weights) | silent


def _norm(norm: Norm | None) -> Any:
    return None if norm is None else _value(norm)


class CellForm:
    """The canonical form of one stage's cell.

    A state is named by a colour: the hash of its own definition, refined by the colours of the
    states it reads until nothing new is told apart. States that the output does not read, in any
    number of steps, have no part in the form.
    """

    def __init__(self, genome: Genome, shape: StageShape) -> None:
        assert shape.stage.cell is not None
        assert shape.cell is not None
        self._cell: Cell = genome.cells[shape.stage.cell]
        self._stage, self._shape = shape, shape.cell
        self._weights = self._cell.weights.over(genome.base_weights)
        self._uses = _uses(self._cell)
        self._colours = dict.fromkeys(self._cell.states, "")
        self._read: set[str] = set()  # sources met while a state's form is written
        self._shared: list[tuple[str, str]] = []  # (state, gate by name) met likewise
        reached, self.external = self._reached()
        for _ in range(len(reached)):
            self._shared = []
            self._colours |= {n: _hash(self._state(n, self._cell.states[n])) for n in reached}
        users: dict[str, list[str]] = {}
        for state, gate in self._shared:
            users.setdefault(gate, []).append(self._colours[state])
        self.output = {
            "states": sorted([self._colours[n], n == self._cell.output] for n in reached),
            "shared": sorted(sorted(colours) for colours in users.values()),
        }

    def _reached(self) -> tuple[list[str], set[str]]:
        """The states that the output reads, in any number of steps, and the external sources."""
        reached, pending, external = [], [self._cell.output], set()
        while pending:
            name = pending.pop()
            if name in reached:
                continue
            reached.append(name)
            self._read = set()
            self._state(name, self._cell.states[name])
            pending += self._read & self._cell.states.keys()
            external |= self._read - self._cell.states.keys()
        return reached, external

    def _state(self, name: str, state: State) -> Any:
        depth = self._shape.depths[name]
        carry = None
        if state.carry is not None:
            of = self._source(parse_source(state.carry.of or name), name)
            gates = [] if state.carry.gate is None else [self._gate(state.carry.gate, name, 0)]
            carry = (
                None if of is None or [0.0] in gates else [of, [g for g in gates if g != [1.0]]]
            )
        gates = sorted(
            (
                form
                for place, gate in enumerate(state.drive.gates, start=1)
                if (form := self._gate(gate, name, place)) != [1.0]
            ),
            key=_hash,
        )
        drive = [self._drive(state.drive, self._shape.drives[name], name), gates]
        return [depth, carry, drive, _norm(state.norm), state.activation]

    def _drive(self, drive: Drive, terms: tuple[TermShape, ...], state: str) -> Any:
        return [
            sorted((self._term(term, state) for term in terms), key=_hash),
            drive.activation,
            _norm(drive.norm),
            drive.acting_bias,
        ]

    def _gate(self, gate: Gate, state: str, place: int) -> Any:
        """The form of a gate; a constant one is [value]."""
        key = gate.reference or gate_key(state, place)
        if key in self._shape.absent_gates:
            return [1.0]
        full = self._cell.gate(gate)
        terms = sorted((self._term(term, state) for term in self._shape.gates[key]), key=_hash)
        if full.scale == 0.0:
            value = full.offset
            return [1.0 - value if gate.complement else value]
        argument = [terms, _norm(full.norm), full.acting_bias]
        shared = self._uses.get(key, 1) > 1
        if shared:
            self._shared.append((state, key))
        form = [full.offset, full.scale, full.nonlinearity, argument, shared]
        if gate.complement is not None:
            form[0], form[1] = 1.0 - full.offset, -full.scale
        return form

    def _term(self, shape: TermShape, state: str) -> Any:
        term = shape.term
        sources = [f for s in term.sources if (f := self._source(s, state)) is not None]
        operation = term.operation
        if operation == "match" and not shape.projects:
            operation = "identity"
        learned = operation not in ("identity",)
        return [
            sources,
            operation,
            shape.kernel,
            term.has_bias,
            term.activation,
            term.after_norm,
            _weights(term.weights.over(self._weights), term.has_bias) if learned else None,
        ]

    def _source(self, source: Source, state: str) -> Any:
        """None where the source is absent (feedback without an edge)."""
        if source_map(self._stage, source) is None:
            return None
        self._read.add(source.name)
        name = self._colours.get(source.name, source.name)
        mask = None if source.mask is None else self._gate(Gate(shared=source.mask), state, 0)
        mask = None if mask == [1.0] else mask
        return [name, source.new, mask]


def _uses(cell: Cell) -> Counter[str]:
    """How often each gate of a cell is referred to."""
    gates = [gate for state in cell.states.values() for gate in state.gates]
    terms = [term for state in cell.states.values() for term in state.drive.terms]
    terms += [term for gate in (*gates, *cell.gates.values()) for term in gate.terms]
    sources = [source for term in terms for source in term.sources]
    sources += [
        parse_source(state.carry.of)
        for state in cell.states.values()
        if state.carry is not None and state.carry.of is not None
    ]
    used = Counter(gate.reference for gate in gates if gate.reference is not None)
    used.update(source.mask for source in sources if source.mask is not None)
    return used
