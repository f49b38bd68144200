"""A network's steps as milliseconds: its features in a recording's time bins.

Step k of an unroll (0-based) stands for the time from offset + k * milliseconds to
offset + (k + 1) * milliseconds after the image's onset. The two numbers are given, or chosen by
`fit_time_mapping` on stimuli that are not scored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from space.errors import DataError
from workers.brains.assembly import Coordinates
from workers.brains.correlation import Floats
from workers.brains.maps import Map
from workers.brains.predictivity import predict_neurons
from workers.brains.quick_ridge import QuickRidge
from workers.brains.splits import Indices, split_stimuli

MILLISECONDS = (5.0, 10.0, 15.0, 20.0, 25.0, 30.0)
OFFSETS = tuple(10.0 * step for step in range(11))
"""What `fit_time_mapping` chooses from where nothing is given."""
HELD_IN, MOST_HELD_IN, FEWEST_HELD_IN = 0.25, 400, 8
"""The share of the stimuli that the time is fitted to; so many at most, and at least."""
INNER_SPLITS, INNER_TRAIN = 3, 0.75
DIRECTIONS = 100
"""So many directions of a layer, those in which it varies most, are kept for the choice of a time:
it is made of some sixty fits a layer and area.
"""
WHOLE = 1 - 1e-9
"""The share of a bin that steps have to cover: all of it but a rounding."""
QUICK = QuickRidge()
"""What a time is chosen by, whatever map the scores are of."""
CHUNK = 2**26
"""Bytes of features that are read at a time."""


@dataclass(frozen=True)
class TimeMapping:
    """Step k is the time from offset + k * milliseconds, for `milliseconds` of them.

    Raises DataError for a step that has no length, and for numbers that are not finite.
    """

    milliseconds: float
    offset: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.milliseconds) and self.milliseconds > 0):
            cure = "give a positive number of milliseconds"
            raise DataError("milliseconds a step", f"{self.milliseconds:g}", cure)
        if not np.isfinite(self.offset):
            raise DataError("offset", f"{self.offset:g}", "give milliseconds from image onset")


@dataclass(frozen=True)
class TimeCandidate:
    """A mapping that was tried: its score, and how many bins it covers in any layer."""

    mapping: TimeMapping
    score: float
    covered: int


@dataclass(frozen=True, kw_only=True)
class TimeFit:
    """The mapping that was chosen, all that were tried, and on how many stimuli."""

    mapping: TimeMapping
    candidates: tuple[TimeCandidate, ...]
    stimuli: int


def weigh_steps(steps: Sequence[int], mapping: TimeMapping, bins: Coordinates) -> Floats:
    """[bins, steps]: how much of each bin each step makes up; rows sum to 1.

    A bin that the steps do not cover wholly has NaN in its row: Brain-Score's alignment
    (`time_align` of brainscore_vision, mode "portion") refuses it. A bin without length (an
    instant) belongs to the step in which it lies.
    """
    starts = np.asarray(bins["time_bin_start"], dtype=np.float64)[:, None]
    ends = np.asarray(bins["time_bin_end"], dtype=np.float64)[:, None]
    begin = mapping.offset + mapping.milliseconds * np.asarray(steps, dtype=np.float64)[None]
    end = begin + mapping.milliseconds
    overlap = np.maximum(np.minimum(ends, end) - np.maximum(starts, begin), 0)
    instant = ((starts == ends) & (begin <= starts) & (starts < end)).astype(np.float64)
    overlap = np.where(starts == ends, instant, overlap)
    width = np.where(starts == ends, 1, ends - starts)
    covered = overlap.sum(axis=1, keepdims=True)
    weights: Floats = np.full(overlap.shape, np.nan)
    np.divide(overlap, covered, out=weights, where=covered >= WHOLE * width)
    return weights


def map_times(
    layers: Mapping[str, NDArray[Any]],
    steps: Mapping[str, Sequence[int]],
    mapping: TimeMapping,
    bins: Coordinates,
    rows: Indices | None = None,
) -> dict[str, NDArray[Any]]:
    """Layers [stimuli, steps, features] -> [stimuli, bins, features] of a recording's `bins`.

    layers: arrays, memory-mapped ones too, which are read a few stimuli at a time; `rows` are the
    stimuli to map, all if None. steps: for each layer the steps (0-based) of its second axis. A
    bin's features are the means of its steps, weighed by how long each overlaps it; those of a bin
    that is not wholly covered are NaN, in which `predict_neurons` gives no score. A layer
    [stimuli, features] has no time: it comes back as it is and holds for every bin. Raises
    DataError for steps that do not fit an array, and for a recording without time bins.
    """
    if not bins:
        cure = "give a recording with time bins, or features without time"
        raise DataError("time_bin", "the recording has none", cure)
    mapped = {}
    for name, values in layers.items():
        if values.ndim == 2:
            mapped[name] = values if rows is None else values[rows]
            continue
        if len(steps[name]) != values.shape[1]:
            problem = f"{len(steps[name])} steps for an array of the shape {list(values.shape)}"
            raise DataError(name, problem, "give [stimuli, steps, features]")
        chosen = np.arange(len(values)) if rows is None else rows
        mapped[name] = _average_steps(values, chosen, weigh_steps(steps[name], mapping, bins))
    return mapped


def list_uncovered(values: NDArray[Any]) -> list[int]:
    """The bins of [stimuli, bins, features] in which there are no features: NaN for all stimuli.

    Features without time, [stimuli, features], have none such.
    """
    if values.ndim == 2:
        return []
    absent = [bool(np.isnan(values[:, bin_]).all()) for bin_ in range(values.shape[1])]
    return [int(bin_) for bin_ in np.flatnonzero(absent)]


def hold_in(count: int, objects: NDArray[Any] | None = None) -> tuple[Indices, Indices]:
    """Of `count` stimuli those to fit the time to, and those to score: (held in, scored).

    A quarter, `MOST_HELD_IN` at most, with every object in its share; always the same ones. Raises
    DataError for fewer than `FEWEST_HELD_IN`.
    """
    train = max(1 - HELD_IN, 1 - MOST_HELD_IN / max(count, 1))
    if count * (1 - train) < FEWEST_HELD_IN:
        problem = f"{count} stimuli: too few to hold a quarter in for the time"
        raise DataError("time", problem, "give milliseconds a step and offset")
    (split,) = split_stimuli(count, objects, splits=1, train=train)
    return np.sort(split.test), np.sort(split.train)


def fit_time_mapping(
    layers: Mapping[str, NDArray[Any]],
    steps: Mapping[str, Sequence[int]],
    responses: Mapping[str, Floats],
    bins: Coordinates,
    fit: Map = QUICK,
    *,
    milliseconds: Sequence[float] = MILLISECONDS,
    offsets: Sequence[float] = OFFSETS,
) -> TimeFit:
    """The milliseconds a step and the offset whose features predict the neurons best.

    layers: [stimuli, steps, features], responses: by area [stimuli, neurons, bins], both of the
    same stimuli: of one set that is held in (`hold_in`) and never scored, so that no response that
    is scored has a part in the choice. A value that is given is a grid of one.

    The score of a mapping is the mean over areas of the area's best layer; that of a layer the
    mean over the recorded bins of the median over neurons, of maps that all bins share, fitted to
    three quarters of the set and tested on the rest, three times, from the layer's principal
    components (`DIRECTIONS` of them). A bin that is not covered counts 0 (nothing is predicted
    there), so that a mapping does not gain by leaving out what is hard. Of equal scores the first
    in the order of milliseconds, then offsets, is taken.

    Raises DataError where no mapping covers any bin, or no layer has time.
    """
    timed = {name: values for name, values in layers.items() if values.ndim == 3}
    if not timed:
        cure = "give features [stimuli, steps, features], or leave out the fit"
        raise DataError("time", "no layer has steps", cure)
    small = {name: _reduce_steps(values) for name, values in timed.items()}
    candidates = []
    for length, offset in product(sorted(set(milliseconds)), sorted(set(offsets))):
        mapping = TimeMapping(length, offset)
        mapped = map_times(small, steps, mapping, bins)
        covered = max(values.shape[1] - len(list_uncovered(values)) for values in mapped.values())
        score = _score_areas(mapped, responses, fit) if covered else 0.0
        candidates.append(TimeCandidate(mapping, score, covered))
    if not any(candidate.covered for candidate in candidates):
        starts, ends = bins["time_bin_start"], bins["time_bin_end"]
        problem = f"no step covers a bin of {starts[0]:g} to {ends[-1]:g} ms"
        raise DataError("time", problem, "give other milliseconds a step and offsets")
    best = max((one for one in candidates if one.covered), key=lambda one: one.score)
    count = len(next(iter(timed.values())))
    return TimeFit(mapping=best.mapping, candidates=tuple(candidates), stimuli=count)


def _average_steps(values: NDArray[Any], rows: Indices, weights: Floats) -> NDArray[Any]:
    kind = values.dtype if values.dtype.kind == "f" else np.dtype(np.float64)
    mapped = np.full((len(rows), len(weights), values.shape[2]), np.nan, dtype=kind)
    covered = ~np.isnan(weights).any(axis=1)
    used = np.flatnonzero(weights[covered].any(axis=0))
    chosen = weights[covered][:, used].astype(kind)
    size = max(1, CHUNK // max(1, values[:1].nbytes))
    for first in range(0, len(rows), size):
        part = values[rows[first : first + size]][:, used]
        mapped[first : first + size, covered] = np.matmul(chosen, part)
    return mapped


def _reduce_steps(values: NDArray[Any]) -> NDArray[Any]:
    """[stimuli, steps, features] as its principal components over stimuli and steps, at most
    `DIRECTIONS`. Means over steps are those of the components.
    """
    stimuli, steps, features = values.shape
    flat = np.asarray(values, dtype=np.float64).reshape(stimuli * steps, features)
    if features <= DIRECTIONS or not np.isfinite(flat).all():  # the latter is refused later
        return flat.reshape(values.shape)
    from sklearn.utils.extmath import randomized_svd

    number = min(DIRECTIONS, len(flat))
    centred = flat - flat.mean(axis=0)
    _, _, directions = randomized_svd(centred, number, random_state=0)
    reduced: Floats = flat @ directions.T
    return reduced.reshape(stimuli, steps, number)


def _score_areas(
    layers: Mapping[str, NDArray[Any]], responses: Mapping[str, Floats], fit: Map
) -> float:
    """The mean over areas of the best layer's score."""
    best = [
        max(_score_layer(values, measured, fit) for values in layers.values())
        for measured in responses.values()
    ]
    return float(np.mean(best))


def _score_layer(features: NDArray[Any], responses: Floats, fit: Map) -> float:
    recorded = np.isfinite(responses).any(axis=(0, 1))
    if not recorded.any():
        return 0.0
    splits = split_stimuli(len(responses), splits=INNER_SPLITS, train=INNER_TRAIN)
    center = predict_neurons(features, responses, splits, fit, shared=True).summary.center
    return float(np.nan_to_num(center[recorded]).mean())
