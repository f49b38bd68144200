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
from workers.brains.predictivity import predict_neurons
from workers.brains.splits import SPLITS, Split, split_stimuli

STRATA = "object_name"
"""The coordinate of stimuli by which Brain-Score divides them."""


@dataclass(frozen=True, kw_only=True)
class Features:
    """A network's features of stimuli: by layer [stimuli, features] or [stimuli, bins, features],
    in the order of `stimuli`. `source` is the file.
    """

    stimuli: NDArray[np.str_]
    layers: Mapping[str, NDArray[Any]]
    source: str


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


def read_features(path: Path) -> Features:
    """Features from an .npz file: `stimulus_id` [stimuli], and an array a layer.

    Raises DataError for a file without either, and for an array of another shape.
    """
    arrays = read_arrays(path)
    source = printable(str(path))
    stimuli = arrays.pop("stimulus_id", None)
    if stimuli is None or stimuli.ndim != 1:
        problem = "has no array stimulus_id [stimuli]"
        raise DataError(source, problem, f"it has {list_names(arrays)}")
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
    return Features(stimuli=ids, layers=arrays, source=source)


def score_layers(
    features: Features,
    assembly: Assembly,
    areas: Sequence[str],
    mapping: Map,
    *,
    shared: bool = True,
    splits: int = SPLITS,
) -> list[NeuralScore]:
    """Every layer against every area (those of the recording, if none are named), bin by bin.

    Splits are Brain-Score's, by object where the recording has `object_name`. Raises DataError for
    an area without neurons, and for a stimulus of the recording that the features lack.
    """
    places = _find_stimuli(features, assembly)
    drawn = split_stimuli(len(places), assembly.describe_stimuli(STRATA), splits=splits)
    parts = {area: assembly.select_area(area) for area in areas or assembly.areas}
    if not parts:
        parts = {"all": assembly}
    layers = {layer: _compact(values[places]) for layer, values in features.layers.items()}
    scores: list[NeuralScore] = []
    for area, part in parts.items():
        responses = part.arrange()
        ceilings = measure_ceilings(part, responses.values)
        for layer, values in layers.items():
            rows = _Rows(layer=layer, area=area, assembly=part, ceilings=ceilings, splits=drawn)
            try:
                scores += rows.score(values, responses.averages, mapping, shared=shared)
            except DataError as error:
                where = f"{features.source}: {printable(layer)}"
                raise DataError(where, error.problem, error.cure) from None
    return scores


def _compact(features: NDArray[Any]) -> NDArray[Any]:
    """Features without bins, made compact once for all areas; as they are where any is refused."""
    return compact(features) if features.ndim == 2 and np.isfinite(features).all() else features


def measure_ceilings(assembly: Assembly, responses: NDArray[Any]) -> Floats:
    """By bin, the consistency of responses [stimuli, repetitions, neurons, bins].

    Where each stimulus has one response (an average that was published), the median of the
    neurons' coordinate `reliability` instead; NaN without.
    """
    bins = responses.shape[3]
    if responses.shape[1] > 1:
        return measure_consistency(responses).summary.center
    reliability = assembly.neurons.get("reliability")
    if reliability is None or reliability.dtype.kind != "f" or np.isnan(reliability).all():
        return np.full(bins, np.nan)
    return np.full(bins, np.nanmedian(reliability))


@dataclass(frozen=True, kw_only=True)
class _Rows:
    """What the rows of a layer and an area have in common."""

    layer: str
    area: str
    assembly: Assembly
    ceilings: Floats
    splits: Sequence[Split]

    def score(
        self, features: NDArray[Any], averages: Floats, mapping: Map, *, shared: bool
    ) -> list[NeuralScore]:
        result = predict_neurons(features, averages, self.splits, mapping, shared=shared)
        summary = result.summary
        ceiled = ceil_score(summary.center, self.ceilings)
        return [
            NeuralScore(
                layer=self.layer,
                area=self.area,
                bin=name,
                score=float(summary.center[place]),
                error=float(summary.error[place]),
                ceiling=float(self.ceilings[place]),
                ceiled=float(ceiled[place]),
                splits=len(self.splits),
                by_split=tuple(map(float, summary.by_split[:, place])),
                neurons=summary.neurons[place],
                stimuli=len(averages),
                components=result.components,
            )
            for place, name in enumerate(self.assembly.bin_names)
        ]


def _find_stimuli(features: Features, assembly: Assembly) -> NDArray[np.int64]:
    """The rows of the features for the recording's stimuli, in the order of their ids."""
    return find_rows(features, np.unique(assembly.stimulus_ids), assembly.source)


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
