"""Features of layers against the neurons of areas: one row a layer, area and time bin."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from space.documents.outside import printable
from space.errors import DataError
from workers.brains.archives import read_arrays
from workers.brains.assembly import Assembly, list_names
from workers.brains.consistency import ceil_score, measure_consistency
from workers.brains.correlation import Floats
from workers.brains.maps import Map, compact
from workers.brains.predictivity import Predictivity, predict_neurons
from workers.brains.splits import SPLITS, split_stimuli

STRATA = "object_name"
"""The coordinate of stimuli by which Brain-Score divides them."""
STEPS = ":steps"
"""How the array with a layer's steps ends."""


@dataclass(frozen=True, kw_only=True)
class Features:
    """A network's features of stimuli: by layer [stimuli, features] or [stimuli, bins, features],
    in the order of `stimuli`. `source` is the file.

    steps: where the second axis is no recording's bins but steps of an unroll, which (0-based) for
    each layer; such features are given bins by `workers.brains.timing` before they are scored.
    """

    stimuli: NDArray[np.str_]
    layers: Mapping[str, NDArray[Any]]
    source: str
    steps: Mapping[str, tuple[int, ...]] | None = None


@dataclass(frozen=True, kw_only=True)
class NeuralScore:
    """How well a layer predicts an area in a time bin, over `neurons` of it.

    score: the median correlation over neurons, averaged over splits. error: its standard error
    over splits. ceiling: the area's consistency. ceiled: score^2 / ceiling. NaN for what is not
    defined: a ceiling of one repetition, say.
    """

    layer: str
    area: str
    bin: str | None
    score: float
    error: float
    ceiling: float
    ceiled: float
    splits: int
    by_split: tuple[float, ...]
    neurons: int
    stimuli: int
    components: int | None


@dataclass(frozen=True)
class Ceilings:
    """By bin, the consistency of an area and its error over halves; NaN for what is unknown."""

    center: Floats
    error: Floats


@dataclass(frozen=True, kw_only=True)
class LayerFit:
    """A layer's correlations with the neurons of an area, in `bins` that are named.

    `result.by_split` is [splits, neurons, bins]; `stimuli` is how many were divided.
    """

    layer: str
    area: str
    bins: tuple[str | None, ...]
    result: Predictivity
    ceilings: Ceilings
    stimuli: int

    @property
    def scores(self) -> list[NeuralScore]:
        """A row a bin."""
        summary = self.result.summary
        ceiled = ceil_score(summary.center, self.ceilings.center)
        return [
            NeuralScore(
                layer=self.layer,
                area=self.area,
                bin=name,
                score=float(summary.center[place]),
                error=float(summary.error[place]),
                ceiling=float(self.ceilings.center[place]),
                ceiled=float(ceiled[place]),
                splits=len(summary.by_split),
                by_split=tuple(map(float, summary.by_split[:, place])),
                neurons=summary.neurons[place],
                stimuli=self.stimuli,
                components=self.result.components,
            )
            for place, name in enumerate(self.bins)
        ]


def read_features(path: Path) -> Features:
    """Features from an .npz file: `stimulus_id` [stimuli], and an array a layer.

    `LAYER:steps` [steps] says which steps of the unroll, 0-based, the second axis of LAYER holds.
    Raises DataError for a file without either, and for an array of another shape.
    """
    arrays = read_arrays(path)
    source = printable(str(path))
    steps = _take_steps(source, arrays)
    stimuli = arrays.pop("stimulus_id", None)
    if stimuli is None or stimuli.ndim != 1 or stimuli.dtype.kind not in "USiu":
        problem = "has no array stimulus_id [stimuli]"
        raise DataError(source, problem, f"it has {list_names(arrays)}")
    if stimuli.dtype.kind not in "USiu":
        problem = f"stimulus_id is of {stimuli.dtype}"
        raise DataError(source, problem, "give texts or whole numbers")
    if not arrays:
        raise DataError(source, "has no layer", "give an array [stimuli, features] a layer")
    for name, values in arrays.items():
        if values.ndim not in (2, 3) or len(values) != len(stimuli) or not values.size:
            problem = f"{printable(name)} has the shape {list(values.shape)}"
            cure = f"give [{len(stimuli)} stimuli, features] or [stimuli, bins, features]"
            raise DataError(source, problem, cure)
        if values.dtype.kind not in "fiub":
            raise DataError(source, f"{printable(name)} is of {values.dtype}", "give numbers")
    ids = stimuli.astype(str)
    if len(np.unique(ids)) < len(ids):
        raise DataError(source, "has a stimulus_id twice", "give each stimulus one row")
    return Features(stimuli=ids, layers=arrays, source=source, steps=steps)


