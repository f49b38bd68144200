"""A run's pulse: what ends the run, and when it gives a sign of life."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from search.assign.pulse import Pulse
from search.assign.stopping import Stop
from search.store import HEARTBEAT_SECONDS
from search.store.ledger import Meter
from space.errors import StoreError
from tests.support.runs import Bench


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock, set by hand."""
    at = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: at[0])
    return at


def pulse_of(bench: Bench, stop: Stop, deadline: float | None = None) -> Pulse:
    bench.store.campaigns.set_state(bench.id, "running")
    setting = bench.setting
    meter = Meter(bench.store, bench.id, setting.campaign.budget)
    return Pulse(setting, stop, meter, deadline)


def test_the_deadline_ends_the_run(tmp_path: Path, now: list[float]) -> None:
    stop = Stop()
    pulse = pulse_of(Bench(tmp_path, budget={"trials": 6, "seconds": 30}), stop, now[0] + 2)
    assert not pulse.check()
    now[0] += 2
    assert pulse.check()
    assert stop.reason == "budget.seconds: 30 is used up"


def test_a_sign_of_life_brings_the_request_to_stop(tmp_path: Path, now: list[float]) -> None:
    bench, stop = Bench(tmp_path), Stop()
    pulse = pulse_of(bench, stop)
    bench.store.campaigns.ask_stop(bench.id)
    assert not pulse.check(), "not due yet"
    now[0] += HEARTBEAT_SECONDS
    assert pulse.check()
    assert stop.reason == "asked to stop"


def test_a_store_that_cannot_be_reached_ends_the_run_with_its_error(
    tmp_path: Path, now: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, stop = Bench(tmp_path), Stop()
    pulse, error = pulse_of(bench, stop), StoreError("store", "is gone", "bring it back")

    def gone(*_: object) -> bool:
        raise error

    monkeypatch.setattr(bench.store.campaigns, "heartbeat", gone)
    now[0] += HEARTBEAT_SECONDS
    assert pulse.check()
    assert stop.error is error
