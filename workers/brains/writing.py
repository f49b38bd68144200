"""Recordings as files: what workers/brains/reading.py reads again."""

import io
from pathlib import Path
from typing import Any

import numpy as np

from space.documents.outside import printable
from space.errors import DataError
from workers import files
from workers.brains.assembly import DIMENSIONS, Assembly

NAME = "data"
"""What Brain-Score calls the array of a compressed file."""


def write_assembly(path: Path, assembly: Assembly) -> None:
    """Write a recording, by its file's ending: netCDF-4 as Brain-Score has it, or NumPy's .npz.

    Raises DataError for another ending, OSError where it cannot be written.
    """
    check_ending(path)
    write = _write_netcdf if path.suffix.lower() == ".nc" else _write_npz
    with files.partial(path.absolute().parent, path.name) as folder:
        made = folder / path.name
        write(made, assembly)
        made.replace(path)


def check_ending(path: Path) -> None:
    """Raises DataError for a file whose ending is of no kind that can be written."""
    if path.suffix.lower() not in (".nc", ".npz"):
        problem = f"is of a kind that is not written ({path.suffix!r})"
        raise DataError(printable(str(path)), problem, "write .nc or .npz")


def _write_npz(path: Path, assembly: Assembly) -> None:
    arrays: dict[str, Any] = {
        **assembly.presentations,
        **assembly.neurons,
        **assembly.bins,
        "responses": assembly.values if assembly.bins else assembly.values[:, :, 0],
    }
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    files.write(path, stream.getvalue())


def _write_netcdf(path: Path, assembly: Assembly) -> None:
    import xarray

    along = zip(DIMENSIONS, (assembly.presentations, assembly.neurons, assembly.bins), strict=True)
    coordinates = {
        name: (dimension, values) for dimension, named in along for name, values in named.items()
    }
    timed = bool(assembly.bins)
    values = assembly.values if timed else assembly.values[:, :, 0]
    array = xarray.DataArray(values, coordinates, DIMENSIONS if timed else DIMENSIONS[:2])
    encoding = {NAME: {"zlib": True, "complevel": 4}}
    array.to_dataset(name=NAME).to_netcdf(path, engine="h5netcdf", encoding=encoding)