def _take_steps(source: str, arrays: dict[str, NDArray[Any]]) -> dict[str, tuple[int, ...]] | None:
    """The arrays LAYER:steps, taken out. Raises DataError for one that does not fit its layer."""
    steps = {}
    for name in [name for name in arrays if name.endswith(STEPS)]:
        values, layer = arrays.pop(name), name.removesuffix(STEPS)
        if layer not in arrays:
            problem = f"{printable(name)} is of no layer"
            raise DataError(source, problem, f"the arrays are {list_names(arrays)}")
        shape = arrays[layer].shape
        rising = values.ndim == 1 and values.dtype.kind in "iu" and (np.diff(values) > 0).all()
        if not rising or len(shape) != 3 or len(values) != shape[1] or values[0] < 0:
            cure = f"give rising whole numbers from 0, one for each step of {printable(layer)}"
            raise DataError(source, f"{printable(name)} are no steps", cure)
        steps[layer] = tuple(map(int, values))
    return steps or None


def fit_layers(
    features: Features,
    assembly: Assembly,
    areas: Sequence[str],
    mapping: Map,
    *,
    shared: bool = True,
    splits: int = SPLITS,
) -> list[LayerFit]:
    """Every layer against every area (those of the recording, if none are named).

    Splits are Brain-Score's, by object where the recording has `object_name`: the same for all
    features of one recording. Raises DataError for an area without neurons, and for a stimulus of
    the recording that the features lack.
    """
    places = find_rows(features, np.unique(assembly.stimulus_ids), assembly.source)
    drawn = split_stimuli(len(places), assembly.describe_stimuli(STRATA), splits=splits)
    layers = {layer: _compact(values[places]) for layer, values in features.layers.items()}
    fits: list[LayerFit] = []
    for area, part in divide_areas(assembly, areas).items():
        responses = part.arrange()
        ceilings = bound_ceilings(part, responses.values)
        for layer, values in layers.items():
            try:
                result = predict_neurons(values, responses.averages, drawn, mapping, shared=shared)
            except DataError as error:
                where = f"{features.source}: {printable(layer)}"
                raise DataError(where, error.problem, error.cure) from None
            fits.append(
                LayerFit(
                    layer=layer,
                    area=area,
                    bins=tuple(part.bin_names),
                    result=result,
                    ceilings=ceilings,
                    stimuli=len(places),
                )
            )
    return fits


def divide_areas(assembly: Assembly, areas: Sequence[str]) -> dict[str, Assembly]:
    """The recording's neurons by area: those named, else all areas, else `all` neurons as one.

    Raises DataError for an area without neurons.
    """
    parts = {area: assembly.select_area(area) for area in areas or assembly.areas}
    return parts or {"all": assembly}


def _compact(features: NDArray[Any]) -> NDArray[Any]:
    """Features made compact once for all areas; as they are where a number is refused later."""
    if features.ndim == 2:
        return compact(features) if np.isfinite(features).all() else features
    stimuli, bins, number = features.shape
    there = [bin_ for bin_ in range(bins) if not np.isnan(features[0, bin_]).all()]
    if number <= stimuli * len(there) or not np.isfinite(features[:, there]).all():
        return features
    small = compact(features[:, there].reshape(-1, number)).reshape(stimuli, len(there), -1)
    mapped = np.full((stimuli, bins, small.shape[2]), np.nan)
    mapped[:, there] = small
    return mapped


def measure_ceilings(assembly: Assembly, responses: NDArray[Any]) -> Floats:
    """By bin, the consistency of responses [stimuli, repetitions, neurons, bins].

    Where each stimulus has one response (an average that was published), the median of the
    neurons' coordinate `reliability` instead; NaN without.
    """
    return bound_ceilings(assembly, responses).center


def bound_ceilings(assembly: Assembly, responses: NDArray[Any]) -> Ceilings:
    """`measure_ceilings` with the errors over halves of the repetitions."""
    nothing = np.full(responses.shape[3], np.nan)
    if responses.shape[1] > 1:
        summary = measure_consistency(responses).summary
        return Ceilings(center=summary.center, error=summary.error)
    reliability = assembly.neurons.get("reliability")
    if reliability is None or reliability.dtype.kind != "f" or np.isnan(reliability).all():
        return Ceilings(center=nothing, error=nothing)
    return Ceilings(center=np.full(len(nothing), np.nanmedian(reliability)), error=nothing)


def find_rows(features: Features, wanted: NDArray[np.str_], source: str) -> NDArray[np.int64]:
    """The rows of the features for the stimuli `wanted`, in their order, of the file `source`.

    Raises DataError if the features lack any.
    """
    order = np.argsort(features.stimuli)
    spots = np.searchsorted(features.stimuli[order], wanted)
    rows = order[np.minimum(spots, len(order) - 1)]
    if (missing := features.stimuli[rows] != wanted).any():
        problem = (
            f"lacks {int(missing.sum()):,} of {len(wanted):,} stimuli of {source}: "
            f"{list_names(wanted[missing], 3)}"
        )
        cure = f"its own are {list_names(features.stimuli, 3)}"
        raise DataError(features.source, problem, cure)
    return np.asarray(rows, dtype=np.int64)
