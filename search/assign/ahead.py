"""Suggestions made ahead, in a thread of their own: no driver waits for a slow sampler."""

import logging
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from search.assign.suggesting import Suggester, Suggestion
from search.samplers import Outcome
from space.errors import CampaignError

log = logging.getLogger(__name__)


class Ahead:
    """A suggester at work in a thread, one suggestion ahead of the question.

    A suggestion that is made ahead does not know the results that arrive meanwhile. So it is made
    only where that saves something: while questions come so fast that making suggestions takes a
    notable part of the time. A trial that takes minutes is suggested when its slot is free.

    All methods are for the driver's thread, which waits only where the method says so.
    """

    BUSY = 0.02
    """The part of the time between two questions from which on suggestions are made ahead."""

    def __init__(self, suggester: Suggester) -> None:
        self._suggester = suggester
        self._outcomes_to_tell: deque[tuple[int, Outcome]] = deque()
        self._change = threading.Condition()
        self._wanted, self._closing = False, False
        self._answer: list[Suggestion | None] = []
        self._failure: BaseException | None = None
        self._last_question: float | None = None
        self._between, self._making = 0.0, 0.0
        self._thread = threading.Thread(target=self._run, name="suggestions", daemon=True)
        self._thread.start()

    @property
    def error(self) -> CampaignError | None:
        """Why there are no more suggestions, if it is the user's to correct."""
        return self._suggester.error

    def control(self, digest: str, recipe: Mapping[str, Any], seed: int) -> int | None:
        """As `Suggester.control`, for as long as no suggestion was asked for."""
        if self._last_question is not None or self._wanted or self._answer:
            raise RuntimeError("controls come before suggestions")
        return self._suggester.control(digest, recipe, seed)

    def tell(self, number: int, outcome: Outcome) -> None:
        """Take the outcome of a trial. The next suggestion that is begun knows it."""
        self._outcomes_to_tell.append((number, outcome))

    def ready(self, seconds: float = 0.0) -> bool:
        """Whether `suggest` would answer at once, after waiting for at most so long."""
        with self._change:
            self._want()
            return self._change.wait_for(self._is_ready, seconds)

    def suggest(self) -> Suggestion | None:
        """As `Suggester.suggest`; waits for as long as it takes."""
        with self._change:
            self._want()
            self._change.wait_for(self._is_ready)
            if self._failure is not None:
                raise self._failure
            answer = self._answer.pop()
            now = time.monotonic()
            if self._last_question is not None:
                self._between = _smooth(self._between, now - self._last_question)
            self._last_question = now
            if answer is not None and self._making > self.BUSY * self._between:
                self._want()
            return answer

    def close(self) -> None:
        """End the thread. What was made ahead is forgotten: it is on no record."""
        with self._change:
            self._closing = True
            self._change.notify_all()
        self._thread.join()

    def _is_ready(self) -> bool:
        return bool(self._answer) or self._failure is not None

    def _want(self) -> None:
        if not self._answer:
            self._wanted = True
            self._change.notify_all()

    def _run(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._wanted or self._closing)
                if self._closing:
                    return
            began = time.monotonic()
            answer: list[Suggestion | None] = []
            failure: BaseException | None = None
            try:
                while self._outcomes_to_tell:
                    self._suggester.tell(*self._outcomes_to_tell.popleft())
                answer = [self._suggester.suggest()]
            except BaseException as error:
                log.debug("the sampler failed", exc_info=True)
                failure = error  # the driver's thread raises it
            with self._change:
                self._making = _smooth(self._making, time.monotonic() - began)
                self._answer, self._failure, self._wanted = answer, failure, False
                self._change.notify_all()


Source = Suggester | Ahead
"""Where a run's new points come from."""


def _smooth(mean: float, value: float) -> float:
    """A mean over about the last ten values; the first one sets it."""
    return value if mean == 0.0 else 0.9 * mean + 0.1 * value
