"""The learning rates that networks are tuned over: rungs of a ladder, the same for a whole group.

A group is a winner with its matched controls. A rung is a power of STEP times the group's own
rate. Where one network of a group does best at an end of the rungs that were tried, all of the
group are tried at one rung beyond: what is compared has had the same rates to choose from, and
none of it was cut off at an end that suits another one.
"""

from collections.abc import Iterable, Mapping, Sequence

STEP = 3.0
FIRST: tuple[int, ...] = (-1, 0, 1)
"""The rungs of the first round: a third of the own rate, the rate itself, three times it."""

ROUNDS = 3
"""Of tuning, at most: the first, and then a rung beyond either end in each."""

Rungs = Mapping[str, Sequence[int]]
"""By the name of a network, ascending."""


def rate_at(own: float, rung: int) -> float:
    """The learning rate at a rung of the ladder around a network's own."""
    return own if rung == 0 else float(f"{own * STEP**rung:.4g}")


def find_edges(tried: Rungs, chosen: Mapping[str, int]) -> list[str]:
    """The networks whose best rung is the first or the last of those that were tried."""
    return [name for name, rungs in tried.items() if chosen[name] in (min(rungs), max(rungs))]


def extend_ladders(
    groups: Iterable[Sequence[str]], tried: Rungs, chosen: Mapping[str, int]
) -> dict[str, list[int]]:
    """The rungs to try next, by network: none where no network of a group is best at an end."""
    more: dict[str, list[int]] = {}
    for group in groups:
        low, high = min(tried[group[0]]), max(tried[group[0]])
        best = {chosen[name] for name in group}
        beyond = [low - 1] * (low in best) + [high + 1] * (high in best)
        more |= {name: beyond for name in group if beyond}
    return more


def join_rungs(tried: Rungs, more: Rungs) -> dict[str, list[int]]:
    """The rungs of both."""
    return {name: sorted({*rungs, *more.get(name, ())}) for name, rungs in tried.items()}
