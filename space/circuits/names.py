"""What the parts of a network are called, and the paths by which a picture knows them.

The names are those of lesions: an edge is one source of one term, `input->out` where it adds to a
state, `residual->out times` where it multiplies its drive, `out->out keep` in the gate of what it
carries, `input->update` in a gate that the cell names; `out->out carry` is what a state keeps;
`update`, `out times` and `out keep` are gates, `out` a state, `conv3->conv2` feedback. Where
stages carry several cells, a part's name begins with its cell's (`rgc: out`); names that come
again are numbered (`input->out#2`).
"""

from collections import Counter
from collections.abc import Iterator

from space.genome import Genome
from space.network.grammar import Cell, Gate, Term, TermSource, parse_source

KEPT = "of"
"""What the path of a kept value ends in; without it, it is the path of its gate."""


def part_paths(genome: Genome) -> dict[str, str]:
    """The path of every part by its name."""
    used = dict.fromkeys(stage.cell for stage in genome.stages if stage.cell is not None)
    listed = [
        (f"{name}: {label}" if len(used) > 1 else label, f"cells.{name}.{path}")
        for name in used
        for label, path in _list_parts(genome.cells[name], fed=_is_fed(genome, name))
    ]
    for edge in genome.edges:
        label = f"{edge.sender}->{edge.receiver}"
        listed.append((label, f"feedback.{label}"))
    met: Counter[str] = Counter()
    paths: dict[str, str] = {}
    for label, path in listed:
        met[label] += 1
        paths[label if met[label] == 1 else f"{label}#{met[label]}"] = path
    return paths


def edge_path(term: str, place: int) -> str:
    """The path of one source of a term, by the term's path and the source's place in it."""
    return f"{term}.{KEPT}.{place}"


def _is_fed(genome: Genome, cell: str) -> bool:
    return any(
        stage.cell == cell and stage.join.kind == "concat" and genome.senders(stage.name)
        for stage in genome.stages
    )


def _list_parts(cell: Cell, *, fed: bool) -> Iterator[tuple[str, str]]:
    """(label, path within the cell), edges first, then gates, then states."""
    inline = [place for name in cell.states for place in _inline_gates(cell, name)]
    used = used_gates(cell)
    shared = [(f"gates.{name}", name, gate) for name, gate in cell.gates.items() if name in used]
    for name, state in cell.states.items():
        if state.carry is not None:
            source = parse_source(state.carry.of or name)
            if fed or source.name != "feedback":
                yield f"{_write(source)}->{name} carry", f"states.{name}.carry.{KEPT}"
        for i, edge in enumerate(state.drive.edges):
            if edge.add is not None:
                yield from _edges(f"states.{name}.drive.{i}", edge.add, name, fed=fed)
    for path, name, gate in (*inline, *shared):
        for i, term in enumerate(gate.terms):
            yield from _edges(f"{path}.terms.{i}", term, name, fed=fed)
    yield from ((name, path) for path, name, _ in shared)
    for path, name, gate in inline:
        there = [term.sources for term in gate.terms if next(_edges("", term, "", fed=fed), None)]
        if sum(map(len, there)) != 1:
            yield name, path
    for name in cell.states:
        if name != cell.output or any(s.name == name and not s.new for s in _all_sources(cell)):
            yield name, f"states.{name}"


def used_gates(cell: Cell) -> set[str]:
    """The gates that any state of a cell uses, or that another such gate reads through."""
    waiting = [gate.reference for state in cell.states.values() for gate in state.gates]
    kept = [state.carry.of for state in cell.states.values() if state.carry is not None]
    waiting += [parse_source(text).mask for text in kept if text is not None]
    inline = [gate for state in cell.states.values() for gate in state.gates]
    terms = [term for gate in inline for term in gate.terms]
    terms += [term for state in cell.states.values() for term in state.drive.terms]
    waiting += [source.mask for term in terms for source in term.sources]
    used = set[str]()
    while waiting:
        name = waiting.pop()
        if name is not None and name not in used:
            used.add(name)
            waiting += [s.mask for term in cell.gates[name].terms for s in term.sources]
    return used


def _all_sources(cell: Cell) -> Iterator[TermSource]:
    """What the states of a cell and the gates that they use read."""
    used = used_gates(cell)
    gates = [gate for name, gate in cell.gates.items() if name in used]
    gates += [gate for state in cell.states.values() for gate in state.gates]
    for name, state in cell.states.items():
        if state.carry is not None:
            yield parse_source(state.carry.of or name)
        yield from (source for term in state.drive.terms for source in term.sources)
    yield from (source for gate in gates for term in gate.terms for source in term.sources)


def _inline_gates(cell: Cell, name: str) -> Iterator[tuple[str, str, Gate]]:
    state = cell.states[name]
    kept = None if state.carry is None else state.carry.gate
    if kept is not None and kept.reference is None:
        yield f"states.{name}.carry", f"{name} keep", kept
    for i, edge in enumerate(state.drive.edges):
        if edge.multiply is not None and edge.multiply.reference is None:
            yield f"states.{name}.drive.{i}", f"{name} times", edge.multiply


def _edges(path: str, term: Term, target: str, *, fed: bool) -> Iterator[tuple[str, str]]:
    """Each source of a term; all together where they are added past the operation as well."""
    there = [
        (place, source)
        for place, source in enumerate(term.sources)
        if fed or source.name != "feedback"
    ]
    if term.skip and there:
        words = "+".join(_write(source) for source in term.sources)
        yield f"{words}->{target}", edge_path(path, there[0][0])
        return
    for place, source in there:
        yield f"{_write(source)}->{target}", edge_path(path, place)


def _write(source: TermSource) -> str:
    return f"new.{source.name}" if source.new else source.name
