"""Packs: a data set decoded and resized once, for every trial of a node to map into memory.

A pack is a folder: for each split `SPLIT.images.npy` (uint8 [N,H,W,C]) and `SPLIT.labels.npy`
(int64 [N]), and `manifest.json` with the classes, the statistics of the training split and the
SHA-256 of every file. Its checksum is a hash of the manifest, so equal checksums mean equal
images on any machine. Nothing half written is ever seen under a pack's name.
"""

import fcntl
import hashlib
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, model_validator

from space.documents.bounds import PIXELS, RECORD
from space.documents.files import parse_json
from space.documents.outside import read_bytes
from space.documents.validation import Value, parse
from space.errors import DataError, InputError, VentralError
from workers import files
from workers.arrays import map_array
from workers.job import DataSpec, PackRef
from workers.processors import usable_processors

if TYPE_CHECKING:  # decoding needs PIL, and a pack that is there does not
    from workers.data import datasets

FORMAT = 1
MANIFEST, STAMP = "manifest.json", "verified.json"
CHUNK_BYTES = 4 << 20
SplitName = Literal["train", "test"]
Progress = Callable[[str, int, int], None]
_MANIFEST_BYTES = 64 << 20


class File(Value):
    """Size and hash of one of a pack's files."""

    bytes: int = Field(ge=1)
    sha256: str


class Manifest(Value):
    """What a pack says of itself; `checksum` is a hash of all the rest, unknown keys included."""

    model_config = ConfigDict(extra="ignore")

    format: int
    spec: dict[str, Any]
    classes: Annotated[tuple[str, ...], Field(min_length=1)]
    size: int = Field(ge=1, le=PIXELS)
    channels: Literal[1, 3]
    counts: dict[SplitName, Annotated[int, Field(ge=1)]]
    mean: tuple[float, ...]
    std: tuple[Annotated[float, Field(ge=0)], ...]
    files: dict[str, File]
    checksum: str

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if len(self.mean) != self.channels or len(self.std) != self.channels:
            raise InputError("mean", f"not one mean and std for each of {self.channels} channels")
        if set(self.counts) != set(get_args(SplitName)):
            raise InputError("counts", f"names the splits {', '.join(self.counts)}")
        names = {f"{split}.{what}.npy" for split in self.counts for what in ("images", "labels")}
        if set(self.files) != names:
            raise InputError("files", f"not {', '.join(sorted(names))}")
        return self


