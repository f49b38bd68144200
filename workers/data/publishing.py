"""Packs at a storage: published once, and fetched once a machine.

A pack is `packs/CHECKSUM/` there: its arrays, and last its manifest, which makes it whole. What is
fetched is compared with the hashes of the manifest, and that with the checksum that was asked for.
"""

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from space.errors import DataError, UnreachableError
from workers import files
from workers.data.manifest import (
    MANIFEST,
    MANIFEST_BYTES,
    STAMP,
    File,
    Manifest,
    read_manifest,
    stamp_files,
)
from workers.data.pack import Pack
from workers.job import PackRef
from workers.storage.cache import ensure_cache
from workers.storage.opening import open_storage
from workers.storage.places import join, local_folder
from workers.storage.protocol import Storage

if TYPE_CHECKING:
    from workers.data.packing import Progress

PACKS = "packs"
"""Where packs are, below a storage and below a machine's cache."""

TRIES = 4
"""How often the fetching of a file goes on after its connection broke, before it is given up."""

PIECE = 4 << 20  # bytes read at a time


def publish_pack(
    pack: Pack, storage: str, progress: "Progress" = lambda _name, _done, _total: None
) -> str:
    """Put a pack at a storage, unless it is there; returns the URL of its own place.

    `progress(name, files done, files)` is called after each file. Interrupted and called again, it
    goes on with the files that are missing. Raises OSError, StorageError.
    """
    place = join(storage, PACKS, pack.checksum)
    there = open_storage(place)
    known = {entry.key: entry.bytes for entry in there.list()}
    if MANIFEST in known:
        return place
    names = [*pack.manifest.files, MANIFEST]
    for done, name in enumerate(names, start=1):
        entry = pack.manifest.files.get(name)
        if entry is None or known.get(name) != entry.bytes:
            there.upload(name, pack.path / name)
        progress(name, done, len(names))
    return place


def open_pack(ref: PackRef) -> Pack:
    """The pack of a job: on this machine's disk, or fetched into its cache.

    Raises DataError if it is not there or was altered, OSError, StorageError.
    """
    if ref.url is None or _is_here(ref):
        return Pack.load(ref.path, ref.checksum)
    return _open_published(ref.url, ref.checksum)


def find_published(storage: str, checksum: str) -> Pack | None:
    """The pack of a checksum at a storage, fetched unless it is on this machine; None if it is
    not there. Raises DataError if it was altered, OSError, StorageError.
    """
    place = join(storage, PACKS, checksum)
    if not any(entry.key == MANIFEST for entry in open_storage(place).list()):
        return None
    return _open_published(place, checksum)


def _open_published(url: str, checksum: str) -> Pack:
    """The pack at a URL, read there if that is a folder's, else fetched into the cache."""
    folder = local_folder(url)
    if folder is not None:
        return Pack.load(folder, checksum)
    return fetch_pack(url, checksum, ensure_cache(PACKS))


def _is_here(ref: PackRef) -> bool:
    """Whether the pack lies at the path that the driver's machine has it at."""
    with contextlib.suppress(DataError):
        return read_manifest(Path(ref.path)).checksum == ref.checksum
    return False


def find_manifest(ref: PackRef) -> Manifest:
    """What a pack holds, without its images. Raises as `open_pack` does."""
    if ref.url is None or _is_here(ref):
        return Pack.load(ref.path, ref.checksum).manifest
    with contextlib.suppress(DataError):
        return _check(read_manifest(ensure_cache(PACKS) / ref.checksum), ref.checksum, ref.url)
    hidden = ensure_cache("manifests", ref.checksum)
    return _fetch_manifest(open_storage(ref.url), hidden, ref.checksum)


def fetch_pack(url: str, checksum: str, root: Path) -> Pack:
    """The pack of a checksum in the folder `root`, fetched from its URL if it is not there.

    One process fetches, the others wait for it. What a killed one left is gone on with. Raises
    DataError if there is no such pack or what arrives is not what was packed, OSError,
    UnreachableError, StorageError.
    """
    final, hidden = root / checksum, root / f".{checksum}.fetched"
    if not final.is_dir():
        with files.hold_lock(root / f".{checksum}.lock"):
            if not final.is_dir():
                hidden.mkdir(exist_ok=True)
                _fetch(open_storage(url), hidden, checksum)
                hidden.rename(final)
                files.settle(root)
    return Pack.load(final, checksum)


def _fetch(storage: Storage, folder: Path, checksum: str) -> None:
    """Fill a folder with a pack's files, each compared with its hash."""
    manifest = _fetch_manifest(storage, folder, checksum)
    for name, entry in manifest.files.items():
        if not _fetch_file(storage, name, entry, folder / name):
            # What an earlier attempt left may have been of a damaged disk: once more from nothing.
            (folder / name).unlink()
            if not _fetch_file(storage, name, entry, folder / name):
                (folder / name).unlink()
                raise DataError(
                    storage.name(name),
                    "is not what was packed",
                    f"remove {storage.place} and publish the pack again: `ventral data pack --to`",
                )
    stamp = json.dumps(stamp_files(folder, manifest.files)).encode()
    files.write(folder / STAMP, stamp)
    files.settle(folder)


def _fetch_manifest(storage: Storage, folder: Path, checksum: str) -> Manifest:
    cure = "publish it there: `ventral data pack NAME --to URL`"
    try:
        with storage.open(MANIFEST) as opened:
            if opened.size > MANIFEST_BYTES:
                raise DataError(storage.name(MANIFEST), "is no manifest of a pack", cure)
            data = opened.stream.read()
    except FileNotFoundError:
        raise DataError(storage.place, "holds no pack", cure) from None
    files.replace(folder / MANIFEST, data)
    return _check(read_manifest(folder), checksum, storage.place)


def _check(manifest: Manifest, checksum: str, place: str) -> Manifest:
    if manifest.checksum != checksum:
        problem = f"holds other images (checksum {manifest.checksum[:12]}, not {checksum[:12]})"
        raise DataError(
            place, problem, "publish the pack again: `ventral data pack NAME --to URL`"
        )
    return manifest


def _fetch_file(storage: Storage, name: str, entry: File, path: Path) -> bool:
    """Fetch a file, going on where `path` ends; whether it is what was packed.

    A connection that breaks is tried again. Raises UnreachableError, StorageError, OSError.
    """
    total = hashlib.sha256()
    with path.open("a+b") as file:
        file.seek(0)
        while piece := file.read(PIECE):
            total.update(piece)
        for left in reversed(range(TRIES)):
            try:
                _append(storage, name, entry.bytes, file, total)
                break
            except UnreachableError:
                if not left:
                    raise
        file.flush()
        os.fsync(file.fileno())  # the stamp says that it was read through
    return total.hexdigest() == entry.sha256


def _append(storage: Storage, name: str, size: int, file: Any, total: Any) -> None:
    """Read an object from where a file ends to its `size`, into the file and into a hash."""
    if file.tell() >= size:
        return
    try:
        with storage.open(name, file.tell()) as opened:
            if opened.size != size:
                problem = f"has {opened.size} bytes where {size} were packed"
                raise DataError(storage.name(name), problem, "publish the pack again")
            while piece := opened.stream.read(PIECE):
                file.write(piece)
                total.update(piece)
        if file.tell() < size:
            raise UnreachableError(storage.name(name), "ended early", "look at the network")
    except FileNotFoundError:
        problem = "is missing from the pack"
        raise DataError(storage.name(name), problem, "publish the pack again") from None
