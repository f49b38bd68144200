"""The feedforward part of a space: the same choices, but for those by which something goes round.

The networks of a space that have no loop are often too few to be met by chance. `close_loops`
derives them: it reads in the open document which part of a cell may read which, and which feedback
edges may be there, and leaves out the options that close a loop until none is possible. What is
not needed for that stays open: kernels, norms, activations, the edges that lead forward, the
recipe. An edge from one state to another may stay although it is a step late: it is no loop.

It reads words of the grammar (`carry`, `of`, `shared`, ...) where no genome is there yet, since
choices are still to be made; a loop that might be inert is a loop here.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from space.choices.domains import Categorical, Scalar
from space.choices.open_document import OpenDocument
from space.choices.possible import PossibleValue, Where
from space.documents.paths import format_path
from space.errors import SpaceError
from space.network.architecture import split_edge
from space.network.grammar import parse_source
from space.space import Space

Taken = tuple[tuple[str, Scalar], ...]
"""Choices and what they are, outermost first."""

_READING = ("of", "shared", "complement", "gate", "multiply")
"""The keys under which a part of a cell names what it reads."""


def close_loops(space: Space) -> Space:
    """The space of those networks only that have no loop; the same one if it has no others.

    Its choices are choices of the whole space, and make the same networks there. Raises SpaceError
    that says what goes round in every network, if there is none without.
    """
    remaining = _Remaining(space.opened)
    _close_feedback(remaining)
    while (cycle := _find_cycle(_read_parts(remaining))) is not None:
        _cut_cycle(remaining, cycle)
    # What stands inside an option that was left out needs no narrowing of its own.
    there = {parameter.path for parameter in remaining.opened.parameters}
    only = {path: options for path, options in remaining.only.items() if path in there}
    return space.narrow(only) if only else space


class _Remaining:
    """A document of which options are left out, one by one."""

    def __init__(self, opened: OpenDocument) -> None:
        self._whole = opened
        self.opened, self.only = opened, dict[str, tuple[Scalar, ...]]()

    def values(self) -> list[PossibleValue]:
        """What may still stand in the document."""
        return list(self.opened.possible_values())

    def exclude(self, ways: list[Taken]) -> dict[str, tuple[Scalar, ...]] | None:
        """The options that are left where none of the `ways` may be taken; None if one must be.

        Of each way the innermost choice is made otherwise: that leaves the most.
        """
        only = dict(self.only)
        for way in ways:
            left = {path: self._options(path, only) for path, _ in way}
            if any(label not in left[path] for path, label in way):
                continue  # closed by another one
            path = next((path for path, _ in reversed(way) if len(left[path]) > 1), None)
            if path is None:
                return None
            only[path] = tuple(label for label in left[path] if (path, label) not in way)
        return only

    def count(self, only: Mapping[str, tuple[Scalar, ...]]) -> int:
        """How many samples there are with those options."""
        return self._whole.narrow(only).count().distinct

    def leave(self, only: dict[str, tuple[Scalar, ...]]) -> None:
        """Leave those options."""
        self.only, self.opened = only, self._whole.narrow(only)

    def _options(self, path: str, only: Mapping[str, tuple[Scalar, ...]]) -> tuple[Scalar, ...]:
        if path in only:
            return only[path]
        domain = self._whole.parameter(path).domain
        return domain.options if isinstance(domain, Categorical) else ()


# ------------------------------------------------------------------------- feedback


def _close_feedback(remaining: _Remaining) -> None:
    """Leave out every feedback edge; where one must be there, whatever reads it."""
    for key in _list_feedback(remaining.values()):
        ways = [one.taken for one in remaining.values() if _is_feedback(one, key)]
        only = remaining.exclude(ways)
        if only is None:
            readers = _list_feedback_readers(remaining.values(), split_edge(key)[1])
            only = remaining.exclude(readers)
        if only is None:
            where = format_path(("genome", "feedback", key))
            raise SpaceError(where, "is there in every network, and read", "make it a choice")
        remaining.leave(only)


def _list_feedback(values: list[PossibleValue]) -> list[str]:
    keys = [str(one.where[-1]) for one in values if _is_feedback(one)]
    return list(dict.fromkeys(keys))


def _is_feedback(one: PossibleValue, key: str | None = None) -> bool:
    """Whether a value puts a feedback edge there, the one of that key if it is given."""
    if len(one.where) != 3 or one.where[:2] != ("genome", "feedback"):
        return False
    return bool(one.value) and key in (None, one.where[2])


def _list_feedback_readers(values: list[PossibleValue], receiver: str) -> list[Taken]:
    """The ways in which the feedback to a stage is read: by its join, a convolution, its cell."""
    stages = [one for one in values if one.where[:2] == ("genome", "stages")]
    places = {
        one.where[2] for one in stages if one.where[3:] == ("name",) and one.value == receiver
    }
    stages = [one for one in stages if len(one.where) > 3 and one.where[2] in places]
    cells = {one.value for one in stages if one.where[3:] == ("cell",)}
    ways = [
        one.taken
        for one in stages
        if (one.where[-1] == "reads_feedback" and one.value is True)
        or (one.where[3:] in (("join",), ("join", "kind")) and one.value in ("add", "multiply"))
    ]
    ways += [
        one.taken
        for one in values
        if one.where[:2] == ("genome", "cells")
        and len(one.where) > 2
        and one.where[2] in cells
        and "feedback" in _names_read(one)
    ]
    return ways


# ------------------------------------------------------------------------- within cells


@dataclass(frozen=True, kw_only=True)
class _StateOrGate:
    """A state or a gate of a cell, as it may be written under the choices `taken`."""

    where: Where
    taken: Taken

    @property
    def name(self) -> str:
        return str(self.where[-1])

    @property
    def cell(self) -> Where:
        return self.where[:3]


@dataclass(frozen=True, kw_only=True)
class _Reads:
    """Which parts may read which, each with the ways in which it does. `distance` is how many
    reads a part is away from what its cell puts out.
    """

    ways: dict[_StateOrGate, dict[_StateOrGate, list[Taken]]]
    distance: dict[_StateOrGate, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class _Read:
    """One edge of a cycle: a part that reads another one, in some ways."""

    reader: _StateOrGate
    source: _StateOrGate
    ways: list[Taken]
    distance: int
    """Of the source from what the cell puts out."""


def _read_parts(remaining: _Remaining) -> _Reads:
    values = [one for one in remaining.values() if one.where[:2] == ("genome", "cells")]
    parts = dict.fromkeys(
        _StateOrGate(where=one.where, taken=one.taken)
        for one in values
        if len(one.where) == 5 and one.where[3] in ("states", "gates") and one.value is not None
    )
    by_where: dict[Where, list[_StateOrGate]] = defaultdict(list)
    by_name: dict[tuple[Where, str], list[_StateOrGate]] = defaultdict(list)
    for part in parts:
        by_where[part.where].append(part)
        by_name[part.cell, part.name].append(part)
    reads = _Reads(ways={part: {} for part in parts})
    outputs = set[_StateOrGate]()
    for one in values:
        if one.where[3:] == ("output",):
            outputs.update(by_name[one.where[:3], str(one.value)])
        for name in _names_read(one) | _names_kept(one, values):
            for source in by_name[one.where[:3], name]:
                for reader in by_where[one.where[:5]]:
                    way = _join_taken(reader.taken, one.taken, source.taken)
                    if way is not None:
                        reads.ways[reader].setdefault(source, []).append(way)
    _measure_distances(reads, outputs)
    return reads


def _names_read(one: PossibleValue) -> set[str]:
    """The names that a text of a cell reads, sources and gates."""
    key = next((step for step in reversed(one.where) if isinstance(step, str)), None)
    if len(one.where) < 6 or key not in _READING or not isinstance(one.value, str):
        return set()
    source = parse_source(one.value)
    return {source.name, *([source.mask] if source.mask else [])}


def _names_kept(one: PossibleValue, values: list[PossibleValue]) -> set[str]:
    """The name of the state itself where a carry does not say of what it is."""
    if len(one.where) != 6 or one.where[3::2] != ("states", "carry") or one.value is None:
        return set()
    named = any(
        other.where == (*one.where, "of") and other.value is not None and other.taken == one.taken
        for other in values
    )
    return set() if named else {str(one.where[4])}


def _join_taken(*ways: Taken) -> Taken | None:
    """All those choices, each once; None where they contradict each other."""
    made: dict[str, Scalar] = {}
    for path, label in (pair for way in ways for pair in way):
        if made.setdefault(path, label) != label:
            return None
    return tuple(made.items())


def _measure_distances(reads: _Reads, outputs: set[_StateOrGate]) -> None:
    waiting = [part for part in reads.ways if part in outputs]
    reads.distance.update(dict.fromkeys(waiting, 0))
    for part in waiting:
        for source in reads.ways[part]:
            if source not in reads.distance:
                reads.distance[source] = reads.distance[part] + 1
                waiting.append(source)


def _find_cycle(reads: _Reads) -> list[_Read] | None:
    """The reads of a shortest cycle, None if there is none."""
    shortest: list[_StateOrGate] | None = None
    for start in reads.ways:
        path = _find_way_back(reads, start)
        if path is not None and (shortest is None or len(path) < len(shortest)):
            shortest = path
    if shortest is None:
        return None
    return [
        _Read(
            reader=reader,
            source=source,
            ways=reads.ways[reader][source],
            distance=reads.distance.get(source, len(reads.ways)),
        )
        for reader, source in zip(shortest, [*shortest[1:], shortest[0]], strict=True)
    ]


def _find_way_back(reads: _Reads, start: _StateOrGate) -> list[_StateOrGate] | None:
    """The fewest parts by which a part reads itself, beginning with it."""
    before: dict[_StateOrGate, _StateOrGate] = {}
    waiting = [start]
    for part in waiting:
        for source in reads.ways[part]:
            if source == start:
                path = [part]
                while path[-1] != start:
                    path.append(before[path[-1]])
                return path[::-1]
            if source not in before:
                before[source] = part
                waiting.append(source)
    return None


def _cut_cycle(remaining: _Remaining, cycle: list[_Read]) -> None:
    """Leave out one read of a cycle: one that leaves its cell a choice, if there is one, of those
    the one that reads what is nearest to the cell's output, of those the one that leaves the most
    samples.
    """
    cuts = [(read, remaining.exclude(read.ways)) for read in cycle]
    able = [(read, only) for read, only in cuts if only is not None]
    if not able:
        parts = ", ".join(f"{read.reader.name} reads {read.source.name}" for read in cycle)
        where = format_path(cycle[0].reader.where)
        raise SpaceError(where, f"goes round in every network: {parts}", "make one optional")

    def rank(cut: tuple[_Read, dict[str, tuple[Scalar, ...]]]) -> tuple[bool, int, int]:
        read, only = cut
        return _removes(read, only), read.distance, -remaining.count(only)

    remaining.leave(min(able, key=rank)[1])


def _removes(read: _Read, only: Mapping[str, tuple[Scalar, ...]]) -> bool:
    """Whether one of the two parts of a read cannot be there any more."""
    return any(
        path in only and label not in only[path]
        for part in (read.reader, read.source)
        for path, label in part.taken
    )
