"""Who may write to a place: the process that claimed it last."""

import os
from pathlib import Path

from workers.storage.opening import open_storage

CLAIM = "claim"


class Claim:
    """A process's claim to a place. The last one holds.

    A process that was abandoned because it hung may wake up much later: it must not overwrite
    what its successor wrote.
    """

    def __init__(self, place: str | Path) -> None:
        """Claim the place; a folder is made. Raises OSError, StorageError."""
        self._storage, self._sign = open_storage(place), os.urandom(8).hex().encode()
        self._storage.write(CLAIM, self._sign)

    def holds(self) -> bool:
        """Whether no other process has claimed it since, and it still exists.

        Raises OSError, StorageError.
        """
        try:
            with self._storage.open(CLAIM) as opened:
                return opened.stream.read(2 * len(self._sign)) == self._sign
        except FileNotFoundError:
            return False
