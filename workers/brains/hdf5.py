"""HDF5 files that other programs wrote: texts in them, and one error for whatever is damaged."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from space.documents.outside import open_regular, printable
from space.errors import DataError


@contextmanager
def refuse_damage(path: Path, form: str) -> Iterator[None]:
    """Within it a regular file is read; raises DataError for what h5py raises of a damaged one.

    form: what the file was to be, for the error.
    """
    with open_regular(path, DataError):
        pass
    try:
        yield
    except DataError:
        raise
    except Exception as problem:  # noqa: BLE001  (h5py, h5netcdf and xarray raise anything)
        reason = printable(str(problem).partition("\n")[0][:200])
        raise DataError(printable(str(path)), f"cannot be read as {form} ({reason})") from None


def decode_text(value: object) -> str:
    """A text, or what else stands in its place, as text: HDF5 has bytes."""
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)
