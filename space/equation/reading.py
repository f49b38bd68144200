"""One cell in one stage, as identity knows it: states as sums of products of atoms.

The stage's own convolution, its join and what follows the cell are left out: `input`, `residual`
and `feedback` are what comes in, each on the cell's map.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from json import loads
from typing import Any

from space.genome import Genome
from space.identity.algebra import Atom, Polynomial, key
from space.identity.spelling import label
from space.identity.stage_graph import OLD
from space.identity.stage_reading import StageReader, WrittenStage
from space.network.maps import Map
from space.network.sizes import StageShape, layout
from space.step.equations import write_cell, write_sources
from space.step.operations import Draft, Pass, Resize, Writer
from space.step.parameters import stage_parameters

OUT, HIDDEN = "out", "hidden"
_SOURCE = "source"


@dataclass(frozen=True, kw_only=True)
class Node:
    """An atom of a cell: what is done (its label, taken apart) to what it reads."""

    label: tuple[Any, ...]
    reads: tuple[Polynomial, ...]
    weighted: bool


@dataclass(frozen=True, kw_only=True)
class CellReading:
    """What a cell computes in a stage.

    `nodes` are its atoms; their numbers put them in an order that depends on no spelling. `lines`
    are the states: `out` is what the cell puts out, the others those whose value of the step
    before is read. `names` has the bare names by node: what comes in, and the values of the step
    before. `maps` are those of all names, before they are resized to the cell's `map`.
    """

    nodes: Mapping[int, Node]
    names: Mapping[int, str]
    lines: Mapping[str, Polynomial]
    maps: Mapping[str, Map]
    map: Map

    def count_channels(self, depth: int | str) -> int:
        """A depth of a label as a number: identity writes that of the stage as a word."""
        return self.map.channels if isinstance(depth, str) else depth


def read_cell(genome: Genome, stage: str) -> CellReading:
    """The cell of a stage that has one."""
    shape = layout(genome)[stage]
    maps = {"input": shape.convolution, "residual": shape.input}
    if shape.feedback is not None:
        maps["feedback"] = shape.feedback
    reader = _CellReader(_write(genome, shape, maps), relative=True)
    graph = reader.graph()
    ranks, atoms, output = graph.rank_atoms(), reader.arena.atoms, key(graph.output)

    def rank(value: Polynomial) -> Polynomial:
        return {
            tuple(sorted(ranks[n] for n in product)): times for product, times in value.items()
        }

    nodes = {ranks[number]: _node(atoms[number], rank) for number in ranks}
    names = {n: str(node.label[1]) for n, node in nodes.items() if node.label[0] == _SOURCE}
    lines = {OUT: rank(graph.output)}
    maps[OUT] = reader.find_map(shape.stage.name)
    hidden = 0
    for number in sorted(graph.definitions, key=ranks.__getitem__):
        value = graph.definitions[number]
        if key(value) == output:
            names[ranks[number]] = OUT
            continue
        names[ranks[number]] = name = count_name(HIDDEN, hidden)
        lines[name], maps[name] = rank(value), reader.find_old_map(atoms[number].place)
        hidden += 1
    return CellReading(nodes=nodes, names=names, lines=lines, maps=maps, map=shape.convolution)


def _node(atom: Atom, rank: Callable[[Polynomial], Polynomial]) -> Node:
    label_of = tuple(loads(atom.label)) if atom.label.startswith("[") else (atom.label,)
    return Node(
        label=label_of,
        reads=tuple(map(rank, atom.reads)),
        weighted=bool(atom.place) and atom.label != OLD,
    )


def count_name(word: str, place: int) -> str:
    """`hidden`, `hidden_b`, ...: without digits, since a kernel's side may follow."""
    letters = ""
    while place:
        place, letter = divmod(place, 26)
        letters = chr(ord("a") + letter) + letters
    return f"{word}_{letters}" if letters else word


def _write(genome: Genome, shape: StageShape, maps: Mapping[str, Map]) -> WrittenStage:
    """The operations of a stage's cell alone."""
    stage, writer = shape.stage, Writer()
    assert stage.cell is not None
    assert shape.cell is not None
    given = write_sources(writer, maps)
    cell = genome.cells[stage.cell]
    writer.named[stage.name] = write_cell(
        writer, cell, shape.cell, stage.name, given, genome.resize
    )
    writer.end_stage()
    starts = {entry.path: entry.start for entry in stage_parameters(genome, shape).parameters}
    return WrittenStage(shape=shape, writer=writer, starts=starts, senders={})


class _CellReader(StageReader):
    """Reads a cell whose sources come from outside, on its own map."""

    def find_map(self, name: str) -> Map:
        """The map of a named operation."""
        return self.ops[self.named[name]].map

    def find_old_map(self, old: str) -> Map:
        """The map of a state whose value of the step before is read."""
        number = next(number for number, kind in self.classes.items() if f"old {kind}" == old)
        return self.ops[number].map

    def _read(self, number: int, op: Draft) -> Polynomial:
        if isinstance(op.what, Pass) and not op.operands:
            return self.arena.atom(label(_SOURCE, op.part))
        return super()._read(number, op)

    def _read_resized(self, _number: int, _what: Resize, x: Polynomial) -> Polynomial:
        return x
