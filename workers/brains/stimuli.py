"""Stimulus sets: a table in CSV, and the images of its rows in a folder or a zip file.

The table has `stimulus_id` (or the older `image_id`), unique, and `filename`, and other columns.
Source: brainscore_core, `supported_data_standards/brainio/stimuli.py`. A file name leads nowhere
but into the folder or the archive, and no image is larger than `LARGEST_IMAGE`.
"""

import csv
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from space.documents.outside import open_regular, printable, read_bytes, read_text
from space.errors import DataError
from workers.brains.assembly import list_names

LARGEST_TABLE = 256 << 20
LARGEST_IMAGE = 64 << 20
"""Bytes of a file, and of a member of an archive once it is inflated."""


@dataclass(frozen=True)
class StimulusSet:
    """Rows of a table by stimulus id, in the table's order, and where their images are."""

    rows: Mapping[str, Mapping[str, str]]
    images: Path | None

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(next(iter(self.rows.values())))

    def read_image(self, stimulus: str) -> bytes:
        """The bytes of a stimulus' image file. Raises DataError if it is missing, too large, or
        outside the folder or archive.
        """
        if self.images is None:
            raise DataError("images", "are not given", "name the folder or the zip file of them")
        name = self.rows[stimulus]["filename"]
        check_name(name)
        if self.images.is_dir():
            path = self.images / name
            if not path.resolve().is_relative_to(self.images.resolve()):
                problem = "leads out of the folder of images"
                raise DataError(printable(str(path)), problem, "copy the image into the folder")
            return read_bytes(path, LARGEST_IMAGE, DataError)
        source = printable(f"{self.images}: {name}")
        try:
            return _read_member(self._archive, name, source)
        except DataError:
            raise
        except Exception as error:  # noqa: BLE001  (zipfile raises anything for damage)
            reason = printable(str(error)[:200]) or type(error).__name__
            raise DataError(source, f"cannot be read ({reason})", "get the archive anew") from None

    @cached_property
    def _archive(self) -> zipfile.ZipFile:
        """The archive of images, opened once: to list its members takes as long as many images."""
        assert self.images is not None
        with open_regular(self.images, DataError):
            pass
        return zipfile.ZipFile(self.images)


def read_stimuli(table: Path, images: Path | None = None) -> StimulusSet:
    """The stimulus set of a CSV table. Raises DataError, with the columns there are, for a table
    without ids or file names, with an id twice, or with a file name that leads elsewhere.
    """
    source = printable(str(table))
    columns, written = read_table(table)
    if "stimulus_id" not in columns and "image_id" in columns:
        for row in written:
            row["stimulus_id"] = row["image_id"]
        columns.append("stimulus_id")
    for name in ("stimulus_id", "filename"):
        if name not in columns:
            raise DataError(source, f"has no column {name}", f"it has {list_names(columns)}")
    if not written:
        raise DataError(source, "has no rows", "give a row a stimulus")
    rows: dict[str, dict[str, str]] = {}
    for row in written:
        if row["stimulus_id"] in rows:
            twice = f"has the stimulus {printable(row['stimulus_id'])} twice"
            raise DataError(source, twice, "give each row an id of its own")
        check_name(row["filename"])
        rows[row["stimulus_id"]] = row
    return StimulusSet(rows, images)


def read_table(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """The columns of a CSV table and its rows, "" for what a row lacks. Raises DataError."""
    text = read_text(path, LARGEST_TABLE, DataError)
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        columns = [name for name in reader.fieldnames or [] if name]
        return columns, [{key: row.get(key) or "" for key in columns} for row in reader]
    except csv.Error as problem:
        source = printable(str(path))
        raise DataError(source, f"is not CSV ({problem})", "write it with a header") from None


def check_name(name: str) -> None:
    """Raises DataError for a file name that is absolute, empty or leads upwards."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    drive = bool(parts) and parts[0].endswith(":")
    if not parts or parts[0] == "/" or ".." in parts or drive or "\0" in name:
        cure = "give a name inside the folder of images"
        raise DataError("filename", f"{printable(name)!r} leads elsewhere", cure)


def _read_member(archive: zipfile.ZipFile, name: str, source: str) -> bytes:
    try:
        info = archive.getinfo(name)
    except KeyError:
        raise DataError(source, "is not in the archive", "name the archive it is in") from None
    if info.file_size > LARGEST_IMAGE:
        problem = f"inflates to {info.file_size:,} bytes, more than {LARGEST_IMAGE:,}"
        raise DataError(source, problem, "give a smaller image")
    with archive.open(info) as member:
        return member.read(LARGEST_IMAGE)
