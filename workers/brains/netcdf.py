"""Assemblies of Brain-Score: netCDF-4 files with one array and its coordinates.

On disk an array has no index (xarray cannot write a multi-index to netCDF, so that the writer
takes it apart), and several writers left several variants. All are read alike: the array is called
`data` (compressed) or `__xarray_dataarray_variable__`; it has time bins or not; a coordinate of
the name of its dimension has an underscore behind it; attributes may be missing, also the one that
says which variables are coordinates. Source: brainscore_core,
`supported_data_standards/brainio/packaging.py` and `assemblies.py`.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from space.documents.outside import printable
from space.errors import DataError
from workers.brains.assembly import DIMENSIONS, Assembly, list_names, make_assembly
from workers.brains.hdf5 import decode_text, refuse_damage

NAMES = ("data", "__xarray_dataarray_variable__")


def read_netcdf(path: Path) -> Assembly:
    """The assembly in the file's root group. Raises DataError for a file that holds none."""
    import xarray

    source = printable(str(path))
    options: Any = {"engine": "h5netcdf", "decode_times": False, "decode_timedelta": False}
    with refuse_damage(path, "netCDF-4"), xarray.open_dataset(path, **options) as dataset:
        array = _find_array(source, dataset)
        values = np.asarray(array.values)
        coordinates: dict[str, dict[str, NDArray[Any]]] = {name: {} for name in array.dims}
        for name, variable in dataset.variables.items():
            if name != array.name and len(variable.dims) == 1:
                along = coordinates.get(variable.dims[0])
                if along is not None:
                    along[str(name)] = _read_coordinate(variable)
    for along in coordinates.values():
        for name in [name for name in along if name.endswith("_")]:
            along.setdefault(name.rstrip("_"), along[name])
            del along[name]
    return make_assembly(source, "netCDF", values, coordinates)


def _find_array(source: str, dataset: Any) -> Any:
    """The dataset's one array, its dimensions in our order."""
    names = [name for name in NAMES if name in dataset.variables]
    if not names:
        names = [name for name, array in dataset.variables.items() if array.ndim > 1]
    if len(names) != 1:
        problem = f"holds {len(names)} arrays of more than one dimension"
        cure = f"give one, called {NAMES[0]}; there are {list_names(dataset.variables)}"
        raise DataError(source, problem, cure)
    array = dataset[names[0]]
    wanted = [name for name in DIMENSIONS if name in array.dims]
    if set(array.dims) != set(wanted) or wanted[:2] != [*DIMENSIONS[:2]]:
        cure = "an assembly has presentation and neuroid, and may have time_bin"
        raise DataError(source, f"has the dimensions {list_names(array.dims)}", cure)
    return array.transpose(*wanted)


def _read_coordinate(variable: Any) -> NDArray[Any]:
    values = np.asarray(variable.values)
    if values.dtype.kind in "OS":
        return np.array([_read_text(value) for value in values], dtype=np.str_)
    return values


def _read_text(value: object) -> str:
    return "" if value is None or value != value else decode_text(value)
