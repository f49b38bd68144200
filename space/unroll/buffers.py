"""A plan, made ready to run: where every call's operands come from, and how long they are kept.

Values lie in places: one for every operation's own value, and one for every *stack*, the values
that a call of several rows computes at once. `segments` cuts the calls where little goes on, for a
backward pass that computes the rest again. No tensors here.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from space.unroll.calls import Call, schedule
from space.unroll.plan import Plan

_MOST_SEGMENTS = 16

_Sources = tuple[tuple[tuple[int, ...], ...], tuple[int | None, ...]]
"""Of a call: the rows of every operand, and the stack that is just these, or None."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call with where its operands come from and where its values go.

    `operands` are the places of every operand's rows; `stacks` has the place of a stack that is
    just these rows, or None. `makes` are the places of the call's own stacks, if it has more than
    one row, and `rows` says whether it puts single rows in their places, too. `free` are the
    places that nothing reads afterwards.
    """

    call: Call
    operands: tuple[tuple[int, ...], ...]
    stacks: tuple[int | None, ...]
    images: tuple[bool, ...]  # by row
    channels: list[int]
    makes: tuple[int, ...]
    rows: bool
    free: tuple[int, ...]

    def reads(self) -> Iterator[int]:
        """The places that it reads."""
        for column, stack in zip(self.operands, self.stacks, strict=True):
            if stack is None:
                yield from column
            else:
                yield stack

    def writes(self) -> Iterator[int]:
        """The places that it fills."""
        yield from self.makes
        if self.rows:
            for row in self.call.rows:
                yield from row


@dataclass(frozen=True, slots=True)
class Ready:
    """A plan's calls, and how many places they need. `storages` says of every place which one
    first held its numbers: the values of one call are parts of one whole.
    """

    plan: Plan
    calls: tuple[Prepared, ...]
    places: int
    storages: dict[int, int]

    def numbers(self, index: int, batch: int) -> int:
        """How many numbers an operation's value has, in a pass over `batch` images."""
        operation = self.plan.operations[index]
        return operation.batch(batch) * operation.map.channels * max(operation.map.size, 1) ** 2


@dataclass(frozen=True, slots=True)
class Segment:
    """Some calls in a row, the places that they read of earlier ones, and those that they fill
    and leave to later ones.
    """

    calls: tuple[Prepared, ...]
    reads: tuple[int, ...]
    leaves: tuple[int, ...]


def prepare_calls(plan: Plan) -> Ready:
    """The calls of a plan, with the places of their values."""
    calls, operations = schedule(plan), plan.operations
    stacks: dict[tuple[int, ...], int] = {}
    for call in calls:
        if len(call.rows) > 1:
            for column in zip(*call.rows, strict=True):
                stacks[column] = len(operations) + len(stacks)
    kept = set(plan.values.values())
    kept |= {value for effect in plan.effects for value in effect.values}
    sources = [_sources(plan, call, stacks) for call in calls]
    by_rows = set(kept)
    for columns, chosen in sources:
        for column, stack in zip(columns, chosen, strict=True):
            by_rows.update(column if stack is None else ())
    free = _free(calls, sources, stacks, kept)
    prepared = []
    for at, (call, (columns, chosen)) in enumerate(zip(calls, sources, strict=True)):
        single = len(call.rows) == 1
        prepared.append(
            Prepared(
                call=call,
                operands=columns,
                stacks=chosen,
                images=tuple(operations[row[0]].image for row in call.rows),
                channels=[operations[index].map.channels for index in call.rows[0]],
                makes=() if single else tuple(stacks[c] for c in zip(*call.rows, strict=True)),
                rows=single or any(index in by_rows for row in call.rows for index in row),
                free=tuple(free.get(at, ())),
            )
        )
    storages = {place: made.call.rows[0][0] for made in prepared for place in made.writes()}
    places = len(operations) + len(stacks)
    return Ready(plan=plan, calls=tuple(prepared), places=places, storages=storages)


