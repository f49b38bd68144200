"""The queue as a searcher of Ray Tune, against a real store and without Ray's processes."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from ray.tune.search import Searcher

from search.run import Run
from search.tune.searcher import TuneSearcher
from tests.support.bench import DATA
from tests.support.runs import Bench, suggester_of
from tests.support.waiting import GUARD
from workers.job import Job


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def searcher_of(run: Run, slots: int = 100) -> TuneSearcher:
    """A searcher at a place that nobody else uses."""
    return TuneSearcher(run, slots, lambda _live: True)


def test_ray_is_given_a_job_and_a_number(bench: Bench) -> None:
    run = bench.begin()
    searcher = searcher_of(run)
    config = searcher.suggest("a")
    assert isinstance(config, dict)
    assert config["trial"] == 0
    assert Job.model_validate_json(config["job"]).data == DATA
    run.stop.request("asked to stop")
    assert searcher.suggest("b") == Searcher.FINISHED
    assert [trial.number for trial in bench.store.results.find(bench.id)] == [0]


@pytest.mark.parametrize(("gpus", "part"), [(0, 1.0), (0.25, 0.25), (1, 1.0)])
def test_a_worker_is_given_its_part_of_a_card(tmp_path: Path, gpus: float, part: float) -> None:
    config = searcher_of(Bench(tmp_path, resources={"gpus": gpus}).begin()).suggest("a")
    assert isinstance(config, dict)
    assert config["part"] == part


def test_ray_is_told_when_the_budget_is_used_up(bench: Bench) -> None:
    searcher = searcher_of(bench.begin())
    given = [searcher.suggest(str(number)) for number in range(7)]
    assert [config["trial"] for config in given[:6]] == list(range(6))  # type: ignore[index]
    assert given[6] is None, "one that runs may have to be given out again"
    for number in range(6):
        searcher.on_trial_complete(str(number))
    assert searcher.suggest("7") == Searcher.FINISHED


def test_ray_is_given_no_more_than_fit(bench: Bench) -> None:
    searcher = searcher_of(bench.begin(), slots=2)
    assert isinstance(searcher.suggest("a"), dict)
    assert isinstance(searcher.suggest("b"), dict)
    assert searcher.suggest("c") is None
    assert bench.store.trials.next_number(bench.id) == 2, (
        "nothing is put on record before it is needed"
    )
    searcher.on_trial_complete("a")
    assert isinstance(searcher.suggest("c"), dict)


def test_ray_does_not_wait_for_a_sampler_that_thinks(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = bench.begin(ahead=True)
    try:
        searcher, suggester = searcher_of(run), suggester_of(run)
        assert isinstance(searcher.suggest("a"), dict), "the control"
        suggest, over = suggester.suggest, threading.Event()
        monkeypatch.setattr(suggester, "suggest", lambda: over.wait(GUARD) and suggest())
        assert searcher.suggest("b") is None, "while the sampler thinks"
        over.set()
        assert run.queue.ready(GUARD)
        assert isinstance(searcher.suggest("b"), dict)
    finally:
        run.close()
