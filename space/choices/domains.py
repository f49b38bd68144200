"""What a choice can be: the domain of one parameter of a space, and how it is drawn.

Everything random comes from `random.Random.random()`, the only method whose sequence Python
promises to keep, and logarithms are taken in decimal arithmetic, because the last digit of the C
library's differs between machines: one seed gives one sample everywhere.
"""

import decimal
import math
import numbers
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from space.documents.validation import quote, suggestion

Scalar = str | int | float | bool | None
Condition = tuple[tuple[str, Scalar], ...]

_DECIMAL = decimal.Context(prec=28)
# A draw that must differ from the present value is tried so often before an end is taken instead.
_TRIES = 100
_STEP = 0.3  # a value nearby is at most so far on the way to an end


class OutsideError(ValueError):
    """A value that is not in a domain: (problem, cure)."""

    def __init__(self, problem: str, cure: str) -> None:
        super().__init__(problem, cure)
        self.problem, self.cure = problem, cure


@dataclass(frozen=True, kw_only=True)
class Categorical:
    """One label of several, with weights if some are likelier (they need not sum to 1)."""

    options: tuple[Scalar, ...]
    weights: tuple[float, ...] | None = None

    @property
    def size(self) -> int:
        """How many values there are."""
        return len(self.options)

    @property
    def middle(self) -> Scalar:
        """The value where none is chosen: the first option."""
        return self.options[0]

    def accept(self, value: object) -> Scalar:
        """The option that equals `value`. Raises OutsideError. true is not 1."""
        if type(value) is str and value in self.options:
            return value
        for option in self.options:
            if option == value and isinstance(option, bool) == isinstance(value, bool):
                return option
        listed = ", ".join(quote(option) for option in self.options)
        near = suggestion(value, [o for o in self.options if isinstance(o, str)])
        cure = near if isinstance(value, str) and near.startswith("did") else "write one of them"
        raise OutsideError(f"{quote(value)} is not one of {listed}", cure)

    def draw(self, rng: random.Random) -> Scalar:
        """An option, in proportion to its weight."""
        return self.options[_weighted(self.weights or (1.0,) * self.size, rng)]

    def other(self, value: Scalar, rng: random.Random) -> Scalar:
        """An option that is not `value`. Needs two options."""
        weights = self.weights or (1.0,) * self.size
        rest = [(o, w) for o, w in zip(self.options, weights, strict=True) if o != value]
        return rest[_weighted([weight for _, weight in rest], rng)][0]

    def near(self, value: Scalar, rng: random.Random) -> Scalar:
        """An option that is not `value`: none is nearer than another."""
        return self.other(value, rng)


@dataclass(frozen=True, kw_only=True)
class Uniform:
    """A float in [low, high]; uniform in its logarithm if `log`."""

    low: float
    high: float
    log: bool = False

    @property
    def size(self) -> None:
        """How many values there are: not countable."""
        return None

    @property
    def middle(self) -> float:
        """The value where none is chosen: the arithmetic mean, the geometric one if `log`."""
        if not self.log:
            return self.low / 2 + self.high / 2
        product = self.low * self.high
        whole = 0.0 < product < math.inf
        return self._clipped(
            math.sqrt(product) if whole else math.sqrt(self.low) * math.sqrt(self.high)
        )

    def accept(self, value: object) -> float:
        """`value` as a float of the domain. Raises OutsideError."""
        # float and int stand first because numpy's numbers, known by the abstract one, are rare.
        number = isinstance(value, (float, int, numbers.Real))
        if number and not isinstance(value, bool) and self.low <= value <= self.high:  # type: ignore[operator]
            return float(value)  # type: ignore[arg-type]
        raise _outside(value, "a number", self.low, self.high)

    def draw(self, rng: random.Random) -> float:
        """A float of the domain."""
        part = rng.random()
        if self.log:
            return self._clipped(_between_logs(self.low, self.high, part))
        return self._clipped(self.low * (1.0 - part) + self.high * part)

    def other(self, value: Scalar, rng: random.Random) -> float:
        """A float of the domain that is not `value`."""
        for _ in range(_TRIES):
            if (drawn := self.draw(rng)) != value:
                return drawn
        return self.low if value != self.low else self.high

    def near(self, value: Scalar, rng: random.Random) -> float:
        """A float that is not `value`, less than a third of the way to one of the ends."""
        start = self.accept(value)
        for _ in range(_TRIES):
            way = _stepped(start, self.low, self.high, rng, log=self.log)
            if (moved := self._clipped(way)) != start:
                return moved
        return self.other(value, rng)

    def _clipped(self, number: float) -> float:
        return min(max(number, self.low), self.high)


