"""What the output of a stage depends on, as a graph in canonical order.

Vertices are atoms, their products and their sums; an edge runs to what is read. The value of the
step before has one more edge, to its definition.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from space.identity.algebra import Arena, Number, Polynomial, Product, key, shown
from space.identity.canonical_graph import canonical
from space.identity.spelling import hashed, label
from space.network.grammar import KERNEL_OPS

# Labels of sources; those of feedback and of what is resized say how, behind.
BEFORE = label("before")
FEEDBACK = '["feedback",'
OLD = label("old")
_SUM = label("sum")
RESIZE = '["resize",'
_KERNELS = tuple(f'["{op}",' for op in KERNEL_OPS)


@dataclass(frozen=True, kw_only=True)
class StageForm:
    """The normal form of a stage.

    `relative`: depths that are the width of the stage's convolution are written as such, so that
    stages that differ only in width share a form; not so if that convolution is not needed.
    `parts` are the live weights: (place, the sources read there as (name, number)).
    """

    text: str
    relative: bool
    reads_before: bool
    reads_feedback: bool
    feedback_in_order: bool
    parts: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]


@lru_cache(maxsize=1024)
def _times(factor: Number) -> str:
    return label("times", shown(factor))


class Graph:
    """Made for one output. `reads` are what the atoms with weights read, with their names, by
    the place of the weights; `definition` gives the value and the label of an OLD atom.
    """

    def __init__(
        self,
        arena: Arena,
        reads: Mapping[str, list[tuple[str, Polynomial]]],
        definition: Callable[[str], tuple[Polynomial, str]],
    ) -> None:
        self.arena, self.named, self.definition = arena, reads, definition
        self.labels: list[str] = []
        self.reads: list[list[int]] = []
        self.earlier: dict[int, int] = {}
        self.places: dict[int, str] = {}  # of the weights of a vertex
        self.in_order = False
        self._atoms: dict[int, int] = {}
        self._others: dict[object, int] = {}
        self._pending: list[tuple[int, Polynomial]] = []

    def form(self, root: Polynomial) -> StageForm:
        self._vertex(label("output"), [self._polynomial(root)])
        while self._pending:
            vertex, value = self._pending.pop()
            self.earlier[vertex] = self._polynomial(value)
        text, order = canonical(self.labels, self.reads, self.earlier)
        rank = {vertex: place for place, vertex in enumerate(order)}
        places = [(self.places[vertex]) for vertex in order if vertex in self.places]
        parts = tuple((place, tuple(self._ranked(place, rank))) for place in places)
        return StageForm(
            text=hashed(text),
            relative="convolution" in places,
            reads_before=BEFORE in self.labels,
            reads_feedback=any(said.startswith(FEEDBACK) for said in self.labels),
            feedback_in_order=self.in_order,
            parts=parts,
        )

    def _ranked(self, place: str, rank: Mapping[int, int]) -> Iterator[tuple[str, int]]:
        for name, value in self.named[place]:
            yield name, rank[self._polynomial(value, kernel=True)] if name else 0

    def _vertex(self, said: str, reads: list[int]) -> int:
        self.labels.append(said)
        self.reads.append(reads)
        return len(self.labels) - 1

    def _polynomial(self, value: Polynomial, *, kernel: bool = False) -> int:
        """The vertex of a polynomial that is read, `kernel`: by a convolution."""
        self.in_order |= not (kernel and self._only(value)) and self._mixes(value)
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
            value, said = self.definition(atom.place)
            vertex = self._vertex(said, [])
            self._pending.append((vertex, value))
        else:
            kernel = atom.label.startswith((*_KERNELS, RESIZE))
            reads = [self._polynomial(value, kernel=kernel) for value in atom.reads]
            vertex = self._vertex(atom.label, reads)
            if atom.place:
                self.places[vertex] = atom.place
        self._atoms[number] = vertex
        return vertex

    # The joined feedback is a block of channels for each sender. Their order matters unless the
    # feedback goes, as it is, to convolutions, whose kernels can be permuted with it.

    def _mixes(self, value: Polynomial) -> bool:
        """Whether the joined feedback is a part of `value`, as it is or resized."""
        return any(self._is_feedback(atom) for product in value for atom in product)

    def _only(self, value: Polynomial) -> bool:
        return list(value.values()) == [1] and all(len(product) == 1 for product in value)

    def _is_feedback(self, number: int) -> bool:
        atom = self.arena.atoms[number]
        if atom.label.startswith(RESIZE):
            return self._mixes(atom.reads[0])
        return atom.label.startswith(FEEDBACK)
