"""Reasons counted: why samples may not be trained, each kind of reason once.

A reason names the field, the value and the size that do not fit. Numbers that vary from sample to
sample (the kernel that was drawn, its place in a list of edges, so many parameters) do not split a
reason: they are written as a range, `5..9 exceeds the 4x4 map`.
"""

import re
from collections import Counter

_OPEN = "\0"  # where a number stands in a kind
_NUMBER = re.compile(r"(?<![\w.])(?:\d+x\d+|\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?)(?![\w])")


class ReasonCounter:
    """Counts reasons by their kind."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._numbers: dict[str, list[set[str]]] = {}

    def add(self, reason: str) -> str:
        """Count a reason; gives its kind, the text with its numbers left open."""
        kind = _NUMBER.sub(_OPEN, reason)
        numbers = _NUMBER.findall(reason)
        self._counts[kind] += 1
        for values, number in zip(
            self._numbers.setdefault(kind, [set() for _ in numbers]), numbers, strict=True
        ):
            values.add(number)
        return kind

    @property
    def total(self) -> int:
        """How many were counted."""
        return self._counts.total()

    def list_kinds(self) -> list[str]:
        """The kinds, the most frequent first."""
        return [kind for kind, _ in self._counts.most_common()]

    def list_counted(self) -> list[tuple[str, int]]:
        """(reason, how many) of every kind, the most frequent first."""
        return [(self.write(kind), count) for kind, count in self._counts.most_common()]

    def write(self, kind: str) -> str:
        """A kind of reason with its numbers written in, as ranges where they vary."""
        ranges = (_write_range(values) for values in self._numbers[kind])
        return re.sub(_OPEN, lambda match: next(ranges, match.group()), kind)


def _write_range(values: set[str]) -> str:
    low, high = min(values, key=_size), max(values, key=_size)
    return low if low == high else f"{low}..{high}"


def _size(written: str) -> float:
    return float(written.replace(",", "").partition("x")[0])