@dataclass(frozen=True, kw_only=True)
class Integer:
    """A whole number in low..high, both included; uniform in its logarithm if `log`."""

    low: int
    high: int
    log: bool = False

    @property
    def size(self) -> int:
        """How many values there are."""
        return self.high - self.low + 1

    @property
    def middle(self) -> int:
        """The value where none is chosen: the mean (geometric if `log`), rounded down."""
        return math.isqrt(self.low * self.high) if self.log else (self.low + self.high) // 2

    def accept(self, value: object) -> int:
        """`value` as an integer of the domain (3.0 is 3). Raises OutsideError."""
        whole: int | None = None
        if isinstance(value, bool):
            whole = None
        elif isinstance(value, numbers.Integral):
            whole = int(value)
        elif isinstance(value, numbers.Real) and float(value).is_integer():
            whole = int(float(value))
        if whole is not None and self.low <= whole <= self.high:
            return whole
        raise _outside(value, "a whole number", self.low, self.high)

    def draw(self, rng: random.Random) -> int:
        """An integer of the domain."""
        if self.log:
            # Every integer owns the interval of half a unit around it, the ends too.
            number = _between_logs(self.low - 0.5, self.high + 0.5, rng.random())
            return self._clipped(math.floor(number + 0.5))
        return self._clipped(self.low + int(rng.random() * self.size))

    def other(self, value: Scalar, rng: random.Random) -> int:
        """An integer of the domain that is not `value`. Needs two."""
        for _ in range(_TRIES):
            if (drawn := self.draw(rng)) != value:
                return drawn
        return self.low if value != self.low else self.high

    def near(self, value: Scalar, rng: random.Random) -> int:
        """An integer that is not `value`, about a third of the way to one of the ends at most.

        The next one may be further than that. Needs two.
        """
        start = self.accept(value)
        for _ in range(_TRIES):
            way = _stepped(start, self.low - 0.5, self.high + 0.5, rng, log=self.log)
            if (moved := self._clipped(math.floor(way + 0.5))) != start:
                return moved
        up = start < self.high and (start == self.low or rng.random() < 0.5)
        return start + 1 if up else start - 1

    def _clipped(self, number: int) -> int:
        return min(max(number, self.low), self.high)


Domain = Categorical | Uniform | Integer


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One choice that may have to be made.

    `path` is its key in the flat form. `condition` lists the branches that must be taken for it to
    be open, outermost first: none means that it is always open. One that stands in several
    branches, which exclude each other, is open in those of `others` as well. With `up_to` its
    options are kernels, and those larger than the map are not offered once the map is known.
    """

    path: str
    domain: Domain
    default: Scalar
    condition: Condition = ()
    up_to: str | None = None
    others: tuple[Condition, ...] = ()

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Every set of branches that opens it; no two can be taken together."""
        return (self.condition, *self.others)

    def is_open(self, choices: Mapping[str, Scalar]) -> bool:
        """Whether it is open under `choices`, which hold what stands before it."""
        return any(
            all(p in choices and choices[p] == label for p, label in condition)
            for condition in self.conditions
        )


def _outside(value: object, kind: str, low: float, high: float) -> OutsideError:
    return OutsideError(
        f"{quote(value)} is not {kind} from {quote(low)} to {quote(high)}",
        f"write {kind} in range",
    )


def _weighted(weights: Sequence[float], rng: random.Random) -> int:
    """An index, in proportion to its weight."""
    left = rng.random() * sum(weights)
    for index, weight in enumerate(weights[:-1]):
        left -= weight
        if left < 0:
            return index
    return len(weights) - 1


def _stepped(start: float, low: float, high: float, rng: random.Random, *, log: bool) -> float:
    """A part of the way from `start` to one of the ends, in the logarithm if `log`."""
    end = high if rng.random() < 0.5 else low
    part = _STEP * rng.random()
    return _between_logs(start, end, part) if log else start + part * (end - start)


@lru_cache(maxsize=1024)
def _logs(low: float, high: float) -> tuple[decimal.Decimal, decimal.Decimal]:
    """(ln low, ln high - ln low)"""
    start, end = (decimal.Decimal(number).ln(_DECIMAL) for number in (low, high))
    return start, _DECIMAL.subtract(end, start)


def _between_logs(low: float, high: float, part: float) -> float:
    """low ** (1 - part) * high ** part, to the last digit the same on every machine."""
    start, span = _logs(low, high)
    return float(_DECIMAL.fma(decimal.Decimal(part), span, start).exp(_DECIMAL))
