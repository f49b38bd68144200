"""NumPy archives of texts and numbers: recordings and features that other programs wrote."""

import zipfile
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from space.documents.outside import open_regular, printable
from space.errors import DataError
from workers.arrays import read_values
from workers.brains.assembly import Assembly, list_names, make_assembly

LARGEST = 64 << 30
"""How many bytes the arrays of an archive may take together."""

COORDINATES = {
    "presentation": ("stimulus_id", "image_id", "repetition", "object_name", "image_label"),
    "neuroid": ("neuroid_id", "region", "subregion", "animal", "reliability"),
    "time_bin": ("time_bin_start", "time_bin_end"),
}
"""The coordinates that an archive may have, by dimension."""


def read_npz(path: Path) -> Assembly:
    """An archive as an assembly: `responses` [presentations, neurons] or [presentations, neurons,
    bins], and arrays of the names in `COORDINATES`. Raises DataError for what is none.
    """
    arrays = read_arrays(path)
    source = printable(str(path))
    responses = arrays.pop("responses", None)
    if responses is None or responses.ndim not in (2, 3):
        shape = "none" if responses is None else list(responses.shape)
        cure = f"give [presentations, neurons, bins]; there are {list_names(arrays)}"
        raise DataError(source, f"responses: {shape}", cure)
    coordinates: dict[str, dict[str, NDArray[Any]]] = {name: {} for name in COORDINATES}
    for name, values in arrays.items():
        place = next((i for i, known in enumerate(COORDINATES.values()) if name in known), None)
        if place is None:
            known = ", ".join(name for names in COORDINATES.values() for name in names)
            cure = f"rename it; responses and these are read: {known}"
            raise DataError(source, f"has an array {printable(name)}", cure)
        if place < responses.ndim:
            coordinates[[*COORDINATES][place]][name] = values
    return make_assembly(source, "npz", responses, coordinates)


def read_arrays(path: Path, limit: int = LARGEST) -> dict[str, NDArray[Any]]:
    """Every array of an .npz file by name: numbers and texts of at most `limit` bytes together.

    No pickle is read. Raises DataError if it is no such file or is damaged.
    """
    source = printable(str(path))
    with open_regular(path, DataError) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                members = archive.infolist()
                if (total := sum(info.file_size for info in members)) > limit:
                    problem = f"inflates to {total:,} bytes, more than {limit:,}"
                    raise DataError(source, problem, "give a smaller file")
                arrays: dict[str, NDArray[Any]] = {}
                for info in members:
                    with archive.open(info) as member:
                        name = info.filename.removesuffix(".npy")
                        arrays[name] = read_values(member, info.file_size)
                return arrays
        except DataError:
            raise
        except Exception as error:  # noqa: BLE001  (zipfile and NumPy raise anything for damage)
            reason = printable(str(error)[:200]) or type(error).__name__
            problem = f"cannot be read as an archive of arrays ({reason})"
            raise DataError(source, problem, "write it by np.savez") from None
