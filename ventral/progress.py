"""How far a long command is, in a line on stderr."""

import sys
import time
from collections.abc import Callable

from ventral.output import note

PATIENCE = 2.0
"""Seconds that a command may take without a word."""
TERMINAL, FILE = 0.2, 10.0
"""Seconds between two lines: on a terminal, where each replaces the one before, and elsewhere."""


class ProgressLine:
    """Says how much of `total` is done: `drawn 400 of 1,000 networks`."""

    def __init__(
        self, verb: str, total: int, noun: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._verb, self._total, self._noun, self._clock = verb, total, noun, clock
        self._next = clock() + PATIENCE
        self._width = 0

    def advance(self, done: int) -> None:
        """Write the line, if it is time for one; wipe it at the end."""
        if done >= self._total:
            self._wipe()
            return
        if (now := self._clock()) < self._next:
            return
        text = f"{self._verb} {done:,} of {self._total:,} {self._noun}"
        if sys.stderr.isatty():
            self._next = now + TERMINAL
            self._width = max(self._width, len(text))
            sys.stderr.write(f"\r{text:<{self._width}}")
            sys.stderr.flush()
        else:
            self._next = now + FILE
            note(text)

    def _wipe(self) -> None:
        if self._width:
            sys.stderr.write(f"\r{'':<{self._width}}\r")
            sys.stderr.flush()
            self._width = 0
