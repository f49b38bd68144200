"""Recordings by the suffix of their file, and what is said of one."""

from pathlib import Path
from typing import Any

import numpy as np

from space.documents.outside import printable
from space.errors import DataError
from workers.brains.archives import read_npz
from workers.brains.assembly import Assembly
from workers.brains.netcdf import read_netcdf
from workers.brains.nwb import read_nwb

READERS = {".nc": read_netcdf, ".h5": read_netcdf, ".nwb": read_nwb, ".npz": read_npz}


def read_assembly(path: Path) -> Assembly:
    """A recording from a file. Raises DataError for an unknown suffix and for what the reader of
    its format refuses.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        cure = "give netCDF-4 of Brain-Score (.nc), NWB (.nwb) or NumPy's .npz"
        raise DataError(printable(str(path)), f"is of an unknown kind ({path.suffix!r})", cure)
    return reader(path)


def describe_assembly(assembly: Assembly) -> dict[str, Any]:
    """What `ventral brain describe` says of a recording, in JSON's types."""
    _, shown = np.unique(assembly.stimulus_ids, return_counts=True)
    missing = np.isnan(assembly.values)
    return {
        "file": assembly.source,
        "format": assembly.form,
        "presentations": len(assembly.values),
        "stimuli": len(shown),
        "fewest_repetitions": int(shown.min()),
        "most_repetitions": int(shown.max()),
        "neurons": assembly.values.shape[1],
        "areas": assembly.areas,
        "bins": [name for name in assembly.bin_names if name is not None],
        "missing": float(missing.mean()),
        "coordinates": {
            "presentation": sorted(assembly.presentations),
            "neuroid": sorted(assembly.neurons),
            "time_bin": sorted(assembly.bins),
        },
    }
