"""Making packs: a data set is decoded once, and nothing half written has a pack's name."""

import hashlib
import json
import math
import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from space.errors import DataError, VentralError
from workers import files
from workers.data.manifest import FORMAT, MANIFEST, STAMP, manifest_checksum, stamp_files
from workers.data.pack import Pack
from workers.data.specs import DataSpec, OutsideData
from workers.processors import usable_processors

if TYPE_CHECKING:  # decoding needs PIL, and a pack that is there does not
    from workers.data.source import Source, Split

CHUNK_BYTES = 4 << 20
Progress = Callable[[str, int, int], None]


def pack(
    spec: DataSpec,
    root: str | Path,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
    source: "Source | None" = None,
) -> Pack:
    """The pack of `spec` in the folder `root`, made if it is not there yet.

    The folder's name is a hash of the spec and of the source's files, so a changed source is
    another pack. Processes that ask for the same pack at once make it once. `workers` threads
    decode (default: one a usable core); `progress(split, done, total)` is called after every
    chunk. `source` is what `datasets.open_source(spec)` gave, if it was called already.
    Raises DataError for a bad source and VentralError for a full disk; nothing is left of either.
    """
    from workers.data import datasets, outside

    spec = outside.close_spec(spec) if isinstance(spec, OutsideData) else spec
    source = source or datasets.open_source(spec, workers or usable_processors())
    name = _name(spec, source.fingerprint)
    root = Path(root)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _hold_lock(root / f".{name}.lock"):
            if not (root / name).exists():
                with files.partial(root, name) as partial:
                    _write(partial, spec, source, progress or _ignore)
                    files.settle(partial)
                    _publish(partial, root / name)
                files.settle(root)
    except OSError as error:
        cure = "free some space there, or put VENTRAL_HOME elsewhere"
        raise VentralError(f"{root}: cannot write the pack ({error.strerror}); {cure}") from error
    return Pack.load(root / name)


def _ignore(split: str, done: int, total: int) -> None:
    """The default progress: nothing."""


def _name(spec: DataSpec, fingerprint: str) -> str:
    text = json.dumps([FORMAT, _identity(spec), fingerprint], sort_keys=True)
    name = re.sub(r"[^\w.-]", "-", spec.name)  # of another package's: package.module:Class
    return f"{name}-{spec.size}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _identity(spec: DataSpec) -> dict[str, Any]:
    """The spec without its path: the same images elsewhere are the same pack.

    Packs are known by this: a spec that asks for nothing new has to look as it always did.
    """
    document = spec.model_dump(mode="json", exclude={"path"})
    for key, before in (("background", "white"), ("validation", 0)):
        if document.get(key) == before:
            del document[key]
    return document


@contextmanager
def _hold_lock(file: Path) -> Iterator[None]:
    """Wait until no other process makes the same pack.

    A file system without locks is used as it is.
    """
    with ExitStack() as held:
        with suppress(OSError):  # both then write folders of their own, and the rename decides
            held.enter_context(files.hold_lock(file))
        yield


def _publish(partial: Path, final: Path) -> None:
    try:
        partial.rename(final)
    except OSError:
        if not final.exists():  # else another process was first, and its pack is as good
            raise


def _write(folder: Path, spec: DataSpec, source: "Source", progress: Progress) -> None:
    """The arrays chunk by chunk, then the manifest, then the stamp."""
    from workers.data.images import BrokenImages

    shape = (spec.size, spec.size, source.channels)
    histogram = np.zeros((source.channels, 256), dtype=np.int64)
    entries: dict[str, dict[str, Any]] = {}
    broken: list[tuple[str, str]] = []
    for name, split in source.splits.items():
        total = len(split.labels)
        if not total:
            raise DataError(spec.name, f"its {name} split is empty", "give it more images")
        with _ArrayFile(folder / f"{name}.images.npy", "|u1", (total, *shape)) as images:
            for end, chunk in _read_chunks(split, math.prod(shape), broken):
                if chunk is not None:
                    images.write(chunk)
                    if name == "train":
                        _count_values(chunk, histogram)
                progress(name, end, total)
        with _ArrayFile(folder / f"{name}.labels.npy", "<i8", (total,)) as labels:
            labels.write(split.labels)
        entries |= {images.path.name: images.entry(), labels.path.name: labels.entry()}
    if broken:
        raise BrokenImages.of(broken)
    manifest = _manifest(spec, source, _statistics(histogram), entries)
    files.write(folder / MANIFEST, json.dumps(manifest, indent=1).encode())
    files.write(folder / STAMP, json.dumps(stamp_files(folder, entries)).encode())


