"""Waiting for what another thread or process brings about."""

from __future__ import annotations

import time
from collections.abc import Callable

GUARD = 300.0
"""Seconds after which a test that waits is broken: far more than a busy machine needs."""


def wait_until(
    condition: Callable[[], object], what: str = "", seconds: float = GUARD, pause: float = 0.05
) -> None:
    """Return once the condition holds; it is asked every `pause` seconds.

    Raises TimeoutError with `what` after `seconds`. How long it took is nobody's business.
    """
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds:.0f} s: {what or 'the condition'}")
        time.sleep(pause)
