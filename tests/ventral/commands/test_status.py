"""`ventral status`: how far a campaign is, what it took, and what failed."""

from __future__ import annotations

from search.store import SEARCHED, Store
from tests.support.campaigns import add, fill, new_campaign, report, train
from tests.support.waiting import GUARD
from tests.ventral.conftest import Shell


def test_status_tells_budget_ledger_failures_and_pace(shell: Shell, store: Store) -> None:
    record = fill(store)
    store.campaigns.set_state(record.id, "stopped", "budget.epochs: 6 are used up")
    told = shell("status", record.id)
    assert "failures: 1 diverged" in told.out
    assert "epochs 6" in told.out
    assert "4 attempts" in told.out
    assert "trials an hour" in told.out
    found = shell("status", record.id, "-o", "json").json
    assert found["failures"] == {"diverged": 1}
    assert set(found["ledger"]["by_end"]) == {"finished", "pruned", "failed"}
    assert found["ledger"]["epochs"] == 6
    assert found["throughput"]["trials_per_hour"] > 0


def test_status_can_be_watched_until_the_end(shell: Shell, store: Store) -> None:
    record = new_campaign(store)
    add(store, record.id, 0)
    store.trials.start(record.id, 0)
    watching = shell.start("status", record.id, "--watch")
    assert watching.stdout is not None
    lines = [watching.stdout.readline()]
    assert "running" in lines[0]
    while "trial 0: epoch 0" not in lines[-1]:
        lines.append(watching.stdout.readline())
    store.trials.add_report(record.id, 0, report(1, 0.5))
    while "trial 0: epoch 1, 50.0 %" not in lines[-1]:
        lines.append(watching.stdout.readline())
    store.trials.finish(record.id, 0, "finished")
    store.campaigns.set_state(record.id, "finished")
    rest, _ = watching.communicate(timeout=GUARD)
    assert "finished" in rest
    assert watching.returncode == 0


def test_status_names_the_best_searched_control(shell: Shell, store: Store) -> None:
    record = new_campaign(store)
    for number in range(3):
        add(store, record.id, number, cell="feedforward", family=SEARCHED if number else None)
        train(store, record.id, number, 0.5 + number / 10)
    told = shell("status", record.id).out
    assert "2 are searched controls, the best 70.0 %: trial 2, feedforward" in told
