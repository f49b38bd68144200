"""A recording as one value: responses of neurons to presentations of stimuli, with coordinates.

Every file format is read into this (workers/brains/reading.py). A coordinate is an array along one
dimension, named as Brain-Score names it:

    presentation    stimulus_id, repetition; whatever is known of the stimulus (object_name)
    neuroid         neuroid_id; region, subregion, animal, reliability
    time_bin        time_bin_start, time_bin_end: milliseconds from the stimulus' onset
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from space.documents.outside import printable
from space.errors import DataError
from workers.brains.averages import average_defined
from workers.brains.correlation import Floats

Coordinates = Mapping[str, NDArray[Any]]

DIMENSIONS = ("presentation", "neuroid", "time_bin")
AREAS = ("region", "subregion", "area", "arealabel")
"""The coordinates of neurons that say where they lie, the first that is there first."""


@dataclass(frozen=True, kw_only=True)
class Responses:
    """Responses by stimulus: [stimuli, repetitions, neurons, bins], NaN where there is none.

    Stimuli are in the order of their ids, repetitions in that of their numbers.
    """

    stimuli: NDArray[np.str_]
    values: NDArray[Any]

    @cached_property
    def averages(self) -> Floats:
        """[stimuli, neurons, bins]: the mean over the repetitions that are there."""
        return average_defined(self.values, axis=1)


@dataclass(frozen=True, kw_only=True)
class Assembly:
    """A recording: `values` [presentations, neurons, bins] of floats, and their coordinates.

    `bins` is empty for a recording without time, whose values have one bin. `source` is the file,
    for errors; `form` what kind it is.
    """

    values: NDArray[Any]
    presentations: Coordinates
    neurons: Coordinates
    bins: Coordinates
    source: str
    form: str

    @property
    def stimulus_ids(self) -> NDArray[np.str_]:
        """[presentations]"""
        return self.presentations["stimulus_id"]

    @property
    def bin_names(self) -> list[str | None]:
        """`70-170` for a bin from 70 to 170 ms; None for a recording without time."""
        if not self.bins:
            return [None] * self.values.shape[2]
        edges = zip(self.bins["time_bin_start"], self.bins["time_bin_end"], strict=True)
        return [f"{start:g}-{end:g}" for start, end in edges]

    @property
    def areas(self) -> dict[str, int]:
        """How many neurons lie in each area, by the first coordinate that says so."""
        name = next((name for name in AREAS if name in self.neurons), None)
        if name is None:
            return {}
        values, counts = np.unique(self.neurons[name].astype(str), return_counts=True)
        return dict(zip(map(str, values), map(int, counts), strict=True))

    def select_area(self, area: str) -> "Assembly":
        """The neurons of an area or of a part of one. Raises DataError if there are none."""
        there = set[str]()
        for name in AREAS:
            if name in self.neurons:
                inside = self.neurons[name].astype(str) == area
                if inside.any():
                    chosen = {key: values[inside] for key, values in self.neurons.items()}
                    return replace(self, values=self.values[:, inside], neurons=chosen)
                there |= set(map(str, self.neurons[name]))
        problem = f"has no neuron in {printable(area)}"
        cure = f"it has {list_names(there)}" if there else f"no coordinate ({AREAS[0]}) says where"
        raise DataError(self.source, problem, cure)

    def select_stimuli(self, stimuli: NDArray[np.str_]) -> "Assembly":
        """The presentations of some stimuli."""
        shown = np.isin(self.stimulus_ids, stimuli)
        chosen = {name: values[shown] for name, values in self.presentations.items()}
        return replace(self, values=self.values[shown], presentations=chosen)

    def describe_stimuli(self, column: str) -> NDArray[np.str_] | None:
        """A coordinate of presentations by stimulus, in the order of stimulus ids; None without.

        Raises DataError for one that differs between presentations of a stimulus.
        """
        if column not in self.presentations:
            return None
        ids, first, places = np.unique(self.stimulus_ids, return_index=True, return_inverse=True)
        values = self.presentations[column].astype(str)
        by_stimulus = values[first]
        if (wrong := by_stimulus[places] != values).any():
            stimulus = printable(str(ids[places[wrong][0]]))
            problem = f"{column} of the stimulus {stimulus} is not the same in all presentations"
            raise DataError(self.source, problem, "give each stimulus an id of its own")
        return by_stimulus

    def arrange(self) -> Responses:
        """The responses by stimulus and repetition.

        Presentations of one stimulus with the same repetition are averaged, as Brain-Score does.
        """
        stimuli, rows = np.unique(self.stimulus_ids, return_inverse=True)
        numbers, columns = np.unique(self.presentations["repetition"], return_inverse=True)
        shape = (len(stimuli), len(numbers), *self.values.shape[1:])
        places = rows * len(numbers) + columns
        kept = np.full((shape[0] * shape[1], *shape[2:]), np.nan, dtype=self.values.dtype)
        if len(np.unique(places)) == len(places):
            kept[places] = self.values
        else:
            order = np.argsort(places, kind="stable")
            starts = np.flatnonzero(np.diff(places[order], prepend=-1))
            counts = np.diff(starts, append=len(order))
            sums = np.add.reduceat(self.values[order], starts, axis=0)
            kept[places[order][starts]] = sums / counts[:, None, None]
        return Responses(stimuli=stimuli, values=kept.reshape(shape))


def make_assembly(
    source: str, form: str, values: NDArray[Any], coordinates: Mapping[str, Coordinates]
) -> Assembly:
    """An assembly of `values` [presentations, neurons] or [presentations, neurons, bins].

    coordinates: by dimension (`DIMENSIONS`), then by name. The older `image_id` stands for a
    missing `stimulus_id`; a missing `repetition` is 0 where no stimulus is shown twice. Raises
    DataError, with the names that there are, for a coordinate that is missing.
    """
    if values.dtype.kind not in "fiub":
        raise DataError(source, f"has values of {values.dtype}", "give numbers")
    if values.dtype.kind != "f":
        values = values.astype(np.float64)
    shown, neurons, bins = (dict(coordinates.get(name, {})) for name in DIMENSIONS)
    if "stimulus_id" not in shown:
        if "image_id" not in shown:
            _refuse_missing(source, "stimulus_id", "presentation", shown)
        shown["stimulus_id"] = shown["image_id"]
    shown["stimulus_id"] = shown["stimulus_id"].astype(str)
    if "neuroid_id" not in neurons:
        _refuse_missing(source, "neuroid_id", "neuroid", neurons)
    if "repetition" not in shown:
        if len(np.unique(shown["stimulus_id"])) < len(shown["stimulus_id"]):
            _refuse_missing(source, "repetition", "presentation", shown)
        shown["repetition"] = np.zeros(len(values), dtype=np.int64)
    if values.ndim == 2:
        values, bins = values[:, :, None], {}
    else:
        _check_bins(source, bins)
    if not values.size:
        cure = "give [presentations, neurons] or [presentations, neurons, bins] with values"
        raise DataError(source, f"has the shape {list(values.shape)}", cure)
    return Assembly(
        values=values, presentations=shown, neurons=neurons, bins=bins, source=source, form=form
    )


def _check_bins(source: str, bins: Coordinates) -> None:
    for name in ("time_bin_start", "time_bin_end"):
        if name not in bins:
            _refuse_missing(source, name, "time_bin", bins)
        if bins[name].dtype.kind not in "fiu":
            cure = "give milliseconds from the stimulus' onset"
            raise DataError(source, f"{name} is of {bins[name].dtype}", cure)


def _refuse_missing(source: str, name: str, dimension: str, there: Coordinates) -> NoReturn:
    problem = f"has no coordinate {name} along {dimension}"
    raise DataError(source, problem, f"those along it are {list_names(there)}")


def list_names(names: Any, most: int = 12) -> str:
    """Names from a file, in their order in the alphabet, as text for an error."""
    ordered = sorted(printable(str(name)) for name in names)
    if not ordered:
        return "none"
    more = f" and {len(ordered) - most} more" if len(ordered) > most else ""
    return ", ".join(ordered[:most]) + more
