"""The motifs of a network: short words for what its cells are made of.

An edge is `residual->out`: from what, to which state. Its longer words say more: whether it adds
(`residual->out plus`), multiplies (`residual->out times`) or decides what the state keeps
(`out->out keeps`), and then by which nonlinearity (`... times tanh`), through which convolution
(`... times separable`, `... times full`), with which kernel (`... times 3x3`). Beside them stand
`out keeps`, `out norm`, `out elu`, `hidden` (a state that is not put out) and `feedback 3->2` (a
long-range edge, by the places of its stages, from 1).

Words are read from the graph that a network's identity is made of (space/identity/stage_graph.py),
not from the document: all spellings of one network have the same words, and what no output depends
on has none. There sums are multiplied out, so a factor is told from what it multiplies: what
stands alone in another product of the same sum is a value, and of factors that never do, those
with the more gate-like nonlinearity multiply (z * tanh(...) is a gate z).

The guided sampler counts other words (search/samplers/graph_features.py): those of documents that
nobody has checked, thousands at a time, for which no graph can be made in time; they need not be
equal for two spellings.
"""

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field
from functools import lru_cache
from json import loads

from space.genome import Genome
from space.identity.algebra import Arena, Atom, Polynomial, Product, key
from space.identity.normal_form import live_forms
from space.identity.stage_graph import BEFORE, FEEDBACK, StageForm
from space.step.activations import ACTIVATIONS

OUT, HIDDEN = "out", "hidden"
"""The state that a cell puts out, and any other."""

_INPUT, _SECOND = "convolution", "second"  # the places of a stage's own convolutions
_SENDER = '["sender",'
_NORM, _POOL = '["norm",', '["pool",'
_KERNELS = ('["convolution",', '["separable",')
_GATE_LIKE = {"sigmoid": 3, "tanh": 2}


def name_motifs(genome: Genome) -> tuple[str, ...]:
    """The words of a network, sorted, each once; equal for all spellings of the network.

    Stages that only convolve their input, under norms and activations, have none. Where stages
    carry one edge with several kernels, as those that are cut to a small map, the largest counts.
    """
    forms = live_forms(genome)
    edges: dict[_Edge, _Details] = {}
    words = set(_name_feedback(genome, forms))
    for form in {form.text: form for form in forms if form is not None}.values():
        reader = _StageReader(form)
        reader.read()
        words |= reader.words
        for edge, details in reader.edges.items():
            edges.setdefault(edge, _Details()).join(details)
    for edge, details in edges.items():
        words.update(edge.name(details))
    return tuple(sorted(words))


def _name_feedback(genome: Genome, forms: Iterable[StageForm | None]) -> Iterator[str]:
    """The long-range edges that act."""
    for place, (stage, form) in enumerate(zip(genome.stages, forms, strict=True)):
        if form is None:
            continue
        joins = stage.join.kind != "concat"
        if form.reads_before if joins else form.reads_feedback:
            for sender in genome.senders(stage.name):
                yield f"feedback {genome.stage_index(sender) + 1}->{place + 1}"


@dataclass(frozen=True)
class _Edge:
    """`by` is plus, times or keeps."""

    source: str
    role: str
    by: str

    def name(self, details: "_Details") -> Iterator[str]:
        edge = f"{self.source}->{self.role}"
        yield edge
        yield f"{edge} {self.by}"
        yield from (f"{edge} {self.by} {word}" for word in details.words)
        if details.kernel:
            yield f"{edge} {self.by} {details.kernel}x{details.kernel}"


@dataclass
class _Details:
    """What is known of an edge: nonlinearities and operations, and its largest kernel or 0."""

    words: set[str] = field(default_factory=set)
    kernel: int = 0

    def join(self, other: "_Details") -> None:
        self.words |= other.words
        self.kernel = max(self.kernel, other.kernel)


