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

from space.errors import CheckpointError
from workers import files

if TYPE_CHECKING:  # the driver may import this module, and it has no torch
    from torch import Tensor

FORMAT = 1
TENSORS, META = "tensors.safetensors", "checkpoint.json"
KEPT = 2
_log = logging.getLogger(__name__)


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
    """The folders of the versions in a checkpoint folder, newest first; none if there is none."""
    parent = Path(folder)
    found = [p for p in parent.iterdir() if p.name.isdigit()] if parent.is_dir() else []
    return sorted(found, key=lambda version: int(version.name), reverse=True)


def load(folder: str | Path) -> "tuple[dict[str, Tensor], dict[str, Any]]":
    """(tensors on the CPU, meta) of the newest version that is what was written.

    A damaged version is passed over with a warning if an older one is good. Raises
    CheckpointError if there is none, naming the damaged file and the cure.
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
    from safetensors.torch import load as from_bytes

    record = _read_record(version / META)
    data = _read(version / TENSORS)
    expected = record["tensors"]
    if len(data) != expected["bytes"]:
        raise _damaged(
            version / TENSORS, f"has {len(data)} bytes where {expected['bytes']} were written"
        )
    if hashlib.sha256(data).hexdigest() != expected["sha256"]:
        raise _damaged(version / TENSORS, "was altered after it was written")
    return from_bytes(data), record["meta"]


def _read_record(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(_read(path))
        version, expected = record["format"], record.pop("sha256")
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path, "is not what was written") from error
    if version != FORMAT:
        raise CheckpointError(f"{path}: format {version}, this version of Ventral reads {FORMAT}")
    if expected != _digest(record):
        raise _damaged(path, "was altered after it was written")
    return record  # type: ignore[no-any-return]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _damaged(path, f"cannot be read ({error.strerror})") from error


def _damaged(path: Path, problem: str) -> CheckpointError:
    cure = f"delete {path.parent} to go back to the version before it, if there is one"
    return CheckpointError(f"{path}: {problem}; {cure}")


def _digest(record: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
