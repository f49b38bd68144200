"""How well features predict the responses of neurons to stimuli that were held out of the fit.

Shapes: features [stimuli, features], or [stimuli, bins, features] for a network with a response in
time; responses [stimuli, neurons, bins], averaged over repetitions. Stimuli are in one order in
both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from space.errors import DataError
from workers.brains.correlation import Floats, correlate_predictions
from workers.brains.maps import Map, compact
from workers.brains.splits import Split
from workers.brains.summary import Correlations


@dataclass(frozen=True)
class Predictivity(Correlations):
    """Correlations of predicted and measured responses.

    `components` is the smallest number of components that a map had; None for maps without.
    """

    components: int | None = None


def predict_neurons(
    features: NDArray[Any],
    responses: NDArray[Any],
    splits: Sequence[Split],
    mapping: Map,
    *,
    shared: bool,
) -> Predictivity:
    """Fit `mapping` on each split's training stimuli, correlate on its test stimuli.

    shared: one map for all bins, whose samples are the training stimuli in every bin
    (Brain-Score's `spantime_pls`; what a network's dynamics have to explain), else a map a bin.
    Features without bins are the same in all.

    A neuron that is not finite for some stimulus in a bin has no score there, and none in any bin
    of a shared map unless the bin is one that no neuron has: such bins are left out, and so is a
    bin for which there are no features (NaN for every stimulus: no step of the network is there).
    Raises DataError for shapes that do not fit and for other features that are not finite.
    """
    features, responses = np.asarray(features), np.asarray(responses, dtype=np.float64)
    _check_shapes(features, responses)
    features, responses = _leave_out_absent(features, responses)
    _check_numbers(features)
    fit = _predict_with_one_map if shared else _predict_by_bin
    return fit(features, responses, splits, mapping)


def _predict_by_bin(
    features: NDArray[Any], responses: Floats, splits: Sequence[Split], mapping: Map
) -> Predictivity:
    _, neurons, bins = responses.shape
    correlations = np.full((len(splits), neurons, bins), np.nan)
    components: list[int] = []
    samples = compact(features) if features.ndim == 2 else None
    for bin_ in range(bins):
        known = np.isfinite(responses[:, :, bin_]).all(axis=0)
        if not known.any():
            continue
        here = compact(features[:, bin_]) if samples is None else samples
        measured = responses[:, known, bin_]
        for number, split in enumerate(splits):
            fitted = mapping.fit(here[split.train], measured[split.train])
            predicted = fitted.predict(here[split.test])
            r = correlate_predictions(predicted, measured[split.test])
            correlations[number, known, bin_] = r
            components += [] if fitted.components is None else [fitted.components]
    return Predictivity(correlations, min(components, default=None))


def _predict_with_one_map(
    features: NDArray[Any], responses: Floats, splits: Sequence[Split], mapping: Map
) -> Predictivity:
    stimuli, neurons, bins = responses.shape
    correlations = np.full((len(splits), neurons, bins), np.nan)
    recorded = np.flatnonzero(np.isfinite(responses).any(axis=(0, 1)))
    known = np.asarray(np.isfinite(responses[:, :, recorded]).all(axis=(0, 2)))
    if not len(recorded) or not known.any():
        return Predictivity(correlations)
    measured = responses[:, known][:, :, recorded].transpose(0, 2, 1)  # stimuli, bins, neurons
    samples = _stack_bins(features, recorded, stimuli)
    components: list[int] = []
    for number, split in enumerate(splits):
        train = samples[split.train].reshape(-1, samples.shape[2])
        fitted = mapping.fit(train, measured[split.train].reshape(len(train), -1))
        for place, bin_ in enumerate(recorded):
            predicted = fitted.predict(samples[split.test, place])
            r = correlate_predictions(predicted, measured[split.test, place])
            correlations[number, known, bin_] = r
        components += [] if fitted.components is None else [fitted.components]
    return Predictivity(correlations, min(components, default=None))


def _stack_bins(features: NDArray[Any], recorded: NDArray[np.int64], stimuli: int) -> Floats:
    """[stimuli, recorded bins, features], with no more features than needed."""
    if features.ndim == 2:
        return np.repeat(compact(features)[:, None], len(recorded), axis=1)
    chosen = features[:, recorded].reshape(stimuli * len(recorded), -1)
    return compact(chosen).reshape(stimuli, len(recorded), -1)


def _leave_out_absent(features: NDArray[Any], responses: Floats) -> tuple[NDArray[Any], Floats]:
    """Without responses in the bins that have no features, so that nothing is fitted there."""
    if features.ndim == 2 or features.dtype.kind != "f" or not features.size:
        return features, responses
    suspect = np.flatnonzero(np.isnan(features[0]).all(axis=1))
    absent = [bin_ for bin_ in suspect if np.isnan(features[:, bin_]).all()]
    if not absent:
        return features, responses
    features, responses = features.copy(), responses.copy()
    features[:, absent], responses[:, :, absent] = 0, np.nan
    return features, responses


def _check_shapes(features: NDArray[Any], responses: Floats) -> None:
    if responses.ndim != 3:
        shape = list(responses.shape)
        raise DataError("responses", f"have the shape {shape}", "give [stimuli, neurons, bins]")
    stimuli, _, bins = responses.shape
    fits = features.ndim == 2 or (features.ndim == 3 and features.shape[1] == bins)
    if not fits or len(features) != stimuli:
        shape = list(features.shape)
        cure = f"give [{stimuli} stimuli, features] or [{stimuli} stimuli, {bins} bins, features]"
        raise DataError("features", f"have the shape {shape}", cure)


def _check_numbers(features: NDArray[Any]) -> None:
    if not np.isfinite(features).all():
        count = int((~np.isfinite(features)).sum())
        cure = "leave out the layer, or the units that have them"
        raise DataError("features", f"have {count:,} numbers that are not finite", cure)
