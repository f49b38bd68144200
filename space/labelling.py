"""The canonical form of a labelled directed graph, exact.

`canonical` numbers the vertices so that isomorphic graphs become one text, and no others do.
Vertices are coloured by their labels, then by the colours of what they read and of what reads
them. Where that leaves two of one colour, each is singled out in turn and the least text is taken
(individualisation and refinement); a vertex that turns out to be an image of one already tried is
not tried further. The hash that colours are made of decides only how fast this goes: the text
states the whole graph.
"""

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache

Text = tuple[tuple[str, tuple[int, ...], int], ...]

_BITS = (1 << 64) - 1


def canonical(
    labels: Sequence[str],
    reads: Sequence[Sequence[int]],
    earlier: Mapping[int, int],
) -> tuple[Text, list[int]]:
    """(the text, the vertices in canonical order).

    `reads[v]` are the vertices that v has an edge to, in no order, repeated for several edges;
    all of them stand before v. `earlier[v]` is one more edge of v, to any vertex.
    """
    return _Search(labels, reads, earlier).run()


class _Search:
    def __init__(
        self,
        labels: Sequence[str],
        reads: Sequence[Sequence[int]],
        earlier: Mapping[int, int],
    ) -> None:
        self.labels, self.reads, self.earlier = labels, reads, earlier
        self.users: list[list[int]] = [[] for _ in labels]
        for vertex, read in enumerate(reads):
            for other in read:
                self.users[other].append(vertex)

    def run(self) -> tuple[Text, list[int]]:
        return self._best(self._refined([_number(label) for label in self.labels]))

    def _refined(self, colours: list[int]) -> list[int]:
        """The coarsest colouring that is finer and tells apart what reads or is read otherwise."""
        kinds = len(set(colours))
        while kinds < len(colours):
            colours = self._swept(colours)
            found = len(set(colours))
            if found == kinds:
                break
            kinds = found
        return colours

    def _swept(self, colours: list[int]) -> list[int]:
        """Once forwards and once backwards; in place, since vertices stand in order."""
        before, colours = colours, list(colours)
        for vertex, other in self.earlier.items():
            colours[vertex] += 7 * _mixed(before[other])
            colours[other] += 11 * _mixed(before[vertex] + 1)
        for vertex, read in enumerate(self.reads):
            below = sum([colours[other] for other in read])
            colours[vertex] = _mixed(colours[vertex] + 3 * below)
        for vertex in range(len(colours) - 1, -1, -1):
            above = sum([colours[other] for other in self.users[vertex]])
            colours[vertex] = _mixed(colours[vertex] + 5 * above)
        return colours

    def _best(self, colours: list[int]) -> tuple[Text, list[int]]:
        """The least text under a refined colouring."""
        tied = self._tied(colours)
        if not tied:
            return self._written(colours)
        first, *others = tied
        best = self._best(self._single(colours, first))
        path = self._first_path(self._single(colours, first))
        for vertex in others:
            alone = self._single(colours, vertex)
            if self._first_path(alone) == path:
                continue  # an automorphism takes `first` to it
            best = min(best, self._best(alone), key=lambda found: found[0])
        return best

    def _first_path(self, colours: list[int]) -> tuple[Text, list[int]]:
        """What is reached by singling out the first tied vertex again and again: the text, and
        the colours in its order. Where both are equal, one start is an image of the other, and
        what was singled out before stays in its place.
        """
        while tied := self._tied(colours):
            colours = self._single(colours, tied[0])
        return self._written(colours)[0], sorted(colours)

    def _single(self, colours: list[int], vertex: int) -> list[int]:
        alone = list(colours)
        alone[vertex] = _mixed(alone[vertex] ^ 0x5555555555555555)
        return self._refined(alone)

    def _tied(self, colours: list[int]) -> list[int]:
        """The vertices of the smallest colour that several have."""
        if len(set(colours)) == len(colours):
            return []
        groups: dict[int, list[int]] = {}
        for vertex, colour in enumerate(colours):
            groups.setdefault(colour, []).append(vertex)
        return min(
            (group for group in groups.values() if len(group) > 1),
            key=lambda group: (len(group), colours[group[0]]),
        )

    def _written(self, colours: list[int]) -> tuple[Text, list[int]]:
        """The text under a colouring in which no two vertices are alike."""
        order = sorted(range(len(colours)), key=colours.__getitem__)
        rank = [0] * len(order)
        for place, vertex in enumerate(order):
            rank[vertex] = place
        text = tuple(
            (
                self.labels[vertex],
                tuple(sorted([rank[other] for other in self.reads[vertex]])),
                rank[self.earlier[vertex]] if vertex in self.earlier else -1,
            )
            for vertex in order
        )
        return text, order


@lru_cache(maxsize=4096)
def _number(label: str) -> int:
    return int.from_bytes(hashlib.blake2b(label.encode(), digest_size=8).digest(), "big")


def _mixed(x: int) -> int:
    x &= _BITS
    x = (x ^ (x >> 32)) * 0x9E3779B97F4A7C15 & _BITS
    return x ^ (x >> 29)
