"""How much of what networks are worth is in the words of their graphs and in their size.

    python -m benchmarks.search_quality.words --task 8px --half chosen-on

The guided sampler's own model, told one score and the words of nine tenths of the networks,
foretells the rest of them.
"""

import argparse
import random
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr  # type: ignore[import-untyped]

from benchmarks.search_quality import load, published
from benchmarks.search_quality.compare import top
from benchmarks.search_quality.tasks import HALVES, TASKS, Half
from benchmarks.search_quality.worlds import Replay
from search.samplers import regression
from search.samplers.graph_features import columns, counts, size, words
from space.space import Space

FOLDS = 10

Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Foretold:
    """The part of the variance of the truth that is foretold; where the truly best 1 % are in the
    order foretold, the first being 1; and the rank correlation of the size with the truth.
    """

    variance: float
    places: tuple[int, ...]
    size: float


def foretold(world: Replay) -> Foretold:
    """Ten folds of a world's networks, each foretold by the others."""
    digests = sorted(world.truth)
    genomes = _genomes(world.space, world)
    worth = np.array([world.truth[digest] for digest in digests])
    scores = np.array([world.table.by_digest[digest][0].final for digest in digests])
    points = [words(genomes[digest]) for digest in digests]
    features = counts(points, columns(points))
    means = _folds(features, scores)
    order = [digests[int(place)] for place in np.argsort(-means, kind="stable")]
    sizes = [size(genomes[digest]) for digest in digests]
    return Foretold(
        variance=float(1 - np.sum((worth - means) ** 2) / np.sum((worth - worth.mean()) ** 2)),
        places=tuple(sorted(order.index(digest) + 1 for digest in top(world))),
        size=float(spearmanr(sizes, worth).statistic),
    )


def _genomes(space: Space, world: Replay) -> dict[str, Mapping[str, object]]:
    """The documents of a world's networks, by digest."""
    documents = {}
    for digest in world.truth:
        choices = world.table.by_digest[digest][0].choices
        documents[digest] = space.opened.close(space.complete(choices).choices)["genome"]
    return documents


def _folds(features: Numbers, scores: Numbers) -> Numbers:
    """What is foretold of every score by those of the other folds."""
    order = list(range(len(scores)))
    random.Random(0).shuffle(order)
    means, nothing = np.zeros(len(scores)), np.zeros(len(scores))
    for fold in range(FOLDS):
        held_out = order[fold::FOLDS]
        known = sorted(set(order) - set(held_out))
        fitted = regression.fit(
            features[known], scores[known], nothing[known], regression.Settings()
        )
        means[held_out], _ = fitted.predict(features[held_out])
    return means


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--task", choices=published(), default="8px")
    parser.add_argument("--half", choices=HALVES, default="chosen-on")
    chosen = parser.parse_args()
    half: Half = chosen.half
    prediction = foretold(Replay(TASKS[chosen.task], half, load(chosen.task)))
    print(f"{prediction.variance:.0%} of the variance")
    print(f"places of the top 1 %: {', '.join(map(str, prediction.places))}")
    print(f"rank correlation of the size: {prediction.size:.2f}")


if __name__ == "__main__":
    main()
