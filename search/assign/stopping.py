"""The one switch by which signals, budgets, requests and errors end a run before its end."""

import contextlib
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

from space.errors import VentralError

log = logging.getLogger(__name__)

BLOCKED_SECONDS = 20.0
"""So long after the first signal, another one interrupts whatever is going on."""
CAUGHT = (signal.SIGINT, signal.SIGTERM)


class Halted(VentralError):
    """Trials cannot be trained as things are; what was running waits for the next run."""


class Stop:
    """Whether a run has to end now, and why. The first reason stays."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self.error: BaseException | None = None
        self._since: float | None = None
        self.broken = False
        """Whether it ends without waiting for anything."""

    def __bool__(self) -> bool:
        return self.reason is not None

    def request(self, reason: str) -> None:
        """End the run; everything that runs stays resumable."""
        self.reason = self.reason or reason

    def fail(self, error: BaseException) -> None:
        """End the run because of `error`, which the driver will raise."""
        self.error = self.error or error
        self.request(str(error))

    def break_off(self, error: BaseException) -> None:
        """As `fail`, from any thread and at once: nothing that the main thread waits for comes."""
        self.broken = True
        self.fail(error)
        main = threading.main_thread()
        if main.ident is not None and signal.getsignal(CAUGHT[0]) == self._handle:
            signal.pthread_kill(main.ident, CAUGHT[0])

    def unless_ending(self, act: Callable[[], object]) -> None:
        """Do it, unless the run is ending: what ends then was interrupted, not finished.

        An error in it ends the run.
        """
        if self:
            return
        try:
            act()
        except Exception as error:
            # Ray would take it for a failure of the trial.
            log.debug("the run ends, since a record failed", exc_info=True)
            self.fail(error)

    @contextlib.contextmanager
    def on_signals(self) -> Iterator[None]:
        """SIGINT and SIGTERM set the switch within the block, in the main thread only."""
        before = {number: signal.getsignal(number) for number in CAUGHT}
        self.catch()
        try:
            yield
        finally:
            if threading.current_thread() is threading.main_thread():
                for number, handler in before.items():
                    signal.signal(number, handler)

    def catch(self) -> None:
        """Take the signals (again): starting Ray takes SIGTERM away."""
        if threading.current_thread() is threading.main_thread():
            for number in CAUGHT:
                signal.signal(number, self._handle)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.broken and self._since is None:
            self._since = now  # once: the way out must not be interrupted
            raise KeyboardInterrupt
        self._since = self._since or now
        # Impatience changes nothing, unless the clean way out is blocked.
        if now - self._since > BLOCKED_SECONDS:
            raise KeyboardInterrupt
        self.request(f"interrupted ({signal.Signals(number).name})")
