"""A campaign's budget with real Ray processes: a hard stop, and what was running goes on later."""

from __future__ import annotations

from pathlib import Path

import pytest

from search import driver
from search.campaign import amend
from search.home import Home
from search.store import Store
from tests.support import toys
from tests.support.effort import refuse_ray

ROOT = Path(__file__).parents[2]


def trained(home: Home, campaign_id: str) -> dict[int, list[int]]:
    """The epochs that each trial's workers ran, by the workers' own account."""
    return {
        int(file.name.removeprefix("epochs-")): [
            int(line.split()[0]) for line in file.read_text().splitlines()
        ]
        for file in home.campaign(campaign_id).glob("epochs-*")
    }


class Bench:
    """A home with one campaign of six toy trials."""

    def __init__(self, folder: Path, **budget: float) -> None:
        self.home = Home.at(folder)
        self.home.ensure()
        self.store = Store.open(self.home.store_url)
        campaign = toys.campaign(budget={"trials": 6} | budget, recipe={"epochs": 4})
        self.id = driver.submit(campaign, self.home, self.store)

    def run(self) -> driver.RunResult:
        trainable = toys.trainable(0.3)
        return driver.run(self.id, self.home, self.store, trainable=trainable, mirror=False)

    def change(self, *overrides: str) -> None:
        document = self.store.campaign(self.id).document
        self.store.set_document(self.id, amend(document, "", overrides).document())


@pytest.fixture(autouse=True)
def _workers_find_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def test_epochs_are_a_hard_stop_that_keeps_what_was_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path / "home", epochs=7)
    outcome = bench.run()
    assert (outcome.state, outcome.reason) == ("stopped", "budget.epochs: 7 are used up")
    ledger = bench.store.ledger(bench.id)
    assert (ledger.epochs, ledger.repeated) == (7, 0), "exactly"
    assert outcome.trials["waiting"] >= 1
    assert outcome.trials["running"] == 0

    with monkeypatch.context() as patch:
        refuse_ray(patch)
        assert bench.run().reason == "budget.epochs: 7 are used up"
    assert bench.store.ledger(bench.id).attempts == ledger.attempts

    # Used up by the last epoch of the last trial: then nothing is left, and that is its end.
    bench.change("budget.epochs=24")
    outcome = bench.run()
    assert (outcome.state, outcome.trials["finished"]) == ("finished", 6)
    for number, epochs in trained(bench.home, bench.id).items():
        assert sorted(set(epochs)) == [1, 2, 3, 4], number
    ledger = bench.store.ledger(bench.id)
    ran = sum(len(epochs) for epochs in trained(bench.home, bench.id).values())
    # An epoch that was cut off before its report is trained, but on nobody's account.
    assert 24 <= ledger.epochs <= ran
    assert ledger.by_end["finished"][0] == 6
    assert ledger.by_end["stopped"][0] >= 1


@pytest.mark.slow
def test_device_hours_are_a_hard_stop(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "home", device_hours=1.5 / 3600)
    outcome = bench.run()
    assert outcome.state == "stopped"
    assert (outcome.reason or "").startswith("budget.device_hours: ")
    assert 1.5 <= bench.store.ledger(bench.id).device_seconds < 6
    assert outcome.trials["waiting"] >= 1
    bench.change("budget.device_hours=1")
    assert bench.run().trials["finished"] == 6
