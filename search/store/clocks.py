"""How long what this process drives has run, by the monotonic clock.

The times on record are those of the wall clock, which may be set; what is charged is measured.
"""

from __future__ import annotations

import threading
import time


class Clocks:
    """The clocks of a store's campaigns and attempts. Safe to use from several threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._beats: dict[str, float] = {}  # each campaign's last sign of life
        self._starts: dict[tuple[str, int], float] = {}  # each attempt's start

    def take_elapsed(self, campaign_id: str, *, last: bool = False) -> float:
        """Seconds since the last call for the campaign; 0 at the first one."""
        with self._guard:
            at = time.monotonic()
            before = self._beats.pop(campaign_id, at)
            if not last:
                self._beats[campaign_id] = at
            return at - before

    def begin(self, campaign_id: str, number: int) -> None:
        """An attempt of a trial begins."""
        with self._guard:
            self._starts[campaign_id, number] = time.monotonic()

    def seconds_spent(self, campaign_id: str, number: int) -> float | None:
        """Seconds since this process began the trial's attempt; None if it did not."""
        with self._guard:
            start = self._starts.get((campaign_id, number))
            return None if start is None else time.monotonic() - start

    def end(self, campaign_id: str, number: int) -> None:
        """The trial's attempt is over."""
        with self._guard:
            self._starts.pop((campaign_id, number), None)

    def attempts(self, campaign_id: str) -> list[int]:
        """The trials of the campaign whose attempts this process drives."""
        with self._guard:
            return [number for owner, number in self._starts if owner == campaign_id]

    def forget(self, campaign_id: str) -> None:
        """This process drives no attempt of the campaign any more."""
        with self._guard:
            self._starts = {key: at for key, at in self._starts.items() if key[0] != campaign_id}
