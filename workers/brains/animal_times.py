"""An animal's solution times from a file: when it solved each image, and how well it did.

A table in CSV or an .npz archive, a row an image: `stimulus_id`; `object_name` (or the older
`image_label`), the object in it; `ost`, the animal's solution time in ms, empty or NaN for an
image that it does not solve; `i1`, the d' that is to be reached; and perhaps `challenge`, true for
an image that is hard for feedforward networks and false for a control image.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from space.documents.outside import printable
from space.errors import DataError
from workers.brains.archives import read_arrays
from workers.brains.assembly import list_names
from workers.brains.correlation import Floats
from workers.brains.stimuli import read_table

OLDER = {"stimulus_id": "image_id", "object_name": "image_label"}
YES, NO = {"1", "1.0", "true", "yes"}, {"0", "0.0", "false", "no"}


@dataclass(frozen=True, kw_only=True)
class AnimalTimes:
    """By image: its id and object, the animal's solution time (ms; NaN if it does not solve it),
    the d' to reach, and whether it is a challenge image (None if the file does not say).
    """

    stimuli: NDArray[np.str_]
    objects: NDArray[np.str_]
    times: Floats
    thresholds: Floats
    challenge: NDArray[np.bool_] | None
    source: str

    @property
    def groups(self) -> dict[str, NDArray[np.bool_] | None]:
        """The images that are scored together, by the group's name: which they are; None: all."""
        groups: dict[str, NDArray[np.bool_] | None] = {"all": None}
        if self.challenge is not None:
            groups |= {"control": ~self.challenge, "challenge": self.challenge}
        return groups


def read_times(path: Path) -> AnimalTimes:
    """An animal's solution times, by the file's ending. Raises DataError, with the columns there
    are, for a file that lacks one, has an id twice or something else than numbers.
    """
    source = printable(str(path))
    columns = _read_table(path) if path.suffix.lower() == ".csv" else _read_archive(path)
    for name, older in OLDER.items():
        if name not in columns and older in columns:
            columns[name] = columns[older]
    for name in ("stimulus_id", "object_name", "ost", "i1"):
        if name not in columns:
            raise DataError(source, f"has no column {name}", f"it has {list_names(columns)}")
    ids = columns["stimulus_id"].astype(str)
    if not len(ids):
        raise DataError(source, "has no rows", "give a row an image")
    unique, counts = np.unique(ids, return_counts=True)
    if len(unique) < len(ids):
        twice = f"has the stimulus {printable(str(unique[counts > 1][0]))} twice"
        raise DataError(source, twice, "give each image one row")
    challenge = columns.get("challenge")
    return AnimalTimes(
        stimuli=ids,
        objects=columns["object_name"].astype(str),
        times=_read_numbers(source, "ost", columns["ost"]),
        thresholds=_read_numbers(source, "i1", columns["i1"]),
        challenge=None if challenge is None else _read_truths(source, challenge),
        source=source,
    )


def _read_table(path: Path) -> dict[str, NDArray[Any]]:
    columns, rows = read_table(path)
    return {name: np.array([row[name] for row in rows], dtype=str) for name in columns}


def _read_archive(path: Path) -> dict[str, NDArray[Any]]:
    arrays = read_arrays(path)
    lengths = {name: list(values.shape) for name, values in arrays.items()}
    if len({tuple(shape) for shape in lengths.values()}) > 1 or any(
        len(shape) != 1 for shape in lengths.values()
    ):
        problem = f"has arrays of the shapes {_list_shapes(lengths)}"
        raise DataError(printable(str(path)), problem, "give each [images]")
    return arrays


def _list_shapes(shapes: Mapping[str, list[int]]) -> str:
    return ", ".join(f"{printable(name)} {shape}" for name, shape in sorted(shapes.items())[:8])


def _read_numbers(source: str, name: str, values: NDArray[Any]) -> Floats:
    if values.dtype.kind in "fiu":
        return values.astype(np.float64)
    numbers: Floats = np.full(len(values), np.nan)
    for place, text in enumerate(values.astype(str)):
        try:
            numbers[place] = float(text) if text.strip() else np.nan
        except ValueError:
            problem = f"{name} is {printable(str(text)[:40])!r} in row {place + 1}"
            raise DataError(source, problem, "give a number, or nothing") from None
    return numbers


def _read_truths(source: str, values: NDArray[Any]) -> NDArray[np.bool_]:
    texts = [str(value).strip().lower() for value in values.tolist()]
    for place, text in enumerate(texts):
        if text not in YES | NO:
            problem = f"challenge is {printable(text[:40])!r} in row {place + 1}"
            raise DataError(source, problem, "give true or false")
    return np.array([text in YES for text in texts])
