"""How much a feature of trials differs between the best of them and all: Optuna's estimate of it.

The evaluator of Optuna's conditional PED-ANOVA is called with the trials and their ranks; here are
its input, bootstrap intervals of what it gives, and the interaction of two features.

Intervals are of a bootstrap over trials. Of more than RESAMPLED trials, so many are drawn in each
round, and the deviations are scaled to the number that there is (the m out of n bootstrap). Of
more than COMPARED trials, so many are looked at, evenly from the best to the worst.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.importance import PedAnovaImportanceEvaluator
from optuna.trial import FrozenTrial, TrialState

BEST = 0.1
"""The part of the trials that counts as the best."""
BEST_OF_PAIRS = 0.3
"""The same where pairs of values are counted, of which there are many."""
UPPER_HALF = 0.5
"""What is compared besides, where many features are compared: it varies less with the trials."""
COMPARED = 2000
RESAMPLED = 300
ROUNDS = 12
DEVIATIONS = 1.96  # of an interval of 95 %
FEWEST = 20
"""Of fewer trials nothing is estimated."""
EXCHANGED = 4
"""So often are the values of a pair exchanged."""
_BINS = 3  # of a number, where two features are crossed

Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Feature:
    """What trials have of one choice: `values` as Optuna has them, where it was `made`."""

    distribution: BaseDistribution
    values: Numbers
    made: NDArray[np.bool_]

    @classmethod
    def of_labels(cls, labels: NDArray[np.int64], size: int) -> Feature:
        """Labels 0 to `size` - 1 of all trials."""
        made = np.ones(len(labels), bool)
        return cls(distribution=Labels(size), values=labels.astype(float), made=made)

    @classmethod
    def binary(cls, marks: NDArray[np.bool_]) -> Feature:
        """Present or absent."""
        return cls.of_labels(marks.astype(np.int64), 2)

    def only(self, trials: NDArray[np.bool_]) -> Feature:
        """Of some of the trials."""
        return Feature(
            distribution=self.distribution, values=self.values[trials], made=self.made[trials]
        )

    def binned(self) -> NDArray[np.int64]:
        """Labels of values that all are made: the options, or parts of equally many trials."""
        labels = np.unique(self.values, return_inverse=True)[1]
        if isinstance(self.distribution, Labels) or labels.max(initial=0) < _BINS:
            return labels.astype(np.int64)
        edges = np.quantile(self.values, np.arange(1, _BINS) / _BINS)
        return np.searchsorted(edges, self.values).astype(np.int64)


def estimate_parts(
    features: Mapping[str, Feature],
    places: NDArray[np.int64],
    rounds: int,
    seed: int,
    *,
    bests: Sequence[float] = (BEST,),
) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """(value, low, high) of each feature, its part of the sum of all; trials in their order.

    Of several `bests`, parts of the trials that count as the best, the mean is taken.
    """
    if len(places) < FEWEST or not features:
        return {}, {}, {}
    evaluator = _Evaluator(features, places, bests)
    values = _average_parts(evaluator.evaluate())
    drawn = [_average_parts(one) for one in evaluator.resample(rounds, seed)]
    low, high = dict(values), dict(values)
    for name, value in values.items():
        ends = _find_ends(value, [one[name] for one in drawn], evaluator.scale)
        low[name], high[name] = max(0.0, ends[0]), min(1.0, ends[1])
    return values, low, high


def estimate_interaction(
    one: NDArray[np.int64],
    other: NDArray[np.int64],
    places: NDArray[np.int64],
    rounds: int,
    seed: int,
) -> tuple[float, float, float]:
    """(value, low, high) of the interaction of two labels of the same trials."""
    rng = np.random.default_rng(seed)
    best = places <= places[math.ceil(BEST_OF_PAIRS * len(places)) - 1]
    seconds = [other, *(_exchange(other, best, rng) for _ in range(EXCHANGED))]
    sizes = int(one.max()) + 1, int(other.max()) + 1
    features = {
        str(number): Feature.of_labels(one * sizes[1] + second, sizes[0] * sizes[1])
        for number, second in enumerate(seconds)
    }
    evaluator = _Evaluator(features, places, [BEST_OF_PAIRS])
    drawn = [_find_excess(one) for (one,) in evaluator.resample(rounds, seed)]
    value = _find_excess(*evaluator.evaluate())
    return value, *_find_ends(value, drawn, evaluator.scale)


def _exchange(
    labels: NDArray[np.int64], best: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Labels at random places among the best, and among the others."""
    exchanged = labels.copy()
    for part in (best, ~best):
        exchanged[part] = rng.permutation(labels[part])
    return exchanged


