"""How a cell's equations are laid out: the form of its sums, and what of it has a name.

Every weight that is written is a weight of its own, so what has weights and is read twice needs a
line: a state's is `new.STATE`, others are a `gate` or a `part`.
"""

from collections import Counter
from functools import cached_property

from space.equation.factoring import Scaled, Total, factor, list_atoms
from space.equation.reading import OUT, CellReading, count_name
from space.equation.settings import WEIGHTS
from space.identity.algebra import Polynomial, key
from space.network.grammar import EXTERNAL_SOURCES
from space.step.activations import ACTIVATIONS

GATE_LIKE = {"sigmoid": 3, "softplus": 3, "tanh": 2}
LAST = 99
"""The place of what reads nothing that comes in."""


class Layout:
    """How a cell is laid out: the expressions of its sums, and what of it has a name."""

    def __init__(self, reading: CellReading) -> None:
        self.reading, self.nodes = reading, reading.nodes
        self.named: dict[str, Polynomial] = dict(reading.lines)
        self.words = dict(reading.names)
        self._expressions: dict[tuple[object, str], Scaled | Total] = {}
        self._name_sums()
        self._name_atoms()

    def express(self, value: Polynomial, own: str = "") -> Scaled | Total:
        """The expression of a sum; `own` is the line that it defines, if it is one."""
        known = key(value), own
        if known not in self._expressions:
            parts = {
                key(polynomial): (self._say(name), polynomial)
                for name, polynomial in self.named.items()
                if name != own and len(polynomial) > 1
            }
            self._expressions[known] = factor(value, self.rank, parts)
        return self._expressions[known]

    def _say(self, name: str) -> str:
        """How a line is called where it is read at the same step."""
        return f"new.{name}" if name in self.reading.lines else name

    def rank(self, number: int) -> tuple[int, int]:
        """How much an atom is like a gate, and its place."""
        if number in self.reading.names:
            return 0, number
        kind = self.nodes[number].label[0]
        return GATE_LIKE.get(kind, int(kind in ACTIVATIONS)), number

    @cached_property
    def weighted(self) -> frozenset[int]:
        """The atoms that have weights, or read what has."""
        known: dict[int, bool] = {}

        def look(number: int) -> bool:
            if number not in known:
                node = self.nodes[number]
                known[number] = False
                known[number] = number not in self.reading.names and (
                    node.weighted
                    or any(look(n) for value in node.reads for product in value for n in product)
                )
            return known[number]

        return frozenset(number for number in self.nodes if look(number))

    def _has_weights(self, value: Polynomial) -> bool:
        return any(n in self.weighted for product in value for n in product)

    def _name_sums(self) -> None:
        """Names for sums with weights that several atoms read."""
        counts, sums = Counter[tuple[object, ...]](), dict[tuple[object, ...], Polynomial]()
        for number in sorted(self.nodes):
            for value in self.nodes[number].reads:
                if len(value) > 1 and self._has_weights(value):
                    known = key(value)
                    counts[known] += 1
                    sums.setdefault(known, value)
        present = {key(value) for value in self.named.values()}
        shared = [known for known, times in counts.items() if times > 1 and known not in present]
        for place, known in enumerate(shared):
            self.named[count_name("part", place)] = sums[known]

    def _name_atoms(self) -> None:
        """Names for atoms with weights that are written twice."""
        counts = self._count_atoms()
        lines = {
            number: name
            for name, value in self.reading.lines.items()
            if (number := find_only(value)) is not None
        }
        places = Counter[str]()
        for number in sorted(counts):
            if counts[number] < 2 or number not in self.weighted:
                continue
            if number in lines:
                self.words[number] = self._say(lines[number])
                continue
            word = "gate" if self.nodes[number].label[0] in GATE_LIKE else "part"
            if word == "part" and not places[word]:
                places[word] = sum(name.startswith("part") for name in self.named)
            self.words[number] = name = count_name(word, places[word])
            places[word] += 1
            self.named[name] = {(number,): 1}

    def _count_atoms(self) -> Counter[int]:
        """How often each atom is written, if each is written out once."""
        counts = Counter[int]()
        waiting = [self.express(value, name) for name, value in self.named.items()]
        while waiting:
            for number in list_atoms(waiting.pop()):
                counts[number] += 1
                if counts[number] == 1 and number not in self.reading.names:
                    waiting += [self.express(value) for value in self.nodes[number].reads]
        return counts

    def order(self, number: int) -> int:
        """The place of what an atom reads: what comes in before states."""
        if number in self.reading.names:
            name = self.reading.names[number]
            return [*EXTERNAL_SOURCES, OUT, name].index(name)
        if self.words.get(number, "").startswith("new."):
            return len(EXTERNAL_SOURCES) + 2
        read = {n for value in self.nodes[number].reads for product in value for n in product}
        return min(map(self.order, read), default=LAST)

    def find_channels(self, value: Polynomial) -> int | None:
        """How many channels a sum has; None if nothing in it says so."""
        for product in value:
            for number in product:
                if number in self.reading.names:
                    return self.reading.maps[self.reading.names[number]].channels
                node = self.nodes[number]
                if node.label[0] in WEIGHTS:
                    return self.reading.count_channels(node.label[3])
                if node.label[0] == "map":
                    return self.reading.count_channels(node.label[1])
                for read in node.reads:
                    if (channels := self.find_channels(read)) is not None:
                        return channels
        return None


def find_only(value: Polynomial) -> int | None:
    """The atom that a sum is, if it is one."""
    if list(value.values()) != [1]:
        return None
    (product,) = value
    return product[0] if len(product) == 1 else None
