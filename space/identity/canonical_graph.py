"""The canonical form of a labelled directed graph, exact.

`canonical` numbers the vertices so that isomorphic graphs become one text, and no others do.
Vertices are coloured by their labels, then by the colours of what they read and of what reads
them. Where that leaves two of one colour, each is singled out in turn and the least text is taken
(individualisation and refinement); a vertex that is an image of one already tried, under a
symmetry that leaves in place what was singled out before, is not tried. Symmetries are found in
two ways: two vertices are exchanged together with what hangs on each of them alone, which is cheap
and finds the parts that stand beside each other in a sum; and two ways down that end in one text
are images of each other. So alike parts take one refinement each. The hash that colours are made
of decides only how fast this goes: the text states the whole graph.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
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
        ahead: list[list[int]] = [[] for _ in labels]
        behind: list[list[int]] = [[] for _ in labels]
        for vertex, other in earlier.items():
            ahead[vertex].append(other)
            behind[other].append(vertex)
        self.neighbours = (reads, self.users, ahead, behind)

    def run(self) -> tuple[Text, list[int]]:
        return self._find_least(self._refine([_hash_label(label) for label in self.labels]))

    def _refine(self, colours: list[int]) -> list[int]:
        """The coarsest colouring that is finer and tells apart what reads or is read otherwise."""
        kinds = len(set(colours))
        while kinds < len(colours):
            colours = self._sweep(colours)
            now = len(set(colours))
            if now == kinds:
                break
            kinds = now
        return colours

    def _sweep(self, colours: list[int]) -> list[int]:
        """Once forwards and once backwards; in place, since vertices stand in order."""
        before, colours = colours, list(colours)
        for vertex, other in self.earlier.items():
            colours[vertex] += 7 * _mix(before[other])
            colours[other] += 11 * _mix(before[vertex] + 1)
        for vertex, read in enumerate(self.reads):
            below = sum([colours[other] for other in read])
            colours[vertex] = _mix(colours[vertex] + 3 * below)
        for vertex in range(len(colours) - 1, -1, -1):
            above = sum([colours[other] for other in self.users[vertex]])
            colours[vertex] = _mix(colours[vertex] + 5 * above)
        return colours

    def _find_least(self, colours: list[int]) -> tuple[Text, list[int]]:
        """The least text under a refined colouring."""
        levels: list[tuple[list[int], list[int]]] = []
        while tied := self._find_tied(colours):
            levels.append((colours, tied))
            colours = self._single_out(colours, tied[0])
        best = first = self._write(colours)
        end = sorted(colours)
        # A symmetry of a level is one of all levels above, where fewer vertices are singled out.
        orbits = _Orbits(len(colours))
        for colours, (vertex, *others) in reversed(levels):
            tried = [vertex]
            for other in others:
                if any(orbits.joined(other, one) for one in tried):
                    continue
                if exchanged := self._find_exchange(colours, vertex, other):
                    orbits.join(exchanged.items())
                    continue
                alone = self._single_out(colours, other)
                (text, order), reached = self._first_way(alone)
                # Where the colours are equal too, what was singled out before stays in its place.
                if text == first[0] and reached == end:
                    orbits.join(zip(first[1], order, strict=True))
                    continue
                best = min(best, self._find_least(alone), key=lambda pair: pair[0])
                tried.append(other)
        return best

    def _first_way(self, colours: list[int]) -> tuple[tuple[Text, list[int]], list[int]]:
        """What is reached by singling out the first tied vertex again and again: the text with
        its order, and the colours in that order.
        """
        while tied := self._find_tied(colours):
            colours = self._single_out(colours, tied[0])
        return self._write(colours), sorted(colours)

    def _find_exchange(self, colours: list[int], one: int, other: int) -> dict[int, int] | None:
        """A symmetry that exchanges two vertices and, of their neighbours, those that belong to
        one of them alone; None if that is none. Colours stay, so what is singled out stays too.
        """
        image = {one: other, other: one}
        pending = [(one, other)]
        while pending:
            a, b = pending.pop()
            for neighbours in self.neighbours:
                for x, y in _pair_own(neighbours[a], neighbours[b], colours):
                    if colours[x] != colours[y] or self.labels[x] != self.labels[y]:
                        return None
                    if image.get(x, y) != y or image.get(y, x) != x:
                        return None
                    if x not in image:
                        image |= {x: y, y: x}
                        pending.append((x, y))
        for vertex, twin in image.items():
            for neighbours in self.neighbours:
                moved = sorted([image.get(near, near) for near in neighbours[vertex]])
                if moved != sorted(neighbours[twin]):
                    return None
        return image

    def _single_out(self, colours: list[int], vertex: int) -> list[int]:
        alone = list(colours)
        alone[vertex] = _mix(alone[vertex] ^ 0x5555555555555555)
        return self._refine(alone)

    def _find_tied(self, colours: list[int]) -> list[int]:
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

    def _write(self, colours: list[int]) -> tuple[Text, list[int]]:
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


class _Orbits:
    """Vertices, joined where a symmetry takes one to another."""

    def __init__(self, size: int) -> None:
        self._above = list(range(size))

    def join(self, symmetry: Iterable[tuple[int, int]]) -> None:
        for vertex, image in symmetry:
            self._above[self._root(vertex)] = self._root(image)

    def joined(self, one: int, other: int) -> bool:
        return self._root(one) == self._root(other)

    def _root(self, vertex: int) -> int:
        above = self._above
        while above[vertex] != vertex:
            above[vertex] = vertex = above[above[vertex]]
        return vertex


def _pair_own(
    mine: Sequence[int], theirs: Sequence[int], colours: Sequence[int]
) -> list[tuple[int, int]]:
    """What stands in one of two lists alone, in pairs of one colour as far as there are such.

    The lists are of equal length, since they belong to vertices of one colour.
    """
    if mine == theirs:
        return []
    here, there = Counter(mine), Counter(theirs)
    left, right = (
        sorted(rest.elements(), key=lambda vertex: (colours[vertex], vertex))
        for rest in (here - there, there - here)
    )
    return list(zip(left, right, strict=False))


@lru_cache(maxsize=4096)
def _hash_label(label: str) -> int:
    return int.from_bytes(hashlib.blake2b(label.encode(), digest_size=8).digest(), "big")


def _mix(x: int) -> int:
    x &= _BITS
    x = (x ^ (x >> 32)) * 0x9E3779B97F4A7C15 & _BITS
    return x ^ (x >> 29)
