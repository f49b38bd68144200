"""Two genomes compared part by part: what one has, or has otherwise, than the other.

Stages, states and gates are matched by name, the cells by the stages that carry them, the edges
of a state and the terms of a gate by what they read. A cell is compared once, however many stages
carry it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from space.genome import Genome
from space.network.architecture import Pool, Stage
from space.network.grammar import Cell, Drive, Edge, Gate, GrammarValue, State, Term, as_document

# Parts that are compared field by field even where only one genome has them.
_OPENED = (Cell, State, Drive)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One difference: where it is, and what stands there (JSON values, None for nothing).

    `path` is written `cells.rgc.states.cell.drive.edges.add(out).kernel`; where the cells have two
    names, `cells.gru|ugrnn`.
    """

    path: str
    a: Any
    b: Any


def differences(a: Genome, b: Genome) -> tuple[Difference, ...]:
    """Every difference between two genomes, in the order of the document; none if equal."""
    return tuple(_differences(a, b))


def _differences(a: Genome, b: Genome) -> Iterator[Difference]:
    paired, alone = pair_cells(a, b)
    same = {pair for pair in paired if pair[0] != pair[1]}
    for field in type(a).model_fields:
        one, other = getattr(a, field), getattr(b, field)
        if field == "feedback":
            one, other = _edges(a), _edges(b)
        if field == "cells":
            for first, second in paired:
                path = f"cells.{first}" if first == second else f"cells.{first}|{second}"
                yield from _compared(a.cells[first], b.cells[second], path)
            for name, mine, theirs in alone:
                yield from _compared(mine, theirs, f"cells.{name}")
        else:
            for difference in _compared(one, other, field):
                renamed = (
                    difference.path.endswith(".cell") and (difference.a, difference.b) in same
                )
                if not renamed:
                    yield difference


def _edges(genome: Genome) -> dict[str, bool]:
    return {f"{edge.sender}->{edge.receiver}": True for edge in genome.edges}


def pair_cells(
    a: Genome, b: Genome
) -> tuple[list[tuple[str, str]], list[tuple[str, Cell | None, Cell | None]]]:
    """The pairs of cells that stages of one name carry, and the cells that are in no pair."""
    theirs = {stage.name: stage.cell for stage in b.stages}
    pairs = dict.fromkeys(
        (stage.cell, other)
        for stage in a.stages
        if stage.cell is not None and (other := theirs.get(stage.name)) is not None
    )
    mine, others = {pair[0] for pair in pairs}, {pair[1] for pair in pairs}
    alone: list[tuple[str, Cell | None, Cell | None]] = [
        (name, cell, None) for name, cell in a.cells.items() if name not in mine
    ]
    alone += [(name, None, cell) for name, cell in b.cells.items() if name not in others]
    return list(pairs), alone


def _compared(a: object, b: object, path: str) -> Iterator[Difference]:
    """The differences of two values, one of which may be None: not there."""
    if a == b:
        return
    parts, others = _parts(a), _parts(b)
    if a is None and others is not None and _opens(b):
        parts = {}
    if b is None and parts is not None and _opens(a):
        others = {}
    if parts is None or others is None:
        yield Difference(path=path, a=_plain(a), b=_plain(b))
        return
    for key in dict.fromkeys((*parts, *others)):
        one, other = parts.get(key), others.get(key)
        if (a is None or b is None) and _silent(one) and _silent(other):
            continue
        yield from _compared(one, other, f"{path}.{key}")


def _opens(value: object) -> bool:
    """Whether a value that only one genome has is still told part by part."""
    if isinstance(value, Mapping):
        return any(isinstance(item, State) for item in value.values())
    if isinstance(value, tuple):
        return any(isinstance(item, Edge) for item in value)
    return isinstance(value, _OPENED)


def _silent(value: object) -> bool:
    return value is None or value == {} or value == ()


def _is_keyed(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and isinstance(value[0], Stage | Edge | Term)


def _parts(value: object) -> dict[str, Any] | None:
    """The named parts of a value, or None if it has none: a number, a name, nothing."""
    if isinstance(value, GrammarValue):
        return _fields(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple) and _is_keyed(value):
        return dict(key_parts(value))
    return {} if value == () else None


def _fields(value: GrammarValue) -> dict[str, Any]:
    """The fields of a value, those of a term as they act."""
    fields = {name: getattr(value, name) for name in type(value).model_fields}
    if isinstance(value, Term):
        fields |= {"op": value.operation, "bias": value.has_bias}
    if isinstance(value, _OPENED):
        known = type(value).model_fields
        return {
            name: value
            for name, value in fields.items()
            if known[name].is_required()
            or value != known[name].get_default(call_default_factory=True)
        }
    return fields


def key_parts(values: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    """Stages, edges or terms, each under a key of its own: its name, or what it reads."""
    met: Counter[str] = Counter()
    for value in values:
        if isinstance(value, Stage):
            yield value.name, value
            continue
        key, inner = _edge(value) if isinstance(value, Edge) else (_read(value), value)
        met[key] += 1
        yield key if met[key] == 1 else f"{key}#{met[key]}", inner


def _edge(edge: Edge) -> tuple[str, Term | Gate]:
    if edge.add is not None:
        return f"add({_read(edge.add)})", edge.add
    assert edge.multiply is not None
    gate = edge.multiply
    reads = [_read(term) for term in gate.terms] or [gate.reference or "constant"]
    return f"multiply({reads[0]})", gate


def _read(term: Term) -> str:
    return ", ".join(term.of)


def _plain(value: object) -> Any:
    if isinstance(value, Pool):
        return _fields(value)  # its defaults are what there is to tell
    if isinstance(value, GrammarValue):
        return as_document(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
