"""What is charged is measured by the monotonic clock, for each campaign and attempt apart."""

from __future__ import annotations

import pytest

from search.store.clocks import Clocks


class Monotonic:
    """The monotonic clock, set by hand; the wall clock is not asked."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Monotonic:
    made = Monotonic()
    monkeypatch.setattr("search.store.clocks.time", made)
    return made


def test_seconds_since_the_last_sign_of_life_are_taken_once(clock: Monotonic) -> None:
    clocks = Clocks()
    assert clocks.take_elapsed("a") == 0.0
    clock.now += 4
    assert clocks.take_elapsed("b") == 0.0, "each campaign has a clock of its own"
    assert clocks.take_elapsed("a") == 4.0
    clock.now += 3
    assert clocks.take_elapsed("a", last=True) == 3.0
    clock.now += 1000
    assert clocks.take_elapsed("a") == 0.0, "after the last one nothing runs"


def test_an_attempt_lasts_from_its_beginning_to_its_end(clock: Monotonic) -> None:
    clocks = Clocks()
    assert clocks.seconds_spent("a", 1) is None
    clocks.begin("a", 1)
    clock.now += 5
    assert clocks.seconds_spent("a", 1) == 5.0
    clocks.begin("a", 1)
    clock.now += 2
    assert clocks.seconds_spent("a", 1) == 2.0, "a new attempt begins anew"
    clocks.end("a", 1)
    clocks.end("a", 1)
    assert clocks.seconds_spent("a", 1) is None


def test_a_campaign_is_forgotten_without_the_others() -> None:
    clocks = Clocks()
    for owner, number in (("a", 1), ("a", 2), ("b", 1)):
        clocks.begin(owner, number)
    assert clocks.attempts("a") == [1, 2]
    clocks.forget("a")
    assert (clocks.attempts("a"), clocks.attempts("b")) == ([], [1])