@dataclass(frozen=True)
class Pack:
    """A pack on the disk, opened. Arrays are mapped, not read, so opening one costs nothing."""

    path: Path
    manifest: Manifest

    @classmethod
    def load(
        cls, path: str | Path, checksum: str | None = None, *, verify: bool = False
    ) -> "Pack":
        """The pack in the folder `path`.

        Sizes are always compared with the manifest; contents where a file's time or size is not
        what it was when last read through, or with `verify`. Raises DataError that names what was
        altered, or if the checksum is not the one that the caller expects.
        """
        pack = cls(path=Path(path), manifest=_read_manifest(Path(path)))
        if checksum is not None and checksum != pack.checksum:
            problem = f"holds other images (checksum {pack.checksum[:12]}, not {checksum[:12]})"
            raise DataError(str(path), problem, "pack the data again from the same files")
        _verify(pack.path, pack.manifest.files, always=verify)
        for split in pack.manifest.counts:
            pack.images(split)  # an array that is not of the manifest's shape is found here
        return pack

    def images(self, split: SplitName) -> NDArray[np.uint8]:
        """[N,H,W,C], mapped read-only."""
        return np.asanyarray(self._images[split])

    def labels(self, split: SplitName) -> NDArray[np.int64]:
        """[N], each an index into `classes`. Raises DataError for one that is none."""
        return np.asarray(self._labels[split])

    @cached_property
    def _images(self) -> dict[SplitName, NDArray[Any]]:
        sides = (self.size, self.size, self.channels)
        return {
            split: self._mapped(f"{split}.images.npy", "|u1", (count, *sides))
            for split, count in self.manifest.counts.items()
        }

    @cached_property
    def _labels(self) -> dict[SplitName, NDArray[Any]]:
        found: dict[SplitName, NDArray[Any]] = {}
        for split, count in self.manifest.counts.items():
            name = f"{split}.labels.npy"
            found[split] = labels = self._mapped(name, "<i8", (count,))
            if labels.min() < 0 or labels.max() >= len(self.classes):
                problem = f"holds labels that are none of its {len(self.classes)} classes"
                raise _altered(self.path / name, problem)
        return found

    def _mapped(self, name: str, dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
        cure = f"delete {self.path} and pack the data again"
        return map_array(self.path / name, dtype=dtype, shape=shape, error=DataError, cure=cure)

    def count(self, split: SplitName) -> int:
        """The number of images in a split."""
        return self.manifest.counts[split]

    @property
    def ref(self) -> PackRef:
        """What a job needs to find this pack again."""
        return PackRef(path=str(self.path.resolve()), checksum=self.checksum)

    @property
    def checksum(self) -> str:
        """The hash of the manifest, and through it of every image."""
        return self.manifest.checksum

    @property
    def spec(self) -> dict[str, Any]:
        """The written form of the DataSpec that this was packed from."""
        return dict(self.manifest.spec)

    @property
    def classes(self) -> list[str]:
        """The names of the classes, in the order of the labels."""
        return list(self.manifest.classes)

    @cached_property
    def guess(self) -> float:
        """Top-1 on the test split of the best constant answer: its most frequent class."""
        labels = self.labels("test")
        return float(np.bincount(labels).max() / len(labels))

    @property
    def size(self) -> int:
        """The images' height and width in pixels."""
        return self.manifest.size

    @property
    def channels(self) -> int:
        """1 (grey) or 3 (red, green, blue)."""
        return self.manifest.channels

    @property
    def mean(self) -> list[float]:
        """The training split's mean by channel, black 0 to white 1."""
        return list(self.manifest.mean)

    @property
    def std(self) -> list[float]:
        """The training split's standard deviation by channel, black 0 to white 1."""
        return list(self.manifest.std)


def pack(
    spec: DataSpec,
    root: str | Path,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
    source: "datasets.Source | None" = None,
) -> Pack:
    """The pack of `spec` in the folder `root`, made if it is not there yet.

    The folder's name is a hash of the spec and of the source's files, so a changed source is
    another pack. Processes that ask for the same pack at once make it once. `workers` threads
    decode (default: one a usable core); `progress(split, done, total)` is called after every
    chunk. `source` is what `datasets.open_source(spec)` gave, if it was called already.
    Raises DataError for a bad source and VentralError for a full disk; nothing is left of either.
    """
    from workers.data import datasets

    source = source or datasets.open_source(spec, workers or usable_processors())
    name = _name(spec, source.fingerprint)
    root = Path(root)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _alone(root / f".{name}.lock"):
            if not (root / name).exists():
                with files.partial(root, name) as partial:
                    _write(partial, spec, source, progress or (lambda split, done, total: None))
                    files.settle(partial)
                    _publish(partial, root / name)
                files.settle(root)
    except OSError as error:
        cure = "free some space there, or put VENTRAL_HOME elsewhere"
        raise VentralError(f"{root}: cannot write the pack ({error.strerror}); {cure}") from error
    return Pack.load(root / name)


def _name(spec: DataSpec, fingerprint: str) -> str:
    written = json.dumps([FORMAT, _written(spec), fingerprint], sort_keys=True)
    return f"{spec.name}-{spec.size}-{hashlib.sha256(written.encode()).hexdigest()[:12]}"


def _written(spec: DataSpec) -> dict[str, Any]:
    """The spec without its path: the same images elsewhere are the same pack.

    Packs are known by this: a spec that asks for nothing new has to look as it always did.
    """
    written = spec.model_dump(mode="json", exclude={"path"})
    if written.get("background") == "white":
        del written["background"]
    return written


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Wait until no other process packs the same; a file system without locks is used as it is."""
    with lock.open("w") as file:
        with suppress(OSError):  # both then write folders of their own, and the rename decides
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _publish(partial: Path, final: Path) -> None:
    try:
        partial.rename(final)
    except OSError:
        if not final.exists():  # else another process was first, and its pack is as good
            raise


def _write(folder: Path, spec: DataSpec, source: "datasets.Source", progress: Progress) -> None:
    """The arrays chunk by chunk, then the manifest, then the stamp."""
    from workers.data.images import BrokenImages

    shape = (spec.size, spec.size, source.channels)
    step = max(64, CHUNK_BYTES // math.prod(shape))
    histogram = np.zeros((source.channels, 256), dtype=np.int64)
    counts: dict[str, int] = {}
    made: dict[str, dict[str, Any]] = {}
    broken: list[tuple[str, str]] = []
    for name, split in source.splits.items():
        counts[name] = total = len(split.labels)
        if not total:
            raise DataError(spec.name, f"its {name} split is empty", "give it more images")
        with _ArrayFile(folder / f"{name}.images.npy", "|u1", (total, *shape)) as images:
            for start in range(0, total, step):
                try:
                    chunk = split.read(np.arange(start, min(start + step, total)))
                except BrokenImages as error:
                    broken += error.images  # the rest is decoded to name all of them
                    chunk = None
                if chunk is not None and not broken:
                    images.write(chunk)
                    if name == "train":
                        for channel, counted in enumerate(histogram):
                            counted += np.bincount(chunk[..., channel].ravel(), minlength=256)
                progress(name, min(start + step, total), total)
        with _ArrayFile(folder / f"{name}.labels.npy", "<i8", (total,)) as labels:
            labels.write(split.labels)
        made |= {images.path.name: images.entry(), labels.path.name: labels.entry()}
    if broken:
        raise BrokenImages.of(broken)
    mean, std = _statistics(histogram)
    if not any(std):
        problem = "all training images are of one and the same colour: nothing can be learned"
        raise DataError(spec.name, problem, "look at the images, or at how they were made")
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "spec": _written(spec),
        "classes": list(source.classes),
        "size": spec.size,
        "channels": source.channels,
        "counts": counts,
        "mean": mean,
        "std": std,
        "files": made,
    }
    manifest["checksum"] = _digest(manifest)
    files.write(folder / MANIFEST, json.dumps(manifest, indent=1).encode())
    files.write(folder / STAMP, json.dumps(_stamp(folder, made)).encode())


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

    def __enter__(self) -> "_ArrayFile":
        self._file: BinaryIO = self.path.open("wb")
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
        if chunk.shape[1:] != self.shape[1:]:
            raise ValueError(f"{self.path}: a chunk of {chunk.shape} in {self.shape}")
        self._put(np.ascontiguousarray(chunk, dtype=self.dtype).tobytes())

    def entry(self) -> dict[str, Any]:
        return {"bytes": self._bytes, "sha256": self._hash.hexdigest()}


@dataclass(frozen=True)
class _Tee:
    """As much of a file as numpy's header writer asks for."""

    write: Callable[[bytes], int]


def _read_manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    if not path.exists():
        raise DataError(str(folder), "holds no pack", "make one with `ventral data pack`")
    try:
        document = parse_json(read_bytes(path, _MANIFEST_BYTES), "", nodes=RECORD)
        if not isinstance(document, dict):
            raise InputError("", "is no mapping")
        version = document.get("format")
        if type(version) is int and version != FORMAT:
            problem = f"is of format {version}, this version of Ventral reads {FORMAT}"
            raise DataError(str(folder), problem, "pack the data again")
        manifest = parse(Manifest, document, nodes=RECORD)
    except DataError:
        raise
    except InputError as error:
        where = "" if error.where == str(path) else f"{error.where}: "
        raise _altered(path, f"cannot be read ({where.lstrip(': ')}{error.problem})") from None
    if manifest.checksum != _digest({k: v for k, v in document.items() if k != "checksum"}):
        raise _altered(path, "was altered after it was packed")
    return manifest


def find(root: Path, checksum: str) -> Pack | None:
    """The pack of this checksum in the folder `root`, if it is there.

    Raises DataError if it is, and was altered.
    """
    for manifest in sorted(root.glob(f"*/{MANIFEST}")):
        try:
            found = _read_manifest(manifest.parent).checksum
        except DataError:  # another pack's damage is not the caller's concern
            continue
        if found == checksum:
            return Pack.load(manifest.parent, checksum)
    return None


def _verify(folder: Path, expected: Mapping[str, File], *, always: bool) -> None:
    for name, entry in expected.items():
        path = folder / name
        try:
            size = path.stat().st_size
        except OSError as error:
            raise _altered(path, f"cannot be read ({error.strerror})") from error
        if size != entry.bytes:
            raise _altered(path, f"has {size} bytes where {entry.bytes} were packed")
    stamp = _stamp(folder, expected)
    if not always and _read_stamp(folder) == stamp:
        return
    for name, entry in expected.items():
        if files.sha256(folder / name) != entry.sha256:
            raise _altered(folder / name, "was altered after it was packed")
    try:
        with files.partial(folder, "stamp") as partial:
            files.write(partial / STAMP, json.dumps(stamp).encode())
            (partial / STAMP).replace(folder / STAMP)
    except OSError:
        pass  # a folder that cannot be written is read through each time


def _stamp(folder: Path, names: Mapping[str, Any]) -> dict[str, list[int]]:
    """Size and time of the files as they were when last found good."""
    status = {name: (folder / name).stat() for name in names}
    return {name: [found.st_size, found.st_mtime_ns] for name, found in status.items()}


def _read_stamp(folder: Path) -> object:
    try:
        return parse_json(read_bytes(folder / STAMP, _MANIFEST_BYTES), STAMP)
    except InputError:
        return None


def _altered(path: Path, problem: str) -> DataError:
    return DataError(str(path), problem, f"delete {path.parent} and pack the data again")


def _digest(manifest: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
