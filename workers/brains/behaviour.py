"""Behaviour image by image: how often each image is taken for each other object.

    FA[s, k] = P(k is chosen | image s, k offered beside the truth)
    d'[s, k] = z(1 - FA[s, k]) - z(FA[k, truth(s)])        clipped to +-5

where FA[k, o] is the mean of FA[., o] over the images of k. `i1` is its mean
over k; `i2n` has the mean of each pair (truth, k) subtracted, so that what is left is how images
of one object differ. Source: Rajalingham et al. 2018; brainscore_vision, `metrics/i1i2`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from space.errors import DataError
from workers.brains.averages import average_defined, divide
from workers.brains.correlation import Floats
from workers.brains.splits import Indices

BOUND = 5.0
REPETITIONS = 2
"""How often Brain-Score halves the trials."""


@dataclass(frozen=True, kw_only=True)
class Trials:
    """Choices between two objects: arrays [trials] of indices.

    `image` of the image, `truth` of the object in it, `distractor` of the other object that was
    offered, `choice` of the one that was chosen. `images` and `objects` are how many there are.
    """

    image: Indices
    truth: Indices
    distractor: Indices
    choice: Indices
    images: int
    objects: int

    def __post_init__(self) -> None:
        sizes = {len(array) for array in (self.image, self.truth, self.distractor, self.choice)}
        if len(sizes) != 1:
            raise DataError("trials", f"have arrays of {sorted(sizes)} trials", "give one length")
        wrong = (self.choice != self.truth) & (self.choice != self.distractor)
        if wrong.any():
            problem = f"have {int(wrong.sum()):,} choices that were not offered"
            raise DataError("choice", problem, "give the truth or the distractor")
        if (self.truth == self.distractor).any():
            problem = "is the object in the image in some trials"
            raise DataError("distractor", problem, "give another object")

    def select(self, rows: Indices) -> "Trials":
        """Some of the trials."""
        return Trials(
            image=self.image[rows],
            truth=self.truth[rows],
            distractor=self.distractor[rows],
            choice=self.choice[rows],
            images=self.images,
            objects=self.objects,
        )


@dataclass(frozen=True)
class BehaviourScore:
    """A model's agreement with choices, by halving of the trials: raw and ceiling [repetitions].

    score: the mean of raw / sqrt(ceiling), as Brain-Score has it. It is not a share of variance.
    """

    raw: Floats
    ceiling: Floats

    @property
    def score(self) -> float:
        """The ceiled score."""
        return float(np.mean(self.raw / np.sqrt(self.ceiling)))


def count_confusions(trials: Trials) -> Floats:
    """FA [images, objects] of choices; NaN at the truth and for what was never offered."""
    shape = (trials.images, trials.objects)
    offered, chosen = np.zeros(shape), np.zeros(shape)
    np.add.at(offered, (trials.image, trials.distractor), 1)
    taken = trials.choice == trials.distractor
    np.add.at(chosen, (trials.image[taken], trials.distractor[taken]), 1)
    return divide(chosen, offered)


def compare_probabilities(probabilities: NDArray[Any], truth: Indices) -> Floats:
    """FA [images, objects] of a model's probabilities of all objects: p_k / (p_k + p_truth).

    NaN at the truth, and where both are 0.
    """
    own = probabilities[np.arange(len(truth)), truth][:, None]
    confusions = divide(probabilities, probabilities + own)
    confusions[np.arange(len(truth)), truth] = np.nan
    return confusions


def measure_discriminability(confusions: Floats, truth: Indices) -> Floats:
    """d' [images, objects] of FA [images, objects] and each image's object; NaN at the truth."""
    from scipy.special import ndtri  # type: ignore[import-untyped]

    objects = confusions.shape[1]
    pairs: Floats = np.full((objects, objects), np.nan)
    for object_ in range(objects):
        pairs[object_] = average_defined(confusions[truth == object_])
    false_alarms = pairs[:, truth].T
    difference: Floats = ndtri(1 - confusions) - ndtri(false_alarms)
    return np.clip(difference, -BOUND, BOUND)


def average_distractors(discriminability: Floats) -> Floats:
    """i1 [images]: the mean d' over distractors."""
    return average_defined(discriminability.T)


def subtract_objects(discriminability: Floats, truth: Indices) -> Floats:
    """i2n [images, objects]: d' less its mean over the images of the same object."""
    normalised = discriminability.copy()
    for object_ in range(discriminability.shape[1]):
        rows = truth == object_
        normalised[rows] -= average_defined(discriminability[rows])
    return normalised


def measure_i1(confusions: Floats, truth: Indices) -> Floats:
    """i1 [images] of FA [images, objects]."""
    return average_distractors(measure_discriminability(confusions, truth))


def measure_i2n(confusions: Floats, truth: Indices) -> Floats:
    """i2n [images, objects] of FA [images, objects]."""
    return subtract_objects(measure_discriminability(confusions, truth), truth)


def score_behaviour(
    model: NDArray[Any], trials: Trials, truth: Indices, *, by_image: bool = False
) -> BehaviourScore:
    """A model's i2n (or i1, with `by_image`) against choices.

    model: probabilities [images, objects]. truth: the object of each image. Of each of two random
    halvings of the trials (numbers of seed 0) the first half is the target of the model, and its
    correlation with the second the ceiling, without Spearman-Brown.
    """
    measure = measure_i1 if by_image else measure_i2n
    predicted = measure(compare_probabilities(model, truth), truth)
    random = np.random.RandomState(0)
    raw: list[float] = []
    ceiling: list[float] = []
    for _ in range(REPETITIONS):
        order = random.permutation(len(trials.image))
        half = len(order) // 2
        first, second = (
            measure(count_confusions(trials.select(rows)), truth)
            for rows in (order[:half], order[half:])
        )
        raw.append(correlate_entries(predicted, first))
        ceiling.append(correlate_entries(first, second))
    return BehaviourScore(np.array(raw), np.array(ceiling))


def correlate_entries(first: Floats, second: Floats) -> float:
    """Pearson's r over the entries that both have; NaN for fewer than two, or constant ones."""
    there = np.isfinite(first) & np.isfinite(second)
    a, b = first[there], second[there]
    if len(a) < 2 or not np.ptp(a) or not np.ptp(b):
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def index_trials(
    columns: Sequence[Sequence[str]], images: Sequence[str], objects: Sequence[str]
) -> Trials:
    """Trials of names: columns image, truth, distractor and choice, each [trials].

    Raises DataError for a name that is not among `images` or `objects`.
    """
    numbers: list[Indices] = []
    names = ("image", "truth", "distractor", "choice")
    for name, column in zip(names, columns, strict=True):
        known = {one: i for i, one in enumerate(images if name == "image" else objects)}
        if unknown := [one for one in column if one not in known]:
            problem = f"is {unknown[0]!r} in {len(unknown):,} trials, which is not known"
            raise DataError(name, problem, f"give one of the {len(known)} that are")
        numbers.append(np.array([known[one] for one in column], dtype=np.int64))
    return Trials(
        image=numbers[0],
        truth=numbers[1],
        distractor=numbers[2],
        choice=numbers[3],
        images=len(images),
        objects=len(objects),
    )
