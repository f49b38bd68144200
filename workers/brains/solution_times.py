"""Object solution times: when a network's answer to an image becomes as good as the animal's.

At each time step a linear read-out of the features gives each image a d' (its i1, the mean over
distractors: workers/brains/behaviour.py); an image is solved at the first step whose d' reaches
the animal's. The order in which images are solved is compared with the order in the animal.

Source: Kar et al., Nature Neuroscience 2019; Kubilius, Schrimpf et al., NeurIPS 2019;
brainscore_vision, `metrics/ost`. Its read-out is trained by TensorFlow, for 40 epochs at most;
ours is scikit-learn's logistic regression with the same penalty, trained to its optimum. What
follows from the d' is the same, but the numbers are not Brain-Score's to the last digit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from space.errors import DataError
from workers.brains.averages import average_defined
from workers.brains.behaviour import compare_probabilities, measure_i1
from workers.brains.correlation import Floats, find_varying
from workers.brains.intervals import DRAWS, count_drawn, find_interval
from workers.brains.splits import Indices, Split
from workers.brains.summary import average_splits
from workers.brains.weighted import correlate_ranks

PENALTY = 0.463
"""Twice the weight of squared weights beside the mean loss, as Brain-Score's read-out has it."""

FEWEST = 3
"""With fewer images that both solve, there is no order to compare."""


@dataclass(frozen=True, kw_only=True)
class Solved:
    """Solution times [splits, images] in ms: NaN for an image that is not solved, or that is none
    of a split's test images; and which are (`tested`, [splits, images]).
    """

    times: Floats
    tested: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class OrderScore:
    """How a network's order of solution agrees with the animal's.

    center, error: the mean over splits of Spearman's rank correlation over the test images that
    both solve, and its standard error. `by_split` [splits]; NaN for a split with fewer than three
    such images, or in which all are solved at one time. `low` to `high`: 95 %, images drawn again.
    `images`: how many images the animal solves that were tested; `solved`: how many of them the
    network solves in any split.
    """

    center: float
    error: float
    low: float
    high: float
    by_split: Floats
    images: int
    solved: int


def find_crossings(discriminability: Floats, starts: Floats, thresholds: Floats) -> Floats:
    """When each image reaches its threshold: [images], NaN for one that never does.

    discriminability [images, steps]; starts [steps], the time at which each step begins (ms);
    thresholds [images]. The time is interpolated between the first step at or above the threshold
    and the best one before it (the first of equals); an image that is solved at the first step has
    that step's time. A step without d' (NaN) is passed over; an image without threshold (NaN) has
    no time.
    """
    times: Floats = np.full(len(discriminability), np.nan)
    for image, (values, threshold) in enumerate(zip(discriminability, thresholds, strict=True)):
        reached = np.flatnonzero(values >= threshold)
        if not len(reached):
            continue
        step = int(reached[0])
        before = values[:step]
        if not np.isfinite(before).any():
            times[image] = starts[step]
            continue
        best = int(np.nanargmax(before))
        part = (threshold - values[best]) / (values[step] - values[best])
        times[image] = starts[best] + part * (starts[step] - starts[best])
    return times


def read_out_discriminability(
    features: NDArray[Any], labels: Indices, split: Split, *, penalty: float = PENALTY
) -> Floats:
    """d' [test images, steps] by a linear read-out of each step, fitted to the training images.

    features [images, steps, units]; labels [images], the object in each image. The read-out is a
    softmax regression on units of mean 0 and variance 1, with a penalty on squared weights. At a
    step without a unit that varies all objects are alike, and d' is 0. Raises DataError for labels
    that are not all among the training images.
    """
    objects = int(labels.max()) + 1
    if absent := sorted(set(range(objects)) - set(labels[split.train].tolist())):
        problem = f"object {absent[0]} is in no training image"
        raise DataError("labels", problem, "give each object more images")
    truth = labels[split.test]
    steps = [
        compare_probabilities(_read_out(features[:, step], labels, split, penalty), truth)
        for step in range(features.shape[1])
    ]
    return np.stack([measure_i1(confusions, truth) for confusions in steps], axis=1)


