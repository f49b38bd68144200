"""Words and numbers on figures: short, and never one over another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def space_out(places: Sequence[float], apart: float, low: float, high: float) -> list[float]:
    """Places of labels, moved as little as it takes to stand `apart` within low..high.

    The order is kept, of equals that of the list. Where not all fit, they stand evenly.
    """
    n = len(places)
    if n == 0:
        return []
    if (n - 1) * apart >= high - low:
        apart = (high - low) / max(1, n - 1)
    order = sorted(range(n), key=lambda one: places[one])
    # With `apart` taken off one by one the places need only be in order: isotonic regression.
    wanted = [places[one] - place * apart for place, one in enumerate(order)]
    blocks: list[list[float]] = []  # [sum, count]
    for value in wanted:
        blocks.append([value, 1.0])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += count
    level = [total / count for total, count in blocks for _ in range(int(count))]
    top = high - (n - 1) * apart
    moved = [0.0] * n
    for place, one in enumerate(order):
        moved[one] = min(max(level[place], low), top) + place * apart
    return moved


def shorten(text: str, most: int = 34) -> str:
    """A text of at most `most` letters, its middle left out."""
    if len(text) <= most:
        return text
    head = (most - 1 + 1) // 2
    return f"{text[:head]}…{text[len(text) - (most - 1 - head) :]}"


def write_count(number: int, noun: str, plural: str | None = None) -> str:
    """ "1 trial", "2,000 trials"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def write_list(words: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def span(values: Sequence[float], room: float = 0.04) -> tuple[float, float]:
    """The domain of an axis of scores: all finite values with some room, within 0..1."""
    finite = [one for one in values if np.isfinite(one)]
    if not finite:
        return 0.0, 1.0
    low, high = min(finite), max(finite)
    more = max(0.01, (high - low) * room)
    return max(0.0, round(low - more, 3)), min(1.0, round(high + more, 3))
