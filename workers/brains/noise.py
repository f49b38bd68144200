"""The noise-corrected correlation: what r would be between a neuron and a model without noise.

    r(X, Y) / sqrt( SB(r(X1, X2)) SB(r(Y1, Y2)) )

Y is a neuron's response averaged over repetitions, Y1 and Y2 are the averages of two halves of
them; X, X1 and X2 are the predictions on held-out stimuli of three maps, fitted to Y, Y1 and Y2 on
the others; SB is Spearman-Brown's correction. Source: brainmodel_utils, `metrics/consistency.py`
(Nayebi et al. 2023). It is a correlation, and not to be compared with a share of variance as
`ceil_score` gives it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.brains.averages import average_defined
from workers.brains.consistency import apply_spearman_brown, correlate_present
from workers.brains.correlation import Floats, correlate_predictions
from workers.brains.maps import Map, compact
from workers.brains.predictivity import Predictivity
from workers.brains.splits import SPLITS, Split, halve_repetitions


def correct_for_noise(r: Floats, model_halves: Floats, neuron_halves: Floats) -> Floats:
    """r / sqrt(SB(model_halves) SB(neuron_halves)), elementwise.

    NaN where one of the reliabilities is not positive: such a neuron says nothing. 0 where r is 0.
    """
    model, neuron = apply_spearman_brown(model_halves), apply_spearman_brown(neuron_halves)
    defined = (model > 0) & (neuron > 0)
    root = np.sqrt(np.where(defined, model * neuron, 1))
    return np.where(defined, r / root, np.where((r == 0) & (neuron > 0), 0.0, np.nan))


def predict_without_noise(
    features: NDArray[Any],
    responses: NDArray[Any],
    splits: Sequence[Split],
    mapping: Map,
    *,
    halvings: int = SPLITS,
) -> Predictivity:
    """The noise-corrected correlations of one bin: [splits * halvings, neurons, 1].

    features [stimuli, features]; responses [stimuli, repetitions, neurons]. A neuron that lacks a
    stimulus in a half has no score in it. Raises DataError for fewer than two repetitions.
    """
    samples = compact(features)
    whole = average_defined(responses, axis=1)
    scores: list[Floats] = []
    for pair in halve_repetitions(responses.shape[1], splits=halvings):
        halves = [whole, *(average_defined(responses[:, half], axis=1) for half in pair)]
        known = np.asarray(np.isfinite(np.concatenate(halves)).all(axis=0))
        for split in splits:
            score = np.full(len(known), np.nan)
            predicted = [
                mapping.fit(samples[split.train], half[split.train][:, known]).predict(
                    samples[split.test]
                )
                for half in halves
            ]
            measured = [half[split.test][:, known] for half in halves]
            score[known] = correct_for_noise(
                correlate_predictions(predicted[0], measured[0]),
                correlate_present(predicted[1], predicted[2]),
                correlate_present(measured[1], measured[2]),
            )
            scores.append(score)
    return Predictivity(np.stack(scores)[:, :, None])
