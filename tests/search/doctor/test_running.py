"""However a check ends, it is a finding: no traceback, and nothing waits for one that hangs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from search.doctor.protocol import Fault, Finding, Place, Verdict
from search.doctor.running import first_line, run_check, run_checks
from search.host.home import Home

BAD = Fault(status="fail", problem="{what} is broken", cure="mend {what}")
ODD = Fault(status="warning", problem="{what} is odd", cure="look at {what}")


class Sample:
    """A check whose facts are those that a function gives."""

    about, drives, trains, faults = "samples", True, True, (BAD, ODD)

    def __init__(self, name: str, gather: Callable[[], list[str]], seconds: float = 60.0) -> None:
        self.name, self.seconds, self._gather = name, seconds, gather

    def gather(self, _place: Place) -> list[str]:
        return self._gather()

    def judge(self, facts: list[str]) -> Iterator[Verdict]:
        for what in facts:
            yield (BAD if what.isupper() else ODD).fill(what=what)

    def describe(self, facts: list[str]) -> str:
        return f"{len(facts)} are odd"


def _raise(error: BaseException) -> Callable[[], list[str]]:
    def gather() -> list[str]:
        raise error

    return gather


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(home=Home.at(tmp_path, {}), environ={})


def test_findings_are_in_the_order_of_the_checks_the_worst_first(place: Place) -> None:
    checks = [Sample("first", lambda: ["a", "B"]), Sample("second", list)]
    assert run_checks(checks, place) == [
        Finding(check="first", status="fail", text="B is broken", cure="mend B"),
        Finding(check="first", status="warning", text="a is odd", cure="look at a"),
        Finding(check="second", status="pass", text="0 are odd"),
    ]


def test_one_that_hangs_fails_at_its_own_limit_and_the_others_are_seen(place: Place) -> None:
    release = threading.Event()

    def hang() -> list[str]:
        release.wait()
        return []

    try:
        slow, well = run_checks([Sample("slow", hang, 0.2), Sample("well", list)], place)
    finally:
        release.set()
    assert (slow.check, slow.status) == ("slow", "fail")
    assert slow.text == "did not end within 0 s"
    assert "samples" in slow.cure
    assert well.status == "pass"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(5, "Input/output error"), "OSError: [Errno 5] Input/output error"),
        (ValueError("first\nsecond"), "ValueError: first"),
        (KeyError(), "KeyError"),
        (RuntimeError("at postgresql://me:word@host/x"), "RuntimeError: at postgresql://me:***@"),
        (RuntimeError("\x1b[31mred"), r"RuntimeError: \x1b[31mred"),
    ],
)
def test_one_that_raises_fails_with_the_first_line(
    error: Exception, text: str, place: Place
) -> None:
    (finding,) = run_check(Sample("bad", _raise(error)), place)
    assert finding.status == "fail"
    assert finding.text.startswith(f"could not be looked at: {text}")
    assert finding.cure
    assert "second" not in finding.text


def test_an_error_without_a_word_is_its_kind() -> None:
    assert first_line(TimeoutError()) == "TimeoutError"
    assert first_line(TimeoutError(" \n late\n")) == "TimeoutError: late"
