"""The switch that ends a run: the first reason stays, and signals set it within their block."""

import os
import signal
import threading

import pytest

from search.assign import stopping
from search.assign.stopping import CAUGHT, Stop
from space.errors import VentralError


def test_the_first_reason_and_the_first_error_stay() -> None:
    stop = Stop()
    assert not stop
    stop.request("the budget is used up")
    stop.request("another one")
    assert (bool(stop), stop.reason, stop.error) == (True, "the budget is used up", None)
    first = VentralError("the disk is full")
    stop.fail(first)
    stop.fail(VentralError("and again"))
    assert (stop.reason, stop.error) == ("the budget is used up", first)


@pytest.mark.parametrize("number", CAUGHT)
def test_a_signal_asks_for_the_end_within_the_block_alone(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    stop = Stop()
    with stop.on_signals():
        os.kill(os.getpid(), number)
        assert stop.reason == f"interrupted ({number.name})"
        os.kill(os.getpid(), number)  # impatience changes nothing
    assert signal.getsignal(number) == before


def test_a_signal_interrupts_a_way_out_that_is_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("search.assign.stopping.time.monotonic", lambda: now[0])
    stop = Stop()
    with stop.on_signals():
        os.kill(os.getpid(), signal.SIGINT)
        now[0] += stopping.BLOCKED_SECONDS + 1
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_another_thread_breaks_off_what_the_main_one_waits_for() -> None:
    stop, error = Stop(), VentralError("the cluster is gone")
    waits = threading.Event()
    with stop.on_signals():
        other = threading.Timer(0.05, stop.break_off, [error])
        other.start()
        with pytest.raises(KeyboardInterrupt):
            waits.wait(60)
        other.join()
        os.kill(os.getpid(), signal.SIGTERM)  # the way out is not interrupted
    assert stop.broken
    assert stop.error is error


def test_in_another_thread_no_signal_is_taken() -> None:
    before = [signal.getsignal(number) for number in CAUGHT]
    seen: list[object] = []

    def run() -> None:
        with Stop().on_signals():
            seen.extend(signal.getsignal(number) for number in CAUGHT)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == before
