"""One choice in several branches: the parameters of a document, each once.

A name may stand at choices in branches that exclude each other. At most one of these is open, so
that they are one parameter to everything outside: one key of the flat form, one column of a table,
one dimension of a sampler. Inside a document each keeps its own place and its own default.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from space.choices.domains import Categorical, Condition, Parameter, Scalar
from space.errors import SpaceError

Parents = Sequence[tuple[int, Scalar] | None]
"""By slot: the choice that it stands in and the branch there, None at the top."""


def share_parameters(
    by_slot: Sequence[Parameter], parents: Parents, reached: Sequence[int]
) -> tuple[Parameter, ...]:
    """The parameters of the slots `reached`, each key once, with every set of branches that opens
    it. A choice stands after those that stand before it in any branch, so that choices that are
    made in this order are made in the document's.

    Raises SpaceError where two branches hold the same choices in different orders.
    """
    slots: dict[str, list[int]] = {}
    for slot in reached:
        slots.setdefault(by_slot[slot].path, []).append(slot)
    if len(slots) == len(reached):
        return tuple(by_slot[slot] for slot in reached)
    domains = {path: by_slot[own[0]].domain for path, own in slots.items()}
    shared = {}
    for path, own in slots.items():
        first, *others = _join([by_slot[slot].condition for slot in own], domains)
        shared[path] = replace(by_slot[own[0]], condition=first, others=tuple(others))
    return tuple(shared[path] for path in _order(slots, _follow(by_slot, parents, reached)))


def _join(conditions: Sequence[Condition], domains: Mapping[str, object]) -> list[Condition]:
    """The same conditions, fewer: where all options of a choice open it, that choice is no part
    of the condition."""
    left = list(dict.fromkeys(conditions))
    while (shorter := _join_one(left, domains)) is not None:
        left = shorter
    return left


def _join_one(
    conditions: Sequence[Condition], domains: Mapping[str, object]
) -> list[Condition] | None:
    for condition in conditions:
        for place, (path, _) in enumerate(condition):
            domain = domains.get(path)
            if not isinstance(domain, Categorical):
                continue
            rest = condition[:place], condition[place + 1 :]
            ways = [(*rest[0], (path, option), *rest[1]) for option in domain.options]
            if all(way in conditions for way in ways):
                others = [one for one in conditions if one not in ways]
                return list(dict.fromkeys([*others, (*rest[0], *rest[1])]))
    return None


def _follow(
    by_slot: Sequence[Parameter], parents: Parents, reached: Sequence[int]
) -> dict[str, set[str]]:
    """By key: the keys right before it in some branch, from which all orders follow."""
    inside: dict[tuple[int, Scalar] | None, list[int]] = {}
    for slot in reached:
        inside.setdefault(parents[slot], []).append(slot)
    labels: dict[int, list[Scalar]] = {}
    for parent in inside:
        if parent is not None:
            labels.setdefault(parent[0], []).append(parent[1])
    before: dict[str, set[str]] = {}

    def walk(children: Iterable[int], ends: set[str]) -> set[str]:
        for slot in children:
            path = by_slot[slot].path
            before.setdefault(path, set()).update(ends)
            branches = [walk(inside[slot, label], {path}) for label in labels.get(slot, ())]
            ends = set().union(*branches) or {path}
        return ends

    walk(inside.get(None, []), set())
    return before


def _order(paths: Iterable[str], before: Mapping[str, set[str]]) -> list[str]:
    """The keys in an order that keeps every one behind those `before` it, else as they are."""
    waiting, ordered = list(paths), dict[str, None]()
    while waiting:
        ready = next((path for path in waiting if before[path] <= ordered.keys()), None)
        if ready is None:
            raise SpaceError(
                waiting[0],
                "stands before other choices in one branch and behind them in another one",
                "write the shared choices of both branches in one order",
            )
        waiting.remove(ready)
        ordered[ready] = None
    return list(ordered)
