"""Learning rates at which nothing is learned: what a sampler makes of trainings that were stopped.

    python -m benchmarks.search_quality.rates --repeats 6 --processes 2

The networks are those of the table, with a learning rate to choose for each. Up to its own limit
a network ends the better the higher its rate is, though it begins no better; beyond the limit it
stays at chance for an epoch and is never worth much. So the best rates lie beside those at which
nothing is learned, and among the trainings that go on early scores say little of final ones, as in
docs/search-at-scale.md. ASHA keeps a third after the first epoch and ends what only guesses:
of what lies beyond, the sampler has to learn from trainings that were stopped. Compared are the
versions of the default sampler.
"""

import argparse
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from benchmarks.search_quality import load
from benchmarks.search_quality.simulate import Ended, Method, Training, simulator
from benchmarks.search_quality.table import CHANCE
from benchmarks.search_quality.tasks import HALVES, TASKS, Half
from benchmarks.search_quality.worlds import Replay
from search import samplers
from space.space import Space
from workers.job import Recipe

SPANS = ((0, 100), (100, 200))
LOWEST, HIGHEST = 1e-3, 1e-1
LIMIT, LIMITS_SPREAD = 0.05, 0.2  # median over networks, and deviation of its decimal logarithm
GAIN = 0.08  # the part of its last score that a network loses with a tenth of the highest rate
DEAD = (0.1, 0.5)  # between these a training ends that stood at chance after an epoch
IMAGES = 400
EARLY_NOISE = 0.05  # deviation of first scores; of the last ones it is none beyond the table's
ASHA = {"name": "asha", "grace_epochs": 1, "reduction_factor": 3.0}
METHODS = {
    version: Method(name=f"guided-{version}", sampler="guided", scheduler=ASHA, version=version)
    for version in range(1, samplers.latest_version("guided") + 1)
}


@dataclass(frozen=True)
class Rates:
    """A half of a task, with learning rates."""

    base: Replay

    @cached_property
    def space(self) -> Space:
        """The half's, with a learning rate to choose."""
        rate = {"learning_rate": {"loguniform": [LOWEST, HIGHEST], "name": "learning_rate"}}
        document = self.base.space.document() | {"recipe": rate}
        return Space.parse(document, "rates").with_images(
            size=self.base.task.size, channels=1, classes=10
        )

    @property
    def recipe(self) -> Recipe:
        """As the table was trained."""
        return self.base.recipe

    @property
    def truth(self) -> Mapping[str, float]:
        """What every network is worth at the rate of its limit."""
        return self.base.truth

    def training(self, digest: str, repeat: int, recipe: Mapping[str, Any]) -> Training:
        """The table's, less by what the rate is too low; or one that hardly learns."""
        known, rate = self.base.training(digest, repeat), float(recipe["learning_rate"])
        if self.is_dead(digest, rate):
            top1 = self._hardly(random.Random(f"{digest} {rate} {repeat}"), len(known.top1))
        else:
            top1 = self._worse(random.Random(f"{digest} {repeat}"), known.top1, _part(rate))
        return Training(top1=top1, seconds_an_epoch=known.seconds_an_epoch, reason=known.reason)

    def worth(self, digest: str, rate: float) -> float:
        """What a network is worth at a rate."""
        if self.is_dead(digest, rate):
            return CHANCE
        return CHANCE + (self.truth[digest] - CHANCE) * _part(rate)

    def is_dead(self, digest: str, rate: float) -> bool:
        """Whether a rate is beyond a network's limit."""
        return rate > LIMIT * 10 ** random.Random(digest).gauss(0.0, LIMITS_SPREAD)

    @staticmethod
    def _worse(rng: random.Random, top1: Sequence[float], part: float) -> tuple[float, ...]:
        """Scores that end at a part of others, and are less certain before."""
        scores = []
        for epoch, score in enumerate(top1, 1):
            done = epoch / len(top1)
            reached = CHANCE + (score - CHANCE) * (1 - (1 - part) * done)
            scores.append(max(CHANCE, reached + rng.gauss(0.0, EARLY_NOISE * (1 - done))))
        return tuple(scores)

    @staticmethod
    def _hardly(rng: random.Random, epochs: int) -> tuple[float, ...]:
        """Scores of a training that stays at chance for an epoch, and then rises a little."""
        last, scores = rng.uniform(*DEAD), [CHANCE]
        for epoch in range(1, epochs):
            score = CHANCE + (last - CHANCE) * epoch / (epochs - 1)
            scores.append(score + rng.gauss(0.0, math.sqrt(score * (1 - score) / IMAGES)))
        return tuple(scores)


def _part(rate: float) -> float:
    """The part of what a network may be worth that it reaches at a rate."""
    return 1.0 - GAIN * math.log10(HIGHEST / rate)


@dataclass(frozen=True)
class Searched:
    """What a campaign did, a value a span of trials: the part of the span's trials beyond their
    limits, and how many of them were trained to the end; what the best of all so far, by its own
    score, is worth.
    """

    dead: tuple[float, ...]
    whole: tuple[int, ...]
    best: tuple[float, ...]


def search(
    world: Rates, method: Method, repeat: int, spans: Sequence[tuple[int, int]] = SPANS
) -> Searched:
    """A campaign as long as the last of the spans. Equal arguments give equal results."""
    with simulator(world, guess=CHANCE) as simulated:
        ended = simulated.run(method, repeat, trials=spans[-1][1])
    trials = sorted(ended, key=lambda one: one.number)
    parts = [trials[first:last] for first, last in spans]
    best = []
    for _, last in spans:
        done = [one for one in trials[:last] if one.status == "finished"]
        winner = max(done, key=lambda one: one.top1 or 0.0, default=None)
        best.append(0.0 if winner is None else world.worth(winner.digest, rate_of(winner)))
    return Searched(
        dead=tuple(
            float(np.mean([world.is_dead(one.digest, rate_of(one)) for one in part]))
            for part in parts
        ),
        whole=tuple(sum(one.status == "finished" for one in part) for part in parts),
        best=tuple(best),
    )


def rate_of(ended: Ended) -> float:
    """A trial's learning rate."""
    return float(ended.recipe["learning_rate"])


def compare(
    half: Half, versions: Sequence[int], repeats: int, processes: int
) -> Iterator[tuple[int, list[Searched]]]:
    """Every version's campaigns over the half of `8px`; all have the same seeds."""
    world = Rates(Replay(TASKS["8px"], half, load("8px")))
    with ProcessPoolExecutor(processes) as pool:
        for version in versions:
            jobs = [(world, METHODS[version], repeat) for repeat in range(repeats)]
            yield version, list(pool.map(_search, jobs))


def _search(job: tuple[Rates, Method, int]) -> Searched:
    return search(*job)


def main() -> None:
    chosen = _arguments()
    print("| version | trials | beyond the limit | most of a campaign | to the end | best |")
    print("|---|---|---|---|---|---|")
    for version, campaigns in compare(
        chosen.half, chosen.version, chosen.repeats, chosen.processes
    ):
        for place, (first, last) in enumerate(SPANS):
            dead = [one.dead[place] for one in campaigns]
            whole = np.mean([one.whole[place] for one in campaigns])
            best = np.mean([one.best[place] for one in campaigns])
            print(
                f"| {version} | {first + 1} to {last} | {np.mean(dead):.0%} | {max(dead):.0%} "
                f"| {whole:.0f} | {best:.4f} |",
                flush=True,
            )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--half", choices=HALVES, default="held-back")
    parser.add_argument("--version", type=int, nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--repeats", type=int, default=6)
    parser.add_argument("--processes", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