def _find_excess(divergences: Mapping[str, float]) -> float:
    pair, *exchanged = divergences.values()
    return pair - sum(exchanged) / len(exchanged)


def _spread_evenly(trials: int) -> NDArray[np.int64]:
    """Which of so many trials are looked at: all, or COMPARED from the first to the last."""
    return np.linspace(0, trials - 1, min(trials, COMPARED)).round().astype(np.int64)


def _average_parts(divergences: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The part of each feature in the sum of all, its mean over several divergences."""
    totals = [sum(one.values()) or 1.0 for one in divergences]
    return {
        name: sum(one[name] / total for one, total in zip(divergences, totals, strict=True))
        / len(totals)
        for name in divergences[0]
    }


def _find_ends(value: float, drawn: Sequence[float], scale: float) -> tuple[float, float]:
    """The ends of an interval: the deviation of the rounds, scaled, on both sides of the value.

    Quantiles of the rounds would be too high: to draw trials again adds noise, and noise adds to a
    divergence.
    """
    if len(drawn) < 2:
        return value, value
    half = DEVIATIONS * scale * float(np.std(drawn, ddof=1))
    return value - half, value + half


class _Evaluator:
    """Optuna's evaluator over trials in their order; `places` are their ranks, 0 the best, of
    which each of the parts `bests` is compared to all.
    """

    def __init__(
        self, features: Mapping[str, Feature], places: NDArray[np.int64], bests: Sequence[float]
    ) -> None:
        looked_at = _spread_evenly(len(places))
        self.names = list(features)
        self.trials = [
            _freeze_trial(int(trial), int(places[trial]), features) for trial in looked_at
        ]
        self.places = places[looked_at]
        self.held, self.study = _open_study()
        self.evaluators = {
            best: PedAnovaImportanceEvaluator(target_quantile=best) for best in bests
        }
        self.drawn = min(len(self.trials), RESAMPLED)
        self.scale = math.sqrt(self.drawn / len(self.trials))

    def resample(self, rounds: int, seed: int) -> list[list[dict[str, float]]]:
        """The divergences of so many bootstrap samples."""
        rng = np.random.default_rng(seed)
        return [
            self.evaluate(rng.integers(len(self.trials), size=self.drawn)) for _ in range(rounds)
        ]

    def evaluate(self, drawn: NDArray[np.int64] | None = None) -> list[dict[str, float]]:
        """The divergences by feature, of each part of the trials; of the trials `drawn`, some of
        them repeatedly.
        """
        numbers = np.arange(len(self.trials)) if drawn is None else drawn
        self.held.trials = [self.trials[number] for number in numbers]
        places = np.sort(self.places[numbers])
        divergences = []
        for best, evaluator in self.evaluators.items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a branch that few trials took
                scaled = evaluator.evaluate(self.study)
            # Optuna scales by the square of the part of the trials that are the best.
            part = float(np.mean(places <= places[math.ceil(best * len(places)) - 1]))
            divergences.append({name: scaled.get(name, 0.0) / part**2 for name in self.names})
        return divergences


def _freeze_trial(number: int, place: int, features: Mapping[str, Feature]) -> FrozenTrial:
    made = {name: feature for name, feature in features.items() if feature.made[number]}
    return FrozenTrial(
        number=number,
        trial_id=number,
        state=TrialState.COMPLETE,
        value=float(place),
        datetime_start=None,
        datetime_complete=None,
        params={name: float(feature.values[number]) for name, feature in made.items()},
        distributions={name: feature.distribution for name, feature in made.items()},
        user_attrs={},
        system_attrs={},
        intermediate_values={},
    )


class Labels(CategoricalDistribution):
    """Labels 0 to `size` - 1. Two of them are equal only if they are one object: Optuna hashes the
    distribution of every value, which would take half of all the time.
    """

    def __init__(self, size: int) -> None:
        super().__init__(range(size))

    __hash__ = object.__hash__
    __eq__ = object.__eq__


class _Held(optuna.storages.InMemoryStorage):
    """A storage that holds the trials that are put into it, without a copy of them a round."""

    trials: Sequence[FrozenTrial] = ()

    def get_all_trials(self, *_: Any, **__: Any) -> list[FrozenTrial]:
        return list(self.trials)


def _open_study() -> tuple[_Held, optuna.Study]:
    held, verbosity = _Held(), optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        return held, optuna.create_study(storage=held, direction="minimize")
    finally:
        optuna.logging.set_verbosity(verbosity)
