"""Recordings in Neurodata Without Borders: spike counts as `BinnedAlignedSpikes`.

Source: the extension ndx-binned-spikes (0.3, and the names of its first versions, which the
DiCarlo laboratory's converter writes): `data` [units, events, bins] around events, with
`condition_indices` [events] into `condition_labels` (the stimuli), or without labels the indices
themselves. The file is HDF5 and is read as such.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from space.documents.outside import printable
from space.errors import DataError
from workers.brains.assembly import Assembly, list_names, make_assembly
from workers.brains.hdf5 import decode_text, refuse_damage

TYPE = "BinnedAlignedSpikes"
WIDTHS = ("bin_width_in_ms", "bin_width_in_milliseconds")
OFFSETS = ("event_to_bin_offset_in_ms", "milliseconds_from_event_to_first_bin")


def read_nwb(path: Path) -> Assembly:
    """The file's one `BinnedAlignedSpikes`. Raises DataError for a file that holds none, or more.

    Repetitions of a stimulus are numbered in the order of events. Units have the columns of the
    file's table of units, with `neuroid_id` their id; `location` is read as their region.
    """
    import h5py

    source = printable(str(path))
    with refuse_damage(path, "NWB"), h5py.File(path, "r") as file:
        return _read_spikes(source, _find_spikes(source, file), file)


def _find_spikes(source: str, file: Any) -> Any:
    names: list[str] = []

    def visit(name: str, item: Any) -> None:
        if decode_text(item.attrs.get("neurodata_type", "")) == TYPE:
            names.append(name)

    file.visititems(visit)
    if len(names) != 1:
        problem = f"holds {len(names)} objects of type {TYPE}"
        cure = "keep the one that is meant" if names else f"its groups are {list_names(file)}"
        raise DataError(source, problem, cure)
    return file[names[0]]


def _read_spikes(source: str, spikes: Any, file: Any) -> Assembly:
    there = {*spikes, *spikes.attrs}
    for name in ("data", "condition_indices", WIDTHS[0]):
        if name not in there and not (name in WIDTHS and WIDTHS[1] in there):
            cure = f"{TYPE} has {list_names(there)}"
            raise DataError(source, f"{TYPE} has no {name}", cure)
    values = np.asarray(spikes["data"]).transpose(1, 0, 2)
    _, units, bins = values.shape
    conditions = np.asarray(spikes["condition_indices"]).astype(np.int64)
    stimuli = _label_conditions(source, spikes, conditions)
    width = _read_number(spikes, WIDTHS)
    starts = _read_number(spikes, OFFSETS) + width * np.arange(bins)
    return make_assembly(
        source,
        "NWB",
        values,
        {
            "presentation": {"stimulus_id": stimuli, "repetition": number_repetitions(stimuli)},
            "neuroid": _read_units(spikes, file, units),
            "time_bin": {"time_bin_start": starts, "time_bin_end": starts + width},
        },
    )


def _label_conditions(source: str, spikes: Any, conditions: NDArray[np.int64]) -> NDArray[np.str_]:
    if "condition_labels" not in spikes:
        return conditions.astype(str)
    labels = np.array([*map(decode_text, spikes["condition_labels"][:])], dtype=np.str_)
    if conditions.min(initial=0) < 0 or conditions.max(initial=0) >= len(labels):
        problem = f"has condition_indices that are not from 0 to {len(labels) - 1}"
        raise DataError(source, problem, "give each an entry of condition_labels")
    return labels[conditions]


def number_repetitions(stimuli: NDArray[np.str_]) -> NDArray[np.int64]:
    """How often each presentation's stimulus was shown before it: [presentations]."""
    _, places = np.unique(stimuli, return_inverse=True)
    numbers = np.empty(len(stimuli), dtype=np.int64)
    seen: dict[int, int] = {}
    for index, place in enumerate(places.tolist()):
        numbers[index] = seen.get(place, 0)
        seen[place] = numbers[index] + 1
    return numbers


def _read_units(spikes: Any, file: Any, count: int) -> dict[str, NDArray[Any]]:
    """Columns of the table of units for the rows that were binned."""
    rows = np.asarray(spikes["units_region"]) if "units_region" in spikes else np.arange(count)
    columns: dict[str, NDArray[Any]] = {}
    table = file.get("units", {})
    for name, column in table.items():
        ragged = name.endswith("_index") or f"{name}_index" in table
        if column.ndim == 1 and not ragged and len(column) > rows.max(initial=0):
            values = column[:][rows]
            if values.dtype.kind in "OS":
                if not all(isinstance(value, str | bytes) for value in values):
                    continue  # references to other objects
                values = np.array([*map(decode_text, values)], dtype=np.str_)
            columns[name] = values
    columns["neuroid_id"] = columns.pop("id", rows).astype(str)
    if "location" in columns:
        columns.setdefault("region", columns["location"])
    return columns


def _read_number(spikes: Any, names: tuple[str, ...]) -> float:
    """The first that is there of an attribute, or a data set, of these names; 0 without."""
    for name in names:
        for place in (spikes.attrs, spikes):
            if name in place:
                return float(np.asarray(place[name]))
    return 0.0
