"""Running checks: beside each other, each for its own time at most, none with a traceback."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Sequence

from search.doctor.protocol import AnyCheck, Fault, Finding, Place, Verdict

SLOW = Fault(
    status="fail",
    problem="did not end within {seconds:.0f} s",
    cure="something that it looks at does not answer (a file system, a server, a driver): {about}",
)
RAISED = Fault(
    status="fail",
    problem="could not be looked at: {error}",
    cure="mend what the message names, and run `ventral doctor` again",
)
GENERAL = (SLOW, RAISED)
"""What any check can end with."""


def run_checks(checks: Sequence[AnyCheck], place: Place) -> list[Finding]:
    """The findings of checks at a place, in their order, each check's worst first."""
    started = [(check, _start(check, place), time.monotonic()) for check in checks]
    return [
        finding
        for check, answers, at in started
        for finding in _await(check, answers, at + check.seconds)
    ]


Answers = queue.Queue[list[Finding]]


def _start(check: AnyCheck, place: Place) -> Answers:
    """Begin one in a thread. One that hangs is left behind: nothing waits for a daemon."""
    answers: Answers = queue.Queue()

    def run() -> None:
        answers.put(run_check(check, place))

    threading.Thread(target=run, name=f"doctor-{check.name}", daemon=True).start()
    return answers


def _await(check: AnyCheck, answers: Answers, until: float) -> list[Finding]:
    try:
        return answers.get(timeout=max(0.0, until - time.monotonic()))
    except queue.Empty:
        return [make_finding(check, SLOW.fill(seconds=check.seconds, about=check.about))]


def run_check(check: AnyCheck, place: Place) -> list[Finding]:
    """The findings of one check, however long it takes; the worst first."""
    try:
        return list(_examine(check, place))
    except Exception as error:  # noqa: BLE001  (whatever is wrong is what is looked for)
        return [make_finding(check, RAISED.fill(error=first_line(error)))]


def _examine(check: AnyCheck, place: Place) -> Iterator[Finding]:
    facts = check.gather(place)
    verdicts = sorted(check.judge(facts), key=lambda verdict: verdict.fault.status)  # fail first
    if not verdicts:
        yield Finding(check=check.name, status="pass", text=check.describe(facts))
    for verdict in verdicts:
        yield make_finding(check, verdict)


def make_finding(check: AnyCheck, verdict: Verdict) -> Finding:
    """A verdict under the name of its check."""
    status = verdict.fault.status
    return Finding(check=check.name, status=status, text=verdict.text, cure=verdict.cure)


def first_line(error: BaseException) -> str:
    """An exception by its kind and the first line of what it says."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
