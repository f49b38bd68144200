"""A trace as features of a recording's stimuli, small enough to be scored."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from space.errors import DataError
from workers.brains.assembly import Assembly, list_names
from workers.brains.scores import Features
from workers.brains.stimuli import StimulusSet
from workers.brains.timing import CHUNK
from workers.brains.tracing import Trace
from workers.seeds import mix_seed

KEPT, FITTED = 8, 104
"""Bytes of a feature of a stimulus in a bin: while any layer is scored (in the recording's bins,
and those of its stimuli), and besides while its own is (measured: partial least squares with one
map for all bins works on a dozen copies in double precision).
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
    trace: Trace, assembly: Assembly, *, units: int | None = None, seed: int = 0
) -> Features:
    """A trace as features [stimuli, steps, features] to be given a recording's bins
    (`workers.brains.timing`); for a recording without time [stimuli, features], the mean over a
    layer's steps.

    units: a layer with more features is replaced by so many random projections of it (`project`),
    drawn from `seed` and the layer's name. Raises DataError for layers that are too large to be
    scored in this machine's memory.
    """
    sizes = {
        layer: values.shape[2] if units is None else min(units, values.shape[2])
        for layer, values in trace.layers.items()
    }
    bins = len(assembly.bins["time_bin_start"]) if assembly.bins else 1
    _check_memory(sizes, bins * len(trace.stimuli))
    layers: dict[str, NDArray[Any]] = {}
    for layer, values in trace.layers.items():
        layers[layer] = values
        if sizes[layer] < values.shape[2]:
            layers[layer] = project(values, sizes[layer], mix_seed(seed, layer))
        if not assembly.bins:
            layers[layer] = np.asarray(layers[layer].mean(axis=1))
    steps = trace.steps if assembly.bins else None
    return Features(stimuli=trace.stimuli, layers=layers, source=trace.source, steps=steps)


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


def _check_memory(sizes: Mapping[str, int], samples: int) -> None:
    """Raises DataError for layers of so many features that do not fit into memory together."""
    import psutil

    largest = max(sizes, key=lambda layer: sizes[layer])
    numbers = KEPT * sum(sizes.values()) + FITTED * sizes[largest]
    free, needed = psutil.virtual_memory().available, numbers * samples
    if needed > free:
        problem = (
            f"{len(sizes)} of them take {needed / 1e9:,.1f} GB of memory, the largest of "
            f"{sizes[largest]:,} features; {free / 1e9:,.1f} GB are free"
        )
        cure = "score random projections of them (--units 1000), or fewer layers"
        raise DataError("layers", problem, cure)
