"""The worlds that methods are compared on: halves of the table, and a landscape by formula."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from benchmarks.search_quality.simulate import Training
from benchmarks.search_quality.table import CHANCE, Table
from benchmarks.search_quality.tasks import Half, Task, every
from space.choices.domains import Scalar
from space.space import Space
from workers.job import Recipe
from workers.seeds import hash_to_seed


@dataclass(frozen=True)
class Replay:
    """A half of a task, replayed from its table. A query draws one of a network's seeds."""

    task: Task
    half: Half
    table: Table

    @cached_property
    def space(self) -> Space:
        """Every network of it is in the table."""
        return self.task.space(self.half)

    @property
    def recipe(self) -> Recipe:
        """As the table was trained."""
        return self.task.recipe

    @cached_property
    def truth(self) -> Mapping[str, float]:
        """Shrunk means over seeds; the noise is measured on the whole task.

        Raises KeyError if the table does not hold every network of the half.
        """
        choices = every(self.space.parameters)
        return {d: self.table.truth[d] for d in {self.space.close(c).digest for c in choices}}

    def training(
        self, digest: str, repeat: int, _recipe: Mapping[str, Any] | None = None
    ) -> Training:
        """The training of one seed; its seconds are the mean of the network's."""
        rows = self.table.by_digest[digest]
        row = rows[_drawn(digest, repeat) % len(rows)]
        whole = [r for r in rows if r.reason is None] or list(rows)
        seconds = sum(r.cpu_seconds for r in whole) / sum(max(len(r.top1), 1) for r in whole)
        return Training(top1=row.top1, seconds_an_epoch=seconds, reason=row.reason)


@dataclass(frozen=True)
class Landscape:
    """A formula over the choices of a finite space, with a known optimum, noise and failures.

    A network is worth a sum over its choices, weights drawn from `seed`, and over pairs of them,
    which count `pairs` as much; the best is worth `BEST`. About the part `failing` of them fails:
    what these have in common is one pair of choices.
    """

    space: Space
    seed: int = 0
    noise: float = 0.01
    epochs: int = 9
    failing: float = 0.1
    pairs: float = 0.1

    BEST = 0.9

    @property
    def recipe(self) -> Recipe:
        """As many epochs as its curves have."""
        return Recipe(epochs=self.epochs)

    @cached_property
    def _networks(self) -> dict[str, dict[str, Scalar]]:
        return {self.space.close(c).digest: c for c in every(self.space.parameters)}

    @cached_property
    def _raw(self) -> dict[str, float]:
        return {digest: self._formula(choices) for digest, choices in self._networks.items()}

    def _formula(self, choices: Mapping[str, Scalar]) -> float:
        items = sorted(f"{path}={value}" for path, value in choices.items())
        pairs = [f"{a}&{b}" for i, a in enumerate(items) for b in items[:i]]
        return sum(map(self._weight, items)) + self.pairs * sum(map(self._weight, pairs))

    def _weight(self, item: str) -> float:
        return random.Random(f"{self.seed} {item}").gauss(0.0, 1.0)

    @cached_property
    def _failures(self) -> set[str]:
        """The networks with the pair of choices whose number is nearest to the part."""
        have: dict[tuple[str, str], set[str]] = {}
        for digest, choices in self._networks.items():
            items = sorted(f"{path}={value}" for path, value in choices.items())
            for i, a in enumerate(items):
                for b in items[:i]:
                    have.setdefault((b, a), set()).add(digest)
        wanted = self.failing * len(self._networks)
        if not wanted:
            return set()
        return have[min(sorted(have), key=lambda pair: abs(len(have[pair]) - wanted))]

    @cached_property
    def truth(self) -> Mapping[str, float]:
        """From CHANCE, what failed, to BEST."""
        alive = {d: raw for d, raw in self._raw.items() if d not in self._failures}
        low, high = min(alive.values()), max(alive.values())
        span = (self.BEST - 0.5) / (high - low)
        return {d: 0.5 + span * (alive[d] - low) if d in alive else CHANCE for d in self._raw}

    def training(
        self, digest: str, repeat: int, _recipe: Mapping[str, Any] | None = None
    ) -> Training:
        """A curve that rises to the truth and one draw of the noise; early epochs tell less."""
        rng = random.Random(f"{self.seed} {digest} {repeat}")
        if digest in self._failures:
            return Training(top1=(), seconds_an_epoch=1.0, reason="diverged: loss is nan")
        final = self.truth[digest] + rng.gauss(0.0, self.noise)
        top1 = []
        for epoch in range(1, self.epochs + 1):
            left = 1.0 - epoch / self.epochs
            score = final * (1.0 - math.exp(-4.0 * epoch / self.epochs)) / (1.0 - math.exp(-4.0))
            top1.append(min(max(score + rng.gauss(0.0, 0.05 * left), 0.0), 1.0))
        return Training(top1=tuple(top1), seconds_an_epoch=rng.uniform(0.5, 1.5))


def _drawn(digest: str, repeat: int) -> int:
    """A number that decides which seed a query draws: of the repeat, not of the method."""
    return hash_to_seed(f"{digest} {repeat}", 32)
