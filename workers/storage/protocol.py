"""What Ventral asks of a place for files: a folder here, an object store at a URL.

A storage holds objects, bytes under keys (`trial-00001/claim`), and groups of them. It does not
know what is in them: who reads an object compares it with the size and the hash that it was
written with (checkpoint.py, data/publishing.py, published_export.py).

- An object is there whole or not at all, and so is a group. Killed at any moment, a writer leaves
  nothing that is taken for whole.
- What was written is seen by every later reader, of whatever machine.
- Nothing is locked. Two writers of one object: the last one holds. Two writers of groups: each
  gets a number of its own.

Raised are FileNotFoundError for an object that is not there; of a folder other OSErrors (a full
disk), and InputError for what is no regular file; StorageError for an object store that cannot be
used, and UnreachableError for one that does not answer. Their texts name the URL and the cure, and
no credentials.

`tests/workers/storage/test_protocol.py` is what an implementation has to pass.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An object that is there: its key, its bytes, when it was written (seconds since 1970)."""

    key: str
    bytes: int
    modified: float


@dataclass(frozen=True, kw_only=True)
class Opened:
    """An object that is being read: a stream from `start` on, and the size of the whole."""

    stream: BinaryIO
    size: int


def join_key(*parts: str) -> str:
    """The key of something below another key, which may be "" for the place itself."""
    return "/".join(part for part in parts if part)


class Storage(Protocol):
    """Objects below one place. Keys are names with `/` between them; "" stands for the place."""

    @property
    def place(self) -> str:
        """The path or the URL, as it may be shown."""
        ...

    def name(self, key: str) -> str:
        """The path or the URL of an object, as it may be shown."""
        ...

    def write(self, key: str, data: bytes) -> None:
        """Put an object, in place of the one that is there."""
        ...

    def upload(self, key: str, file: Path) -> None:
        """Put a file of any size as an object, in place of the one that is there."""
        ...

    def open(self, key: str, start: int = 0) -> AbstractContextManager[Opened]:
        """An object, to be read from byte `start` on."""
        ...

    def publish(self, parent: str, parts: Mapping[str, bytes]) -> str:
        """Put objects below a new number of `parent`, all of them or none; returns their key.

        They are written in order: the group is whole once the last one is there. Its number is
        higher than that of each group before, of whatever writer.
        """
        ...

    def groups(self, parent: str, last: str) -> list[str]:
        """The keys of the groups of `parent` that are whole, the newest first.

        `last` is the name of the part that was written last.
        """
        ...

    def prune(self, parent: str, last: str, kept: int) -> None:
        """Remove the groups of `parent` but for its newest `kept` whole ones; what cannot be
        removed stays. Those that are not whole go as well, unless they are newer than these.
        """
        ...

    def list(self, prefix: str = "") -> list[Entry]:
        """All objects below a key, by their keys; not those that are still being written."""
        ...

    def remove(self, prefix: str) -> None:
        """Remove an object, or all below a key; nothing happens if there is none."""
        ...
