"""Exports at a storage: the files of one, and last a record of their hashes, which makes it whole.

An export is read from a folder. What is at a URL is fetched into this machine's cache first, each
file compared with its hash.
"""

import hashlib
import json
from pathlib import Path

from pydantic import Field

from space.documents.bounds import RECORD
from space.documents.files import parse_json
from space.documents.validation import Value, parse
from space.errors import InputError
from workers import files
from workers.export import OURS
from workers.storage.cache import ensure_cache
from workers.storage.opening import open_storage
from workers.storage.places import join, local_folder, read_place
from workers.storage.protocol import Storage

SUMS = "export.json"
"""The object with the sizes and the hashes of the others."""

EXPORTS = "exports"
"""Where they are fetched to, below a machine's cache."""

_SUMS_BYTES = 1 << 20


class _File(Value):
    bytes: int = Field(ge=0)
    sha256: str


class _Sums(Value):
    files: dict[str, _File]


def publish_export(folder: Path, url: str, name: str) -> str:
    """Put an export below a URL under a name; returns its own URL.

    Raises InputError if there is one of that name, OSError, StorageError. Killed at any moment,
    this leaves nothing that `bring_export` takes for an export.
    """
    place = join(url, name)
    storage = open_storage(place)
    if any(entry.key == SUMS for entry in storage.list()):
        raise InputError(place, "is an export already", "name another place, or remove it")
    sums = {}
    for file in sorted(folder.iterdir()):
        storage.upload(file.name, file)
        sums[file.name] = {"bytes": file.stat().st_size, "sha256": files.sha256(file)}
    storage.write(SUMS, json.dumps({"files": sums}, indent=1).encode())
    return place


def bring_export(place: str | Path) -> Path:
    """The folder of an export, fetched if it is at a URL of an object store.

    Raises InputError if there is none that is whole, OSError, StorageError.
    """
    place = read_place(place, "export")
    folder = local_folder(place)
    if folder is not None:
        return folder
    url = str(place)
    storage, cure = open_storage(url), "name what `ventral export --to URL` wrote"
    try:
        text = _read(storage, SUMS, _SUMS_BYTES)
    except FileNotFoundError:
        raise InputError(url, "is no export", cure) from None
    sums = parse(_Sums, parse_json(text, storage.name(SUMS), nodes=RECORD), url)
    if not set(sums.files) <= set(OURS):
        raise InputError(url, "holds something that is not an export", cure)
    root, name = ensure_cache(EXPORTS), hashlib.sha256(text).hexdigest()
    if not (root / name).is_dir():
        with files.partial(root, name) as hidden:
            for one, expected in sums.files.items():
                files.write(hidden / one, _read_file(storage, one, expected))
            files.settle(hidden)
            if not (root / name).is_dir():
                hidden.rename(root / name)
    return root / name


def _read_file(storage: Storage, key: str, expected: _File) -> bytes:
    """A file of an export. Raises InputError if it is missing or not what was exported."""
    try:
        data = _read(storage, key, expected.bytes)
    except FileNotFoundError:
        raise InputError(storage.name(key), "is missing", "export it again") from None
    if hashlib.sha256(data).hexdigest() != expected.sha256:
        problem = "is not what was exported"
        raise InputError(storage.name(key), problem, "export the cell again")
    return data


def _read(storage: Storage, key: str, limit: int) -> bytes:
    """The bytes of an object of at most `limit` bytes. Raises FileNotFoundError, InputError."""
    with storage.open(key) as opened:
        if opened.size > limit:
            raise InputError(storage.name(key), "is not what was exported", "export it again")
        return opened.stream.read()


def is_at_url(place: str | Path) -> bool:
    """Whether an export is at an object store, where it is not changed."""
    return local_folder(place) is None
