"""Which checkpoints stay when trials end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from search.assign.kept import Checkpoints
from search.store import SEARCHED
from search.upkeep.retention import list_best
from tests.support.campaigns import add, train
from tests.support.runs import Bench
from workers.storage.opening import open_storage


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Two checkpoints are kept; of equal scores that of the smaller network."""
    bench = Bench(tmp_path, keep=2)
    bench.store.campaigns.set_state(bench.id, "running")
    return bench


def end(bench: Bench, number: int, score: float, **changes: object) -> None:
    """A trial that ends with a score, its checkpoint in its folder."""
    add(bench.store, bench.id, number, **changes)
    train(bench.store, bench.id, number, score)
    bench.home.trial(bench.id, number).mkdir(parents=True)


def kept(bench: Bench) -> list[int]:
    return [number for number in range(9) if bench.home.trial(bench.id, number).exists()]


def test_the_best_are_kept_and_every_control(bench: Bench) -> None:
    best = Checkpoints(bench.setting)
    end(bench, 0, 0.1, origin="control")
    for number, score in enumerate((0.5, 0.7, 0.6, 0.7), 1):
        end(bench, number, score)
    for number in range(5):
        best.update(bench.store.results.get(bench.id, number))
    assert kept(bench) == [0, 2, 4]
    end(bench, 5, 0.7)
    Checkpoints(bench.setting)
    assert kept(bench) == [0, 2, 4], "the next driver drops what this one did not live to drop"


@pytest.mark.parametrize(
    ("reason", "stays"), [("lost: its worker died", True), ("diverged: loss is nan", False)]
)
def test_a_failed_trial_keeps_what_it_may_go_on_from(
    bench: Bench, reason: str, stays: bool
) -> None:
    add(bench.store, bench.id, 0)
    bench.store.trials.start(bench.id, 0)
    bench.store.trials.finish(bench.id, 0, "failed", reason)
    bench.home.trial(bench.id, 0).mkdir(parents=True)
    Checkpoints(bench.setting)
    assert bool(kept(bench)) == stays


def test_the_best_searched_controls_are_kept_beside_the_best(bench: Bench) -> None:
    for number, score in enumerate((0.9, 0.8, 0.7)):
        end(bench, number, score)
    for number, score in enumerate((0.1, 0.3, 0.2), 3):
        end(bench, number, score, family=SEARCHED)
    Checkpoints(bench.setting)
    assert kept(bench) == [0, 1, 4, 5]
    assert [one.number for one in list_best(bench.store, bench.id, 2)] == kept(bench)
    assert list_best(bench.store, bench.id, 0) == []


def test_the_next_driver_asks_a_storage_once(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = replace(bench.setting, storage=f"file://{tmp_path}/shared")
    for number, score in enumerate((0.5, 0.7, 0.6, 0.8)):
        add(bench.store, bench.id, number)
        train(bench.store, bench.id, number, score)
        if number:  # what is not there need not be removed
            open_storage(setting.places.trial(number)).write("claim", b"x")
    asked: list[str] = []
    monkeypatch.setattr("search.assign.kept.discard", asked.append)
    Checkpoints(setting)
    assert asked == [setting.places.trial(2)]
