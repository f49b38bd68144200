"""Failures that are no trial's own stop a run and spend nothing; so do too many of any kind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from search.assign.stopping import Halted, Stop
from search.assign.supply import Supply
from search.tune.recorder import FAILURES_IN_A_ROW, Recorder
from tests.support import toys
from tests.support.supplies import Bench
from workers.job import DETERMINISTIC, ENVIRONMENT

IMPORT = """ray::TrialTrainable.train() (pid=27109, ip=127.0.0.1)
Traceback (most recent call last):
  File "trainable.py", line 40, in _begin
ModuleNotFoundError: No module named 'models.build'"""


class Run:
    """A driver's recorder, with somebody who plays Ray Tune's part."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.stop = bench, Stop()
        self.supply: Supply = bench.supply()
        self.recorder = Recorder(bench.setting, self.supply, self.stop)

    def trial(self) -> Any:
        """The next trial, started."""
        assignment = self.supply.next()
        assert assignment is not None
        trial = SimpleNamespace(
            trial_id=str(assignment.number),
            config={"trial": assignment.number},
            temporary_state=SimpleNamespace(ray_actor=None),
            last_result={},
            error_file="",
        )
        self.recorder.on_trial_start(trial=trial)
        return trial

    def fail(self, kind: str) -> int:
        """A trial fails; its number."""
        trial = self.trial()
        trial.last_result = {"failure": {"kind": kind, "reason": "it broke"}}
        self.recorder.on_trial_complete(trial=trial)
        return int(trial.config["trial"])

    def finish(self) -> None:
        trial = self.trial()
        for epoch in (1, 2, 3):
            self.recorder.on_trial_result(trial=trial, result={"report": toys.report(epoch, 0.5)})
        trial.last_result = {"epoch": 3}
        self.recorder.on_trial_complete(trial=trial)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(Bench(tmp_path, budget={"trials": 100}, retries=1))


@pytest.mark.parametrize("kind", ENVIRONMENT)
def test_what_is_no_trial_s_own_stops_the_run_and_puts_the_trial_back(run: Run, kind: str) -> None:
    run.finish()
    number = run.fail(kind)
    assert isinstance(run.stop.error, Halted)
    assert run.stop.error.exit_code == 1
    words = str(run.stop.error)
    assert f"trial {number} is put back" in words
    assert "it broke" in words
    assert f"ventral resume {run.bench.id}" in words
    assert run.bench.store.results.get(run.bench.id, number).status == "waiting"
    assert "failed" not in run.bench.kinds(), "no sampler was told of it"
    again = run.bench.supply().next()
    assert again is not None
    assert again.number == number, "the next run goes on with it"


def test_a_worker_that_cannot_import_is_tried_again_and_then_stops_the_run(
    run: Run, tmp_path: Path
) -> None:
    words = tmp_path / "error.txt"
    words.write_text(f"Failure # 1 (occurred at noon)\n{IMPORT}")
    for lost in (1, 2):
        trial = run.trial()
        trial.error_file = str(words)
        run.recorder.on_trial_error(trial=trial)
        assert run.bench.store.results.get(run.bench.id, 0).status == "waiting"
        assert bool(run.stop) == (lost == 2)
    assert isinstance(run.stop.error, Halted)
    assert "ModuleNotFoundError: No module named 'models.build'" in str(run.stop.error)


def test_too_many_failures_in_a_row_stop_the_run(run: Run) -> None:
    for _ in range(FAILURES_IN_A_ROW - 1):
        run.fail("error")
    run.finish()
    for _ in range(FAILURES_IN_A_ROW - 1):
        run.fail("error")
    assert not run.stop
    last = run.fail("error")
    assert isinstance(run.stop.error, Halted)
    words = f"{FAILURES_IN_A_ROW} trials failed in a row, the last of them trial {last} (error: it"
    assert words in str(run.stop.error)
    assert run.bench.store.results.get(run.bench.id, last).status == "failed"
    assert not Run(run.bench).stop, "the next run begins to count again"


def test_a_reused_training_is_no_failure(run: Run) -> None:
    for _ in range(FAILURES_IN_A_ROW - 1):
        run.fail("error")
    for status in ("failed", "finished"):  # the first of them changes nothing
        assert run.supply.on_idle_end is not None
        trial = run.bench.store.results.get(run.bench.id, 0)
        run.supply.on_idle_end(replace(trial, status=status))
        assert not run.stop, "one more failure would have stopped the run"
    run.fail("error")
    assert not run.stop, "the other one began the count again"
    for _ in range(FAILURES_IN_A_ROW):
        run.fail("diverged")
    assert not run.stop, "something had a score"


@pytest.mark.parametrize("kind", DETERMINISTIC)
def test_divergences_stop_a_run_only_where_nothing_ever_had_a_score(run: Run, kind: str) -> None:
    run.finish()
    for _ in range(FAILURES_IN_A_ROW):
        run.fail(kind)
    assert bool(run.stop) == (kind != "diverged")


def test_where_everything_diverges_the_run_stops(run: Run) -> None:
    for _ in range(FAILURES_IN_A_ROW):
        run.fail("diverged")
    assert isinstance(run.stop.error, Halted)