def _sources(plan: Plan, call: Call, stacks: Mapping[tuple[int, ...], int]) -> _Sources:
    """The rows of every operand of a call, and the stack that is just these, or None."""
    operations = plan.operations
    columns = tuple(zip(*(operations[row[0]].operands for row in call.rows), strict=True))
    images = [operations[row[0]].image for row in call.rows]
    chosen = (
        stacks.get(column) if images == [operations[i].image for i in column] else None
        for column in columns
    )
    return columns, tuple(chosen)


def _free(
    calls: Sequence[Call],
    sources: Sequence[_Sources],
    stacks: Mapping[tuple[int, ...], int],
    kept: Collection[int],
) -> dict[int, list[int]]:
    """By call the places that nothing reads after it, but for those that are kept."""
    last: dict[int, int] = {}
    for at, (columns, chosen) in enumerate(sources):
        for column, stack in zip(columns, chosen, strict=True):
            last.update(dict.fromkeys(column if stack is None else (stack,), at))
    for at, call in enumerate(calls):
        for column in zip(*call.rows, strict=True):
            for place in (*column, *([stacks[column]] if len(column) > 1 else ())):
                last.setdefault(place, at)  # of what nobody reads
    free: dict[int, list[int]] = {}
    for place, at in last.items():
        if place not in kept:
            free.setdefault(at, []).append(place)
    return free


def segments(whole: Ready, batch: int) -> tuple[Segment, ...]:
    """The calls in segments such that a pass over `batch` images holds least if it remembers only
    what segments leave, and the whole of one segment at a time.
    """
    sizes = [_size(whole, prepared, batch) for prepared in whole.calls]
    best: tuple[float, tuple[Segment, ...]] | None = None
    for count in range(1, _MOST_SEGMENTS + 1):
        cuts = _cuts(sizes, count)
        segments = tuple(_segment(whole.calls[a:b]) for a, b in pairwise(cuts))
        left = sum(_held(whole, segment, batch) for segment in segments[:-1])
        highest = left + max(sum(sizes[a:b]) for a, b in pairwise(cuts))
        if best is None or highest < best[0]:
            best = highest, segments
    assert best is not None
    return best[1]


def _cuts(sizes: Sequence[int], count: int) -> list[int]:
    """Where to cut calls of those sizes so that the parts are about equal."""
    total, sums = sum(sizes), 0
    cuts = [0]
    for at, size in enumerate(sizes):
        sums += size
        if sums * count >= total * len(cuts) and len(cuts) < count and at + 1 < len(sizes):
            cuts.append(at + 1)
    return [*cuts, len(sizes)]


def _segment(calls: Sequence[Prepared]) -> Segment:
    read = dict.fromkeys(place for prepared in calls for place in prepared.reads())
    filled = dict.fromkeys(place for prepared in calls for place in prepared.writes())
    freed = {place for prepared in calls for place in prepared.free}
    return Segment(
        calls=tuple(calls),
        reads=tuple(place for place in read if place not in filled),
        leaves=tuple(place for place in filled if place not in freed),
    )


def _size(whole: Ready, prepared: Prepared, batch: int) -> int:
    """How many numbers a call computes."""
    return sum(whole.numbers(index, batch) for row in prepared.call.rows for index in row)


def _held(whole: Ready, segment: Segment, batch: int) -> int:
    """How many numbers a segment leaves; rows of a stack that it leaves too are no more."""
    values = set(segment.leaves)
    held = 0
    for prepared in segment.calls:
        for part, column in enumerate(zip(*prepared.call.rows, strict=True)):
            stacked = bool(prepared.makes) and prepared.makes[part] in values
            if stacked or not values.isdisjoint(column):
                rows = column if prepared.makes else [i for i in column if i in values]
                held += sum(whole.numbers(index, batch) for index in rows)
    return held