def _read_chunks(
    split: "Split", image_bytes: int, broken: list[tuple[str, str]]
) -> Iterator[tuple[int, NDArray[np.uint8] | None]]:
    """(images read so far, the images [n,H,W,C]) of a split, chunk by chunk.

    Images that cannot be used are added to `broken`. From the first of them on there are no more
    chunks (None), but the rest is decoded, so that all of them are named together.
    """
    from workers.data.images import BrokenImages

    step, total = max(64, CHUNK_BYTES // image_bytes), len(split.labels)
    for start in range(0, total, step):
        end = min(start + step, total)
        chunk = None
        try:
            chunk = split.read(np.arange(start, end))
        except BrokenImages as error:
            broken += error.images
        yield end, None if broken else chunk


def _count_values(chunk: NDArray[np.uint8], histogram: NDArray[np.int64]) -> None:
    """Add how often each value is in images [n,H,W,C] to a histogram [C,256]."""
    for channel, counts in enumerate(histogram):
        counts += np.bincount(chunk[..., channel].ravel(), minlength=256)


def _manifest(
    spec: DataSpec,
    source: "Source",
    statistics: tuple[list[float], list[float]],
    entries: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    """What the pack says of itself. Raises DataError for images of one colour."""
    mean, std = statistics
    if not any(std):
        problem = "all training images are of one and the same colour: nothing can be learned"
        raise DataError(spec.name, problem, "look at the images, or at how they were made")
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "spec": _identity(spec),
        "classes": list(source.classes),
        "size": spec.size,
        "channels": source.channels,
        "counts": {name: len(split.labels) for name, split in source.splits.items()},
        "mean": mean,
        "std": std,
        "files": entries,
    }
    return manifest | {"checksum": manifest_checksum(manifest)}


def _statistics(histogram: NDArray[np.int64]) -> tuple[list[float], list[float]]:
    """Mean and standard deviation by channel in 0..1, from how often [C,256] each value is there.

    Whole numbers up to the last division, so that the chunks' size does not show.
    """
    values, pixels = np.arange(256), histogram.sum(axis=1)
    mean = (histogram @ values) / pixels
    variance = np.maximum((histogram @ np.square(values)) / pixels - np.square(mean), 0)
    return (mean / 255).tolist(), (np.sqrt(variance) / 255).tolist()


class _ArrayFile:
    """An .npy file that is written in pieces and hashed on the way.

    Not a writable mapping: on a full disk that ends the process by a signal, and no error.
    """

    def __init__(self, path: Path, dtype: str, shape: tuple[int, ...]) -> None:
        self.path, self.dtype, self.shape = path, np.dtype(dtype), shape
        self._hash, self._bytes = hashlib.sha256(), 0
        self._file: BinaryIO = path.open("wb")

    def __enter__(self) -> "_ArrayFile":
        header = {"descr": self.dtype.str, "fortran_order": False, "shape": self.shape}
        np.lib.format.write_array_header_1_0(_Tee(self._put), header)
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        with self._file:
            if error is None:
                self._file.flush()
                os.fsync(self._file.fileno())

    def _put(self, data: bytes) -> int:
        self._file.write(data)
        self._hash.update(data)
        self._bytes += len(data)
        return len(data)

    def write(self, chunk: NDArray[Any]) -> None:
        """Append rows."""
        if chunk.shape[1:] != self.shape[1:]:
            raise ValueError(f"{self.path}: a chunk of {chunk.shape} in {self.shape}")
        self._put(np.ascontiguousarray(chunk, dtype=self.dtype).tobytes())

    def entry(self) -> dict[str, Any]:
        """The file's entry in the manifest."""
        return {"bytes": self._bytes, "sha256": self._hash.hexdigest()}


@dataclass(frozen=True)
class _Tee:
    """As much of a file as numpy's header writer asks for."""

    write: Callable[[bytes], int]