class _StageReader:
    """Collects the words and edges of one stage's graph."""

    def __init__(self, form: StageForm) -> None:
        graph = form.graph
        self.arena: Arena = graph.arena
        self.output, self.definitions = graph.output, graph.definitions
        self.words: set[str] = set()
        self.edges: dict[_Edge, _Details] = {}
        # The states whose value of the step before is read, by what they are computed as.
        self.roles = {key(value): HIDDEN for value in self.definitions.values()}

    def read(self) -> None:
        output = self._find_out()
        if self._is_plain(output):
            return
        self.roles[key(output)] = OUT
        self._read_state(OUT, output)
        for value in self.definitions.values():
            if self.roles[key(value)] == HIDDEN:
                self.words.add(HIDDEN)
                self._read_state(HIDDEN, value)

    def _find_out(self) -> Polynomial:
        """What the state that is put out is computed as.

        It is the last value on the way to the stage's output that is kept for a step; if none is,
        what stands before pools and the second convolution.
        """
        out = value = self.output
        while key(value) not in self.roles:
            atom = self._only_atom(value)
            if atom is None or not _passes(atom):
                return out
            value = atom.reads[0]
            if not _acts_alone(atom):
                out = value
        return value

    def _is_plain(self, value: Polynomial) -> bool:
        """Whether a value is only the stage's convolutions, under pools, norms and activations."""
        while (atom := self._only_atom(value)) is not None and _passes(atom):
            value = atom.reads[0]
        atoms = [self.arena.atoms[number] for product in value for number in product]
        return all(atom.place == _INPUT for atom in atoms)

    def _only_atom(self, value: Polynomial) -> Atom | None:
        """The atom that a value is, up to a constant factor; None if it is not one."""
        if len(value) != 1:
            return None
        (product,) = value
        return self.arena.atoms[product[0]] if len(product) == 1 else None

    # States

    def _read_state(self, role: str, value: Polynomial) -> None:
        body = value
        while (atom := self._only_atom(body)) is not None and _acts_alone(atom):
            self.words.add(f"{role} {'norm' if atom.label.startswith(_NORM) else atom.label}")
            body = atom.reads[0]
            if key(body) in self.roles:
                self._add_edge(self.roles[key(body)], role, "plus", frozenset(), 0)
                return
        self._read_sum(role, body, "plus", frozenset(), 0)

    def _read_sum(
        self, role: str, value: Polynomial, by: str, words: frozenset[str], kernel: int
    ) -> None:
        """The edges of a sum of products to a state: values as `by` says, factors as what they
        do. `words` and `kernel` are what has been done to the sum on its way.
        """
        alone = {product[0] for product in value if len(set(product)) == 1}
        for product in value:
            values, gates = self._split(product, alone)
            kept = by == "plus" and not words and not kernel and self._keeps(role, values)
            if kept:
                self.words.add(f"{role} keeps")
            else:
                squared = {"squared"} if len(set(product)) < len(product) else set()
                for number in values:
                    self._read_value(role, number, by, words | squared, kernel)
            for number in gates:
                self._read_value(role, number, "keeps" if kept else "times", frozenset(), 0)

    def _split(self, product: Product, alone: Set[int]) -> tuple[Set[int], Set[int]]:
        """The values and the gates among the factors of a product."""
        factors = set(product)
        if len(factors) < 2:
            return factors, set()
        values = factors & alone
        if values and values != factors:
            return values, factors - values
        rank = {number: _rank_gate(self.arena.atoms[number].label) for number in factors}
        most = max(rank.values())
        gates = {number for number in factors if rank[number] == most}
        return factors - gates, gates

    def _keeps(self, role: str, values: Set[int]) -> bool:
        """Whether a product's values are the state's own of the step before."""
        return len(values) == 1 and all(
            number in self.definitions and self.roles[key(self.definitions[number])] == role
            for number in values
        )

    def _read_value(
        self, role: str, number: int, by: str, words: frozenset[str], kernel: int
    ) -> None:
        """The edges that an atom stands for: its sources are looked for in what it reads. Of
        operations on the way, the last that is applied counts.
        """
        atom = self.arena.atoms[number]
        source = self._find_source(number)
        if source is not None:
            self._add_edge(source, role, by, words, kernel)
            return
        if atom.label in ACTIVATIONS:
            words = words if words or kernel else words | {atom.label}
        elif atom.label.startswith(_NORM):
            words |= {"norm"}
        elif not kernel and atom.label.startswith(_KERNELS):
            operation, kernel = _read_operation(atom.label)
            words |= {operation}
        for value in atom.reads:
            if key(value) in self.roles:
                self._add_edge(self.roles[key(value)], role, by, words, kernel)
            else:
                self._read_sum(role, value, by, words, kernel)

    def _find_source(self, number: int) -> str | None:
        """What an atom is, if it is a source."""
        atom = self.arena.atoms[number]
        if number in self.definitions:
            return self.roles[key(self.definitions[number])]
        if atom.place == _INPUT:
            return "input"
        if atom.label == BEFORE:
            return "residual"
        return "feedback" if atom.label.startswith((FEEDBACK, _SENDER)) else None

    def _add_edge(
        self, source: str, role: str, by: str, words: frozenset[str], kernel: int
    ) -> None:
        details = self.edges.setdefault(_Edge(source, role, by), _Details())
        details.join(_Details(set(words), kernel))


def _acts_alone(atom: Atom) -> bool:
    """Whether it is a norm or an activation."""
    return atom.label in ACTIVATIONS or atom.label.startswith(_NORM)


def _passes(atom: Atom) -> bool:
    """Whether it may stand between a cell and the output of its stage."""
    return _acts_alone(atom) or atom.label.startswith(_POOL) or atom.place == _SECOND


def _rank_gate(label: str) -> int:
    """How much an atom is like a gate."""
    return _GATE_LIKE.get(label, int(label in ACTIVATIONS))


@lru_cache(maxsize=1024)
def _read_operation(label: str) -> tuple[str, int]:
    """(full or separable, kernel) of the label of a convolution."""
    kind, kernel, *_ = loads(label)
    return ("full" if kind == "convolution" else "separable"), kernel
