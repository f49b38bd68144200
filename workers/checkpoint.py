"""Checkpoints: atomic to write, verified when read, and free of pickle.

A checkpoint folder holds numbered versions, each a folder of its own with `tensors.safetensors`
and `checkpoint.json` (the meta data and the SHA-256 of both). A version appears under its number
only when it is whole and on the disk, and the last but one is kept until then and after, so that
there is always one to go back to. This module does not know what the tensors mean.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from space.documents.bounds import RECORD
from space.documents.files import parse_json
from space.documents.outside import open_regular, read_bytes
from space.documents.validation import Value, parse
from space.errors import CheckpointError, InputError
from workers import files
from workers.tensors import check_header

if TYPE_CHECKING:  # the driver may import this module, and it has no torch
    from torch import Tensor

FORMAT = 1
TENSORS, META = "tensors.safetensors", "checkpoint.json"
KEPT = 2
_META_BYTES = 256 << 20
_log = logging.getLogger(__name__)


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


def save(folder: str | Path, tensors: "Mapping[str, Tensor]", meta: Mapping[str, Any]) -> Path:
    """Write a new version of the checkpoint in `folder` and return the version's own folder.

    `meta` must be plain JSON. Killed at any moment, this leaves the version before untouched.
    Raises OSError (a full disk); then too.
    """
    from safetensors.torch import save as to_bytes

    parent = Path(folder)
    # Cloned, because safetensors refuses two names for one memory (tied weights).
    plain = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    data = to_bytes(plain)
    record = {
        "format": FORMAT,
        "tensors": {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()},
        "meta": dict(meta),
    }
    record["sha256"] = _digest(record)
    with files.partial(parent, "checkpoint") as partial:
        files.write(partial / TENSORS, data)
        files.write(partial / META, json.dumps(record, indent=1).encode())
        files.settle(partial)
        made = _publish(partial, parent)
    files.settle(parent)
    for old in versions(parent)[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
    return made


def _publish(partial: Path, parent: Path) -> Path:
    """Rename `partial` to the next free number (another process may take one meanwhile)."""
    newest = versions(parent)
    number = int(newest[0].name) + 1 if newest else 1
    while True:
        target = parent / f"{number:08d}"
        try:
            return partial.rename(target)
        except OSError:
            if not target.exists():
                raise
            number += 1


def versions(folder: str | Path) -> list[Path]:
    """The folders of the versions in a checkpoint folder, newest first."""
    parent = Path(folder)
    numbered = [p for p in parent.iterdir() if p.name.isdigit()] if parent.is_dir() else []
    return sorted(numbered, key=lambda version: int(version.name), reverse=True)


def load(folder: str | Path) -> "tuple[dict[str, Tensor], dict[str, Any]]":
    """(tensors on the CPU, meta) of the newest version that is not damaged.

    A damaged version is passed over with a warning if an older one is good. Raises
    CheckpointError if no version is good, naming the damaged file and the cure.
    """
    damage: CheckpointError | None = None
    for version in versions(folder):
        try:
            loaded = _load_version(version)
        except CheckpointError as error:
            damage = damage or error
            continue
        if damage is not None:
            _log.warning("%s; going back to %s", damage, version)
        return loaded
    if damage is not None:
        raise damage
    raise CheckpointError(f"{folder}: holds no checkpoint; start from the beginning")


def _load_version(version: Path) -> "tuple[dict[str, Tensor], dict[str, Any]]":
    from safetensors import SafetensorError
    from safetensors.torch import load as from_bytes

    record = _read_record(version / META)
    path, expected = version / TENSORS, record.tensors
    data = _read(path, expected.bytes)
    if hashlib.sha256(data).hexdigest() != expected.sha256:
        raise _corruption(path, "was altered after it was written")
    try:
        check_header(data)
        return from_bytes(data), record.meta
    except (InputError, SafetensorError) as error:
        raise _corruption(path, f"is not what was written ({error})") from None


def _read_record(path: Path) -> _Record:
    try:
        document = parse_json(_read(path), "", nodes=RECORD)
        if not isinstance(document, dict):
            raise InputError("", "is not a mapping")
        version = document.get("format")
        if type(version) is int and version != FORMAT:
            raise CheckpointError(
                f"{path}: format {version}, this version of Ventral reads {FORMAT}"
            )
        record = parse(_Record, document, nodes=RECORD)
    except InputError as error:
        raise _corruption(path, f"is not what was written ({error})") from None
    if record.sha256 != _digest({k: v for k, v in document.items() if k != "sha256"}):
        raise _corruption(path, "was altered after it was written")
    return record


def _read(path: Path, size: int | None = None) -> bytes:
    """The bytes of a file, which must be of `size` if that is known."""
    try:
        if size is None:
            return read_bytes(path, _META_BYTES)
        with open_regular(path) as file:
            actual = file.seek(0, 2)  # compared before memory is taken
            file.seek(0)
            data = file.read(actual) if actual == size else b""
    except (InputError, OSError) as error:
        problem = (
            error.problem
            if isinstance(error, InputError)
            else f"cannot be read ({error.strerror})"
        )
        raise _corruption(path, problem) from None
    if len(data) != size:
        raise _corruption(path, f"has {actual} bytes where {size} were written")
    return data


def _corruption(path: Path, problem: str) -> CheckpointError:
    cure = f"delete {path.parent} to go back to the version before it, if there is one"
    return CheckpointError(f"{path}: {problem}; {cure}")


def _digest(record: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
