"""What the output of a stage depends on, as a graph in canonical order.

Vertices are atoms, their products and their sums; an edge runs to what is read. The value of the
step before has one more edge, to its definition.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from space.identity.algebra import Arena, Number, Polynomial, Product, format_number, key
from space.identity.canonical_graph import canonical
from space.identity.spelling import hash_json, label

# Labels of sources; those of feedback and of what is resized say how, behind.
BEFORE = label("before")
FEEDBACK = '["feedback",'
OLD = label("old")
_SUM = label("sum")
RESIZE = '["resize",'
_KERNELS = ('["convolution",', '["separable",')


@dataclass(frozen=True, kw_only=True)
class StageForm:
    """The normal form of a stage.

    `relative`: depths that are the width of the stage's convolution are written as such, so that
    stages that differ only in width share a form; not so if that convolution is not needed.
    `parts` are the places of the live weights (their paths within the stage), in the same order
    for all spellings. `graph` is what the form was made from.
    """

    text: str
    relative: bool
    reads_before: bool
    reads_feedback: bool
    feedback_in_order: bool
    parts: tuple[str, ...]
    graph: "Graph" = field(repr=False, compare=False)


@lru_cache(maxsize=1024)
def _times(factor: Number) -> str:
    return label("times", format_number(factor))


class Graph:
    """The vertices that `output` depends on, each after what it reads: their labels, what they
    read, and the places of the weights of those that have some. `earlier` are the definitions of
    values of the step before; `define` gives that of an OLD atom, and its label. `definitions` are
    the same by atom.
    """

    def __init__(
        self,
        arena: Arena,
        output: Polynomial,
        define: Callable[[str], tuple[Polynomial, str]],
    ) -> None:
        self.arena, self.output, self.define = arena, output, define
        self.fed = _find_feedback(arena)
        self.labels: list[str] = []
        self.reads: list[list[int]] = []
        self.earlier: dict[int, int] = {}
        self.definitions: dict[int, Polynomial] = {}
        self.places: dict[int, str] = {}
        self.in_order = False
        self._atoms: dict[int, int] = {}
        self._others: dict[object, int] = {}
        self._pending: list[tuple[int, Polynomial]] = []
        self._vertex(label("output"), [self._polynomial(output)])
        while self._pending:
            vertex, value = self._pending.pop()
            self.earlier[vertex] = self._polynomial(value)

    def form(self) -> StageForm:
        """The normal form: the graph in canonical order, and what it reads."""
        text, order = canonical(self.labels, self.reads, self.earlier)
        parts = tuple(self.places[vertex] for vertex in order if vertex in self.places)
        return StageForm(
            text=hash_json(text),
            relative="convolution" in parts,
            reads_before=BEFORE in self.labels,
            reads_feedback=any(each.startswith(FEEDBACK) for each in self.labels),
            feedback_in_order=self.in_order,
            parts=parts,
            graph=self,
        )

    def rank_atoms(self) -> dict[int, int]:
        """The places of the atoms in canonical order, by their numbers in the arena."""
        order = canonical(self.labels, self.reads, self.earlier)[1]
        rank = {vertex: place for place, vertex in enumerate(order)}
        return {number: rank[vertex] for number, vertex in self._atoms.items()}

    def _vertex(self, text: str, reads: list[int]) -> int:
        self.labels.append(text)
        self.reads.append(reads)
        return len(self.labels) - 1

    def _polynomial(self, value: Polynomial, *, kernel: bool = False) -> int:
        """The vertex of a polynomial that is read, `kernel`: by a convolution."""
        self.in_order |= _mixes(self.fed, value) and not (kernel and _is_atom(value))
        if len(value) == 1:
            return self._product(*next(iter(value.items())))
        known = key(value)
        vertex = self._others.get(known)
        if vertex is None:
            reads = [self._product(product, factor) for product, factor in value.items()]
            vertex = self._others[known] = self._vertex(_SUM, reads)
        return vertex

    def _product(self, product: Product, factor: Number) -> int:
        if factor == 1 and len(product) == 1:
            return self._atom(product[0])
        vertex = self._others.get((product, factor))
        if vertex is None:
            reads = [self._atom(atom) for atom in product]
            vertex = self._vertex(_times(factor), reads)
            self._others[product, factor] = vertex
        return vertex

    def _atom(self, number: int) -> int:
        vertex = self._atoms.get(number)
        if vertex is not None:
            return vertex
        atom = self.arena.atoms[number]
        if atom.label == OLD:
            value, text = self.define(atom.place)
            vertex = self._vertex(text, [])
            self._pending.append((vertex, value))
            self.definitions[number] = value
        else:
            kernel = atom.label.startswith((*_KERNELS, RESIZE))
            reads = [self._polynomial(value, kernel=kernel) for value in atom.reads]
            vertex = self._vertex(atom.label, reads)
            if atom.place:
                self.places[vertex] = atom.place
        self._atoms[number] = vertex
        return vertex


def _find_feedback(arena: Arena) -> set[int]:
    """The atoms that are the joined feedback, as it is or resized.

    It is a block of channels for each sender. Their order matters unless the feedback goes, as it
    is, to convolutions, whose kernels can be permuted with it.
    """
    fed = set[int]()
    for number, atom in enumerate(arena.atoms):
        resized = atom.label.startswith(RESIZE) and _mixes(fed, atom.reads[0])
        if resized or atom.label.startswith(FEEDBACK):
            fed.add(number)
    return fed


def _mixes(fed: set[int], value: Polynomial) -> bool:
    """Whether one of the atoms `fed` is a part of `value`."""
    return bool(fed) and any(atom in fed for product in value for atom in product)


def _is_atom(value: Polynomial) -> bool:
    return list(value.values()) == [1] and all(len(product) == 1 for product in value)
