"""A trace as features of a recording's stimuli in its time bins, a layer at a time in memory."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from space.documents.outside import printable
from space.errors import DataError
from workers.brains.assembly import Assembly, list_names
from workers.brains.scores import Features
from workers.brains.stimuli import StimulusSet
from workers.brains.timing import CHUNK, TimeMapping, map_times
from workers.brains.tracing import Trace
from workers.seeds import mix_seed

BYTES = 24
"""That a feature of a stimulus in a bin takes while a layer is scored: as it was traced, chosen,
and in double precision twice.
"""


def select_stimuli(stimuli: StimulusSet, assembly: Assembly) -> StimulusSet:
    """A recording's stimuli, in the table's order. Raises DataError if the table lacks one."""
    wanted = set(map(str, assembly.stimulus_ids))
    if missing := wanted - set(stimuli.rows):
        problem = (
            f"lacks {len(missing):,} of {len(wanted):,} stimuli of {assembly.source}: "
            f"{list_names(missing, 3)}"
        )
        raise DataError("stimuli", problem, f"its own are {list_names(stimuli.rows, 3)}")
    return replace(
        stimuli, rows={name: stimuli.rows[name] for name in stimuli.rows if name in wanted}
    )


def arrange_trace(
    trace: Trace,
    assembly: Assembly,
    mapping: TimeMapping,
    *,
    units: int | None = None,
    seed: int = 0,
) -> Features:
    """A trace as features [stimuli, bins, features] in the recording's bins; [stimuli, features],
    the mean over a layer's steps, for a recording without time. Layers are computed when they are
    asked for, and not kept.

    units: a layer with more features is replaced by so many random projections of it, drawn from
    `seed` and the layer's name, which keep distances and products on average.
    """

    def compute(layer: str) -> NDArray[Any]:
        values, steps = trace.layers[layer], trace.steps[layer]
        features = values.shape[2]
        few = features if units is None else min(units, features)
        bins = len(assembly.bins["time_bin_start"]) if assembly.bins else 1
        _check_memory(layer, len(values) * bins * few)
        source: NDArray[Any] = values
        if few < features:
            source = project(values, few, mix_seed(seed, layer))
        if not assembly.bins:
            return np.asarray(source.mean(axis=1))
        return map_times({layer: source}, {layer: steps}, mapping, assembly.bins)[layer]

    layers = _Computed(tuple(trace.layers), compute)
    return Features(stimuli=trace.stimuli, layers=layers, source=trace.source)


def project(values: NDArray[Any], units: int, seed: int) -> NDArray[np.float32]:
    """[stimuli, steps, features] -> [stimuli, steps, units]: random projections, whose products
    are those of the features but for an error of about 1 / sqrt(units) (Johnson and Lindenstrauss
    1984). Values are read a few stimuli at a time.
    """
    stimuli, steps, features = values.shape
    random = np.random.default_rng(seed)
    directions = random.standard_normal((features, units), dtype=np.float32) / math.sqrt(units)
    made = np.empty((stimuli, steps, units), np.float32)
    size = max(1, CHUNK // max(1, values[:1].nbytes))
    for first in range(0, stimuli, size):
        rows = slice(first, first + size)
        made[rows] = np.asarray(values[rows]) @ directions
    return made


@dataclass(frozen=True)
class _Computed(Mapping[str, NDArray[Any]]):
    """Layers that are computed whenever they are asked for."""

    names: tuple[str, ...]
    compute: Callable[[str], NDArray[Any]]

    def __getitem__(self, layer: str) -> NDArray[Any]:
        if layer not in self.names:
            raise KeyError(layer)
        return self.compute(layer)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def _check_memory(layer: str, numbers: int) -> None:
    """Raises DataError for a layer that is too large to be scored in this machine's memory."""
    import psutil

    free, needed = psutil.virtual_memory().available, BYTES * numbers
    if needed > free:
        problem = f"takes {needed / 1e9:,.1f} GB of memory, and {free / 1e9:,.1f} GB are free"
        cure = "score random projections of it (--units 1000), or leave it out"
        raise DataError(f"layers: {printable(layer)}", problem, cure)
