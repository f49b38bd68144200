"""A feedforward network of given parameters or multiply-adds, by the widths of its stages.

All widths are scaled by one factor; what is missing after rounding is made up stage by stage.
"""

import math
from collections.abc import Callable, Iterator, Sequence

from space.controls.trunk import build_chain
from space.documents.bounds import CHANNELS
from space.errors import GenomeError
from space.genome import Genome
from space.network.architecture import Stage
from space.network.grammar import Norm

TOLERANCE = 0.02
"""How far a matched quantity may be from that of the network, as a part of it."""

Measure = Callable[[Genome], int]


def match_widths(trunk: Genome, measure: Measure, target: float, unit: str) -> Genome:
    """The widened (or narrowed) `trunk` whose `measure` is nearest to `target`, in `unit`s.

    Raises GenomeError, with the nearest that there is, if that is not within TOLERANCE. The same
    for the same network on every machine: integers, and ties go to the first stage.
    """
    search = _Search(trunk, measure, target)
    widths = search.nearest()
    reached = search.measure(widths)
    if abs(reached - target) > TOLERANCE * target:
        raise GenomeError(
            unit,
            f"no widths of the feedforward network reach {target:,.0f}: the nearest have "
            f"{reached:,} ({reached / target - 1:+.1%}; {TOLERANCE:.0%} are allowed)",
            "leave this network out, or match another one",
        )
    return build_chain(trunk, search.stages(widths))


class _Search:
    """Widths of stages, in units that their norms can be divided into."""

    def __init__(self, trunk: Genome, measure: Measure, target: float) -> None:
        self._trunk, self._measure, self._target = trunk, measure, target
        self._first = [stage.convolution.width for stage in trunk.stages]
        self._units = [_unit(stage) for stage in trunk.stages]
        self._known: dict[tuple[int, ...], int] = {}

    def stages(self, widths: Sequence[int]) -> tuple[Stage, ...]:
        """The stages of these widths; a second convolution keeps its ratio to the first."""
        return tuple(
            _widen(stage, width, unit)
            for stage, width, unit in zip(self._trunk.stages, widths, self._units, strict=True)
        )

    def measure(self, widths: Sequence[int]) -> int:
        key = tuple(widths)
        if key not in self._known:
            # Not parsed: only sizes are asked for, and widths cannot break another rule.
            network = self._trunk.model_copy(update={"stages": self.stages(key)})
            self._known[key] = self._measure(network)
        return self._known[key]

    def nearest(self) -> list[int]:
        """The widths of the largest factor that does not exceed the target, then adjusted."""
        low, high = 0.0, 1.0
        while self.measure(self._scaled(high)) <= self._target and high < CHANNELS:
            low, high = high, high * 2
        for _ in range(40):
            middle = (low + high) / 2
            if self._scaled(middle) == self._scaled(low):
                low = middle
            elif self._scaled(middle) == self._scaled(high):
                high = middle
            elif self.measure(self._scaled(middle)) <= self._target:
                low = middle
            else:
                high = middle
        ends = (self._scaled(low), self._scaled(high))
        return self._adjust(min(ends, key=self._miss))

    def _scaled(self, factor: float) -> list[int]:
        return [
            _whole(width * factor, unit)
            for width, unit in zip(self._first, self._units, strict=True)
        ]

    def _miss(self, widths: Sequence[int]) -> float:
        return abs(self.measure(widths) - self._target)

    def _adjust(self, widths: list[int]) -> list[int]:
        """Single stages made wider or narrower for as long as that comes nearer; where that is
        not near enough, two of them at once.
        """
        while True:
            best = min(self._steps(widths), key=self._miss, default=widths)
            if self._miss(best) >= self._miss(widths) > TOLERANCE * self._target:
                pairs = (two for one in self._steps(widths) for two in self._steps(one))
                best = min(pairs, key=self._miss, default=widths)
            if self._miss(best) >= self._miss(widths):
                return widths
            widths = best

    def _steps(self, widths: list[int]) -> Iterator[list[int]]:
        """The widths with one stage a unit wider, or narrower."""
        for at, unit in enumerate(self._units):
            for width in (widths[at] + unit, widths[at] - unit):
                if unit <= width <= CHANNELS:
                    yield [*widths[:at], width, *widths[at + 1 :]]


def _whole(width: float, unit: int) -> int:
    return min(max(1, round(width / unit)), CHANNELS // unit) * unit


def _widen(stage: Stage, width: int, unit: int) -> Stage:
    first = stage.convolution
    changes: dict[str, object] = {"convolution": first.model_copy(update={"width": width})}
    if stage.second is not None:
        second = _whole(stage.second.width * width / first.width, unit)
        changes["second"] = stage.second.model_copy(update={"width": second})
    return stage.model_copy(update=changes)


def _unit(stage: Stage) -> int:
    """What the widths of a stage are multiples of: the groups of its norms divide them."""
    shortcut = stage.shortcut
    norms: list[Norm | None] = [
        stage.convolution.norm,
        None if stage.second is None else stage.second.norm,
        None if shortcut is None else shortcut.norm,
    ]
    return math.lcm(*(norm.groups or 1 for norm in norms if norm is not None))
