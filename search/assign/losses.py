"""Workers that were lost: why, and whether their trials start again.

Ray reports a lost worker by an exception with a text. What follows depends on the cause:

- The node is gone, or cannot be reached. Its trials start again without limit, unless one loses
  node after node and never gets further.
- The worker died or was silent for too long, perhaps because of its trial. The trial starts again
  as often as the campaign's `retries` allow, over all drivers.
- The worker was ended because the machine's memory ran out. The trial starts again once, since a
  neighbour may have been the cause; the second time it needs more memory than there is.
- The worker could not load its code or reach its files. The trial starts again, perhaps elsewhere;
  if that does not help, the machine is the cause. Each driver counts these from zero, since the
  machine may have been repaired.

This module counts and decides. It starts and ends nothing.
"""

import re
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from search.store import Store
from workers.job import Failure

Cause = Literal["node", "memory", "silence", "environment", "error", "worker"]

EVENT = "worker lost"
"""The kind of the event that is kept of each loss."""

RETRIED = "retry"
"""The kind of the event that a user lets a failed trial start again, with its losses forgotten."""

NODES_IN_A_ROW = 5
"""Nodes that a trial may lose without a new epoch before it counts as the cause."""

WORDS = 4000
"""Characters kept of a worker's and of Ray's last messages."""

_SIGNS: tuple[tuple[Cause, tuple[str, ...]], ...] = (
    (
        "node",
        ("its node has died", "NodeDiedError", "node was terminated", "is unavailable"),
    ),
    ("memory", ("running low on memory", "OutOfMemoryError", "NODE_OUT_OF_MEMORY")),
    (
        "environment",
        (
            *("ImportError: ", "ModuleNotFoundError: ", "RuntimeEnvSetupError"),
            *("Error: [Errno ", "UnreachableError: "),
        ),
    ),
    ("error", ("ray::", "Traceback (most recent call last)")),
)

_REASONS: dict[Cause, str] = {
    "node": "its node was lost",
    "memory": "it was ended because the machine's memory ran out",
    "silence": "no epoch ended within limits.epoch_seconds",
    "environment": "its worker could not load its code or reach its files",
    "error": "its worker could not go on",
    "worker": "its worker died",
}


def cause_of(words: str) -> Cause:
    """Why a worker was lost, from Ray's message."""
    for cause, signs in _SIGNS:
        if any(sign in words for sign in signs):
            return cause
    return "worker"


class Losses:
    """The losses of a campaign, from its store on, and what follows from one more."""

    def __init__(self, store: Store, campaign_id: str, retries: int) -> None:
        self._store, self._id, self._retries = store, campaign_id, retries
        self._counted: Counter[int] = Counter()
        self._memory: Counter[int] = Counter()
        self._environment: Counter[int] = Counter()  # of this driver alone
        self._nodes: Counter[tuple[int, int]] = Counter()
        for event in store.campaigns.events(campaign_id):
            if event.kind == EVENT:
                cause, epochs = event.detail.get("cause", "worker"), event.detail.get("epochs", 0)
                if cause != "environment":
                    self._count(int(event.detail["trial"]), cause, epochs)
            elif event.kind == RETRIED:
                self._counted.pop(int(event.detail["trial"]), None)
                self._memory.pop(int(event.detail["trial"]), None)
                for place in [p for p in self._nodes if p[0] == int(event.detail["trial"])]:
                    del self._nodes[place]

    def _count(self, number: int, cause: Cause, epochs: int) -> None:
        self._counted[number] += cause not in ("node", "environment")
        self._environment[number] += cause == "environment"
        self._memory[number] += cause == "memory"
        self._nodes[number, epochs] += cause == "node"

    def add(
        self, number: int, words: str, *, silent: bool, log: str, epochs: int
    ) -> tuple[str, Failure | None]:
        """One more loss: its reason, and the trial's failure unless it is to start again.

        `epochs` is how far the trial has come, `words` are Ray's, `silent` says that we ended the
        worker, `log` is the end of what the worker itself wrote.
        """
        cause: Cause = "silence" if silent else cause_of(words)
        evidence = "\n".join(text for text in (_shorten(words.strip()), _last_lines(log)) if text)
        detail = {"trial": number, "cause": cause, "epochs": epochs, "error": evidence}
        self._store.campaigns.add_event(self._id, EVENT, detail)
        self._count(number, cause, epochs)
        return _REASONS[cause], self._failure(number, cause, epochs, evidence)

    def _failure(self, number: int, cause: Cause, epochs: int, evidence: str) -> Failure | None:
        if cause == "node":
            if (nodes := self._nodes[number, epochs]) <= NODES_IN_A_ROW:
                return None
            reason = f"{nodes} nodes were lost under it after epoch {epochs}"
            return Failure(kind="lost", reason=reason, detail=evidence)
        if cause == "memory" and self._memory[number] > min(1, self._retries):
            reason = f"{_REASONS[cause]}, {self._memory[number]} times"
            return Failure(kind="out-of-memory", reason=reason, detail=evidence)
        times = (self._environment if cause == "environment" else self._counted)[number]
        if times <= self._retries:
            return None
        reason = _REASONS[cause] + (f", after {times - 1} lost before" if times > 1 else "")
        if cause == "worker" and times > 1:
            reason = f"its worker died {times} times"
        if cause == "environment":
            return Failure(
                kind="environment", reason=f"{reason}{_complaint(evidence)}", detail=evidence
            )
        kind: Literal["hung", "lost", "error"] = "lost"
        if cause in ("silence", "error"):
            kind = "hung" if cause == "silence" else "error"
        return Failure(kind=kind, reason=reason, detail=evidence)


class Silence:
    """Which of the running trials have reported nothing for too long."""

    def __init__(self, limit: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        """`limit` is in seconds; None never ends."""
        self._limit, self._clock = limit, clock
        self._last_signs: dict[str, float] = {}

    def reset(self, trial: str) -> None:
        """Count a trial's silence from now: it has started, or ended an epoch."""
        self._last_signs[trial] = self._clock()

    def forget(self, trial: str) -> None:
        """Stop counting for a trial that runs no longer."""
        self._last_signs.pop(trial, None)

    def overdue(self) -> list[str]:
        """Those that are silent for longer than the limit."""
        if self._limit is None:
            return []
        oldest = self._clock() - self._limit
        return [trial for trial, at in self._last_signs.items() if at < oldest]


def tail(file: Path, length: int) -> str:
    """The end of a text file; nothing if there is none."""
    try:
        with file.open("rb") as log:
            log.seek(0, 2)
            log.seek(max(0, log.tell() - length))
            return log.read().decode(errors="replace")
    except OSError:
        return ""


def _shorten(words: str) -> str:
    """Begin and end of Ray's message: one of the two has the cause."""
    half = WORDS // 4
    return words if len(words) <= 2 * half else f"{words[:half]}\n...\n{words[-half:]}"


def _complaint(words: str) -> str:
    """The line of a traceback that says what went wrong, behind a colon; "" if there is none."""
    lines = [line for line in words.splitlines() if re.match(r"[\w.]*Error: ", line)]
    return f": {lines[-1]}" if lines else ""


def _last_lines(log: str) -> str:
    """The end of what a worker wrote, without the long line in which Python lists its modules."""
    lines = [line for line in log.splitlines() if not line.startswith("Extension modules:")]
    return "\n".join(lines).strip()[-WORDS // 2 :]
