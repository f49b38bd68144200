"""A long command says how far it is: seldom, and on stderr."""

import sys

import pytest

from ventral.progress import FILE, PATIENCE, ProgressLine


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_short_command_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    line = ProgressLine("drawn", 10, "samples", clock=clock)
    for done in range(1, 11):
        clock.now += PATIENCE / 11
        line.advance(done)
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "")


def test_a_long_one_writes_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    line = ProgressLine("drawn", 4_000, "samples", clock=clock)
    clock.now += PATIENCE
    line.advance(1_000)
    line.advance(1_001)
    clock.now += FILE
    line.advance(2_000)
    clock.now += FILE
    line.advance(4_000)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "drawn 1,000 of 4,000 samples\ndrawn 2,000 of 4,000 samples\n"


def test_on_a_terminal_one_line_is_written_over_and_wiped(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    clock = Clock()
    line = ProgressLine("drawn", 20, "samples", clock=clock)
    clock.now += PATIENCE
    line.advance(10)
    clock.now += FILE
    line.advance(9)
    line.advance(20)
    ten = "drawn 10 of 20 samples"
    printed = capsys.readouterr().err
    assert printed == f"\r{ten}\rdrawn 9 of 20 samples \r{' ' * len(ten)}\r"
