"""Checkpoints: atomic to write, verified when read, and free of pickle.

A checkpoint's place (a folder, or below a URL) holds numbered versions, each with
`tensors.safetensors` and `checkpoint.json` (the meta data and the SHA-256 of both). A version is
there only when it is whole and on the disk, and the last but one is kept until then and after, so
that there is always one to go back to. This module does not know what the tensors mean.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import Field

from space.documents.bounds import RECORD
from space.documents.files import parse_json
from space.documents.validation import Value, parse
from space.errors import CheckpointError, InputError, StorageError
from workers.storage.opening import open_storage
from workers.storage.protocol import Opened, Storage
from workers.tensors import check_header

if TYPE_CHECKING:  # the driver may import this module, and it has no torch
    from torch import Tensor

FORMAT = 1
TENSORS, META = "tensors.safetensors", "checkpoint.json"
KEPT = 2
_META_BYTES = 256 << 20
_log = logging.getLogger(__name__)

Contents = TypeVar("Contents")


class _Tensors(Value):
    """The size and the hash of the file of tensors."""

    bytes: int = Field(ge=0)
    sha256: str


class _Record(Value):
    """What `checkpoint.json` holds; `sha256` is that of all the rest."""

    format: int
    tensors: _Tensors
    meta: dict[str, Any]
    sha256: str


def save(place: str | Path, tensors: "Mapping[str, Tensor]", meta: Mapping[str, Any]) -> str:
    """Write a new version of the checkpoint at `place` and return the version's own place.

    `meta` must be plain JSON. Killed at any moment, this leaves the version before untouched.
    Raises OSError (a full disk), StorageError; then too.
    """
    from safetensors.torch import save as to_bytes

    # Cloned, because safetensors refuses two names for one memory (tied weights).
    plain = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    data = to_bytes(plain)
    record = {
        "format": FORMAT,
        "tensors": {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()},
        "meta": dict(meta),
    }
    record["sha256"] = _digest(record)
    storage = open_storage(place)
    made = storage.publish("", {TENSORS: data, META: json.dumps(record, indent=1).encode()})
    storage.prune("", META, KEPT)
    return storage.name(made)


def versions(place: str | Path) -> list[str]:
    """The places of the versions of a checkpoint, newest first. Raises StorageError."""
    storage = open_storage(place)
    return [storage.name(version) for version in storage.groups("", META)]


def load(place: str | Path) -> "tuple[dict[str, Tensor], dict[str, Any]]":
    """(tensors on the CPU, meta) of the newest version that is not damaged.

    A damaged version is passed over with a warning if an older one is good. Raises
    CheckpointError if no version is good, naming the damaged file and the cure; StorageError.
    """
    loaded, version, damage = _read_newest(place, _load_version)
    if damage is not None:
        _log.warning("%s; going back to %s", damage, version)
    return loaded


def read_meta(place: str | Path) -> dict[str, Any] | None:
    """The meta data of the newest version that has some; None if there is none. No torch."""
    with suppress(CheckpointError):
        return _read_newest(place, _read_record)[0].meta
    return None


def copy(source: str | Path, target: str | Path) -> None:
    """Write the newest good version of a checkpoint to another place. No torch.

    Raises CheckpointError if there is none, OSError, StorageError.
    """
    parts, _, _ = _read_newest(source, _read_parts)
    open_storage(target).publish("", parts)


def _read_newest(
    place: str | Path, read: Callable[[Storage, str], Contents]
) -> tuple[Contents, str, CheckpointError | None]:
    """What `read` gives of the newest good version, that version's place, and the damage of the
    newest one that was passed over. Raises CheckpointError if no version is good, StorageError.
    """
    storage = open_storage(place)
    damage: CheckpointError | None = None
    for version in storage.groups("", META):
        try:
            return read(storage, version), storage.name(version), damage
        except CheckpointError as error:
            damage = damage or error
    raise damage or CheckpointError(f"{place}: holds no checkpoint; start from the beginning")


def _load_version(storage: Storage, version: str) -> "tuple[dict[str, Tensor], dict[str, Any]]":
    from safetensors import SafetensorError
    from safetensors.torch import load as from_bytes

    record = _read_record(storage, version)
    data = _read_tensors(storage, version, record.tensors)
    try:
        check_header(data)
        return from_bytes(data), record.meta
    except (InputError, SafetensorError) as error:
        where = f"{version}/{TENSORS}"
        raise _corruption(storage, where, f"is not what was written ({error})") from None


def _read_parts(storage: Storage, version: str) -> dict[str, bytes]:
    """The files of a version by their names, as they are, in the order of writing."""
    written = _read(storage, f"{version}/{META}")
    record = _parse_record(storage, version, written)
    return {TENSORS: _read_tensors(storage, version, record.tensors), META: written}


def _read_tensors(storage: Storage, version: str, expected: _Tensors) -> bytes:
    """The bytes of a version's tensors, of the size and the hash that they were written with."""
    key = f"{version}/{TENSORS}"
    data = _read(storage, key, expected.bytes)
    if hashlib.sha256(data).hexdigest() != expected.sha256:
        raise _corruption(storage, key, "was altered after it was written")
    return data


def _read_record(storage: Storage, version: str) -> _Record:
    return _parse_record(storage, version, _read(storage, f"{version}/{META}"))


def _parse_record(storage: Storage, version: str, written: bytes) -> _Record:
    key = f"{version}/{META}"
    try:
        document = parse_json(written, "", nodes=RECORD)
        if not isinstance(document, dict):
            raise InputError("", "is not a mapping")
        number = document.get("format")
        if type(number) is int and number != FORMAT:
            raise CheckpointError(
                f"{storage.name(key)}: format {number}, this version of Ventral reads {FORMAT}"
            )
        record = parse(_Record, document, nodes=RECORD)
    except InputError as error:
        raise _corruption(storage, key, f"is not what was written ({error})") from None
    if record.sha256 != _digest({k: v for k, v in document.items() if k != "sha256"}):
        raise _corruption(storage, key, "was altered after it was written")
    return record


def _read(storage: Storage, key: str, size: int | None = None) -> bytes:
    """The bytes of an object, which must be of `size` if that is known.

    Sizes are compared before memory is taken.
    """
    try:
        with storage.open(key) as opened:
            if problem := _judge_size(opened, size):
                raise _corruption(storage, key, problem)
            return opened.stream.read()
    except StorageError:
        raise
    except InputError as error:
        raise _corruption(storage, key, error.problem) from None
    except OSError as error:
        raise _corruption(storage, key, f"cannot be read ({error.strerror})") from None


def _judge_size(opened: Opened, size: int | None) -> str:
    """What is wrong with the size of an object; "" if nothing is."""
    if size is None:
        large = opened.size > _META_BYTES
        return f"is larger than {_META_BYTES:,} bytes" if large else ""
    wrong = opened.size != size
    return f"has {opened.size} bytes where {size} were written" if wrong else ""


def _corruption(storage: Storage, key: str, problem: str) -> CheckpointError:
    version = storage.name(key.rpartition("/")[0])
    cure = f"delete {version} to go back to the version before it, if there is one"
    return CheckpointError(f"{storage.name(key)}: {problem}; {cure}")


def _digest(record: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
