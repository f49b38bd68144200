"""A campaign's budget with real Ray processes: a hard stop, and what was running goes on later."""

from __future__ import annotations

from pathlib import Path

import pytest

from search import driver
from search.campaign import amend
from tests.support.driving import DriverBench
from tests.support.effort import refuse_ray

ROOT = Path(__file__).parents[2]


class Bench(DriverBench):
    """One campaign of six toy trials."""

    def __init__(self, folder: Path, **budget: float) -> None:
        super().__init__(folder)
        self.id = self.submit(budget={"trials": 6} | budget, recipe={"epochs": 4})

    def go_on(self) -> driver.RunResult:
        return self.run(self.id, seconds=0.3)

    def change(self, *overrides: str) -> None:
        document = self.store.campaigns.get(self.id).document
        self.store.campaigns.set_document(self.id, amend(document, "", overrides).document())


@pytest.fixture(autouse=True)
def _workers_find_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.mark.slow
def test_epochs_are_a_hard_stop_that_keeps_what_was_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path / "home", epochs=7)
    outcome = bench.go_on()
    assert (outcome.state, outcome.reason) == ("stopped", "budget.epochs: 7 are used up")
    ledger = bench.store.campaigns.ledger(bench.id)
    assert (ledger.epochs, ledger.repeated) == (7, 0), "exactly"
    assert outcome.trials["waiting"] >= 1
    assert outcome.trials["running"] == 0

    with monkeypatch.context() as patch:
        refuse_ray(patch)
        assert bench.go_on().reason == "budget.epochs: 7 are used up"
    assert bench.store.campaigns.ledger(bench.id).attempts == ledger.attempts

    # Used up by the last epoch of the last trial: then nothing is left, and that is its end.
    bench.change("budget.epochs=24")
    outcome = bench.go_on()
    assert (outcome.state, outcome.trials["finished"]) == ("finished", 6)
    for number, epochs in bench.epochs(bench.id).items():
        assert sorted(set(epochs)) == [1, 2, 3, 4], number
    ledger = bench.store.campaigns.ledger(bench.id)
    ran = sum(len(epochs) for epochs in bench.epochs(bench.id).values())
    # An epoch that was cut off before its report is trained, but on nobody's account.
    assert 24 <= ledger.epochs <= ran
    assert ledger.by_end["finished"][0] == 6
    assert ledger.by_end["stopped"][0] >= 1


@pytest.mark.slow
def test_device_hours_are_a_hard_stop(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "home", device_hours=1.5 / 3600)
    outcome = bench.go_on()
    assert outcome.state == "stopped"
    assert (outcome.reason or "").startswith("budget.device_hours: ")
    assert 1.5 <= bench.store.campaigns.ledger(bench.id).device_seconds < 6
    assert outcome.trials["waiting"] >= 1
    bench.change("budget.device_hours=1")
    assert bench.go_on().trials["finished"] == 6
