"""A pack's manifest, and whether the pack's files are still those of the manifest.

The checksum is a hash of the manifest, which holds the SHA-256 of every file. A stamp keeps the
size and the time of the files as they were when last read through.
"""

import contextlib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from space.documents.bounds import IMAGE_CHANNELS, PIXELS, RECORD
from space.documents.files import parse_json
from space.documents.outside import read_bytes
from space.documents.validation import Value, parse
from space.errors import DataError, InputError
from workers import files
from workers.job import ScoredSplit

FORMAT = 1
MANIFEST, STAMP = "manifest.json", "verified.json"
SplitName = Literal["train", "validation", "test"]
MANIFEST_BYTES = 64 << 20


class File(Value):
    """Size and hash of one of a pack's files."""

    bytes: int = Field(ge=1)
    sha256: str


class Manifest(Value):
    """The contents of a pack; `checksum` is a hash of all the rest, unknown keys included."""

    model_config = ConfigDict(extra="ignore")

    format: int
    spec: dict[str, Any]
    classes: Annotated[tuple[str, ...], Field(min_length=1)]
    size: int = Field(ge=1, le=PIXELS)
    channels: int = Field(ge=1, le=IMAGE_CHANNELS)
    counts: dict[SplitName, Annotated[int, Field(ge=1)]]
    mean: tuple[float, ...]
    std: tuple[Annotated[float, Field(ge=0)], ...]
    files: dict[str, File]
    checksum: str

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if len(self.mean) != self.channels or len(self.std) != self.channels:
            raise InputError("mean", f"not one mean and std for each of {self.channels} channels")
        if not {"train", "test"} <= set(self.counts):
            raise InputError("counts", f"names the splits {', '.join(self.counts)}")
        names = {f"{split}.{what}.npy" for split in self.counts for what in ("images", "labels")}
        if set(self.files) != names:
            raise InputError("files", f"not {', '.join(sorted(names))}")
        return self

    def scored(self, wanted: ScoredSplit) -> ScoredSplit:
        """The split of the scores of a recipe that wants `wanted` (Recipe.score_on)."""
        return wanted if wanted in self.counts else "test"


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a pack's folder. Raises DataError if it is missing or was altered."""
    path = folder / MANIFEST
    if not path.exists():
        raise DataError(str(folder), "holds no pack", "make one with `ventral data pack`")
    try:
        document = parse_json(read_bytes(path, MANIFEST_BYTES), "", nodes=RECORD)
        if not isinstance(document, dict):
            raise InputError("", "is not a mapping")
        version = document.get("format")
        if type(version) is int and version != FORMAT:
            problem = f"is of format {version}, this version of Ventral reads {FORMAT}"
            raise DataError(str(folder), problem, "pack the data again")
        manifest = parse(Manifest, document, nodes=RECORD)
    except DataError:
        raise
    except InputError as error:
        where = "" if error.where == str(path) else f"{error.where}: "
        raise alteration(path, f"cannot be read ({where.lstrip(': ')}{error.problem})") from None
    rest = {key: value for key, value in document.items() if key != "checksum"}
    if manifest.checksum != manifest_checksum(rest):
        raise alteration(path, "was altered after it was packed")
    return manifest


def verify_files(folder: Path, expected: Mapping[str, File], *, always: bool) -> None:
    """Compare the files of a pack with its manifest. Raises DataError that names the file.

    Sizes are always compared; contents with `always`, or where the stamp does not fit the files.
    """
    check_sizes(folder, expected)
    current = stamp_files(folder, expected)
    if not always and _read_stamp(folder) == current:
        return
    for name, entry in expected.items():
        if files.sha256(folder / name) != entry.sha256:
            raise alteration(folder / name, "was altered after it was packed")
    with contextlib.suppress(OSError):  # a folder that cannot be written is read through each time
        files.replace(folder / STAMP, json.dumps(current).encode())


def check_sizes(folder: Path, expected: Mapping[str, File]) -> None:
    """Compare the sizes of a pack's files with its manifest. Raises DataError for the first."""
    for name, entry in expected.items():
        path = folder / name
        try:
            size = path.stat().st_size
        except OSError as error:
            raise alteration(path, f"cannot be read ({error.strerror})") from error
        if size != entry.bytes:
            raise alteration(path, f"has {size} bytes where {entry.bytes} were packed")


def stamp_files(folder: Path, names: Mapping[str, Any]) -> dict[str, list[int]]:
    """Size and time of the files as they were when last found good."""
    status = {name: (folder / name).stat() for name in names}
    return {name: [entry.st_size, entry.st_mtime_ns] for name, entry in status.items()}


def _read_stamp(folder: Path) -> object:
    try:
        return parse_json(read_bytes(folder / STAMP, MANIFEST_BYTES), STAMP)
    except InputError:
        return None


def alteration(path: Path, problem: str) -> DataError:
    """The error for a pack's file that is not what was packed."""
    return DataError(str(path), problem, f"delete {path.parent} and pack the data again")


def manifest_checksum(manifest: Mapping[str, Any]) -> str:
    """The hash of a manifest, given without its own `checksum`."""
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