def _read_out(
    features: NDArray[Any], labels: Indices, split: Split, penalty: float
) -> NDArray[np.float64]:
    """Probabilities [test images, objects] from the features [images, units] of one step."""
    from sklearn.linear_model import LogisticRegression

    objects = int(labels.max()) + 1
    train = np.asarray(features[split.train], dtype=np.float64)
    live = find_varying(train)
    if not live.any():
        return np.full((len(split.test), objects), 1 / objects)
    mean, deviation = train[:, live].mean(axis=0), train[:, live].std(axis=0)
    # scikit-learn sums the loss over images, where the mean is meant: C = 1 / (penalty * images).
    plain = LogisticRegression(C=1 / (penalty * len(train)), max_iter=1000)
    plain.fit((train[:, live] - mean) / deviation, labels[split.train])
    probabilities: NDArray[np.float64] = plain.predict_proba(
        (features[split.test][:, live] - mean) / deviation
    )
    return probabilities


def solve_images(
    features: NDArray[Any],
    labels: Indices,
    starts: Floats,
    thresholds: Floats,
    splits: Sequence[Split],
) -> Solved:
    """When a network solves the test images of each split.

    features [images, steps, units]; labels [images] of 0, 1, ...; starts [steps] in ms; thresholds
    [images], the animal's d' (i1). Raises DataError for features that do not vary in time, which
    have no solution times, and for such as are not finite.
    """
    if not np.isfinite(features).all():
        count = int((~np.isfinite(features)).sum())
        cure = "leave out the units or the bins that have them"
        raise DataError("features", f"have {count:,} numbers that are not finite", cure)
    if not (features != features[:, :1]).any():
        cure = "trace the network over time"
        raise DataError("features", "are the same at all time steps", cure)
    times: Floats = np.full((len(splits), len(labels)), np.nan)
    tested = np.zeros(times.shape, dtype=bool)
    for number, split in enumerate(splits):
        values = read_out_discriminability(features, labels, split)
        times[number, split.test] = find_crossings(values, starts, thresholds[split.test])
        tested[number, split.test] = True
    return Solved(times=times, tested=tested)


def score_order(
    solved: Solved,
    animal: Floats,
    among: NDArray[np.bool_] | None = None,
    *,
    draws: int = DRAWS,
) -> OrderScore:
    """The agreement of a network's solution times with the animal's [images], in ms.

    `among` [images]: which images count (control images, say); all without. Images that either
    does not solve (NaN) are left out of a split's correlation.
    """
    wanted = np.isfinite(animal) if among is None else np.isfinite(animal) & among
    both = np.isfinite(solved.times) & wanted
    once = np.ones((1, len(animal)))
    again = count_drawn(len(animal), draws)
    by_split, drawn = (
        np.stack(
            [
                _correlate(row[chosen], animal[chosen], weights[:, chosen])
                for row, chosen in zip(solved.times, both, strict=True)
            ]
        )
        for weights in (once, again)
    )
    by_split = by_split[:, 0]
    center, error = average_splits(by_split)
    low, high = find_interval(average_defined(drawn))
    return OrderScore(
        center=float(center),
        error=float(error),
        low=float(low),
        high=float(high),
        by_split=by_split,
        images=int((solved.tested.any(axis=0) & wanted).sum()),
        solved=int(both.any(axis=0).sum()),
    )


def _correlate(times: Floats, animal: Floats, weights: Floats) -> Floats:
    """Spearman's correlation [draws] over images, each as often as `weights` [draws, images] say;
    NaN for a draw with fewer than `FEWEST` of them.
    """
    correlations = correlate_ranks(times, animal, weights)
    correlations[np.count_nonzero(weights, axis=1) < FEWEST] = np.nan
    return correlations
