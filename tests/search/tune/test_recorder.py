"""Failures that are no trial's own stop a run and spend nothing; so do too many of any kind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from search.assign.failures import FAILURES_IN_A_ROW
from search.assign.stopping import Halted
from search.tune.evidence import read_result
from search.tune.recorder import Recorder
from tests.support import toys
from tests.support.runs import Bench
from workers.job import DETERMINISTIC, ENVIRONMENT

IMPORT = """ray::TrialTrainable.train() (pid=27109, ip=127.0.0.1)
Traceback (most recent call last):
  File "trainable.py", line 40, in _begin
ModuleNotFoundError: No module named 'models.build'"""


def read(result: dict[str, Any]) -> dict[str, Any]:
    """A worker's result, as Ray Tune's loop has it."""
    read_result(result)
    return result


class Play:
    """A run's recorder, with somebody who plays Ray Tune's part."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.run = bench, bench.begin()
        self.stop, self.recorder = self.run.stop, Recorder(self.run)

    def trial(self) -> Any:
        """The next trial, started."""
        assignment = self.run.queue.next()
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
        trial.last_result = read({"failure": {"kind": kind, "reason": "it broke"}})
        self.recorder.on_trial_complete(trial=trial)
        return int(trial.config["trial"])

    def finish(self) -> None:
        trial = self.trial()
        for epoch in (1, 2, 3):
            result = read({"report": toys.report(epoch, 0.5)})
            self.recorder.on_trial_result(trial=trial, result=result)
        trial.last_result = {"epoch": 3}
        self.recorder.on_trial_complete(trial=trial)


@pytest.fixture
def play(tmp_path: Path) -> Play:
    return Play(Bench(tmp_path, budget={"trials": 100}, retries=1))


@pytest.mark.parametrize("kind", ENVIRONMENT)
def test_what_is_no_trial_s_own_stops_the_run_and_puts_the_trial_back(
    play: Play, kind: str
) -> None:
    play.finish()
    number = play.fail(kind)
    assert isinstance(play.stop.error, Halted)
    assert play.stop.error.exit_code == 1
    words = str(play.stop.error)
    assert f"trial {number} is put back" in words
    assert "it broke" in words
    assert f"ventral resume {play.bench.id}" in words
    assert play.bench.store.results.get(play.bench.id, number).status == "waiting"
    assert "failed" not in play.bench.kinds(), "no sampler was told of it"
    again = play.bench.begin().queue.next()
    assert again is not None
    assert again.number == number, "the next run goes on with it"


def test_a_worker_that_cannot_import_is_tried_again_and_then_stops_the_run(
    play: Play, tmp_path: Path
) -> None:
    words = tmp_path / "error.txt"
    words.write_text(f"Failure # 1 (occurred at noon)\n{IMPORT}")
    for lost in (1, 2):
        trial = play.trial()
        trial.error_file = str(words)
        play.recorder.on_trial_error(trial=trial)
        assert play.bench.store.results.get(play.bench.id, 0).status == "waiting"
        assert bool(play.stop) == (lost == 2)
    assert isinstance(play.stop.error, Halted)
    assert "ModuleNotFoundError: No module named 'models.build'" in str(play.stop.error)


def test_too_many_failures_in_a_row_stop_the_run(play: Play) -> None:
    for _ in range(FAILURES_IN_A_ROW - 1):
        play.fail("error")
    play.finish()
    for _ in range(FAILURES_IN_A_ROW - 1):
        play.fail("error")
    assert not play.stop
    last = play.fail("error")
    assert isinstance(play.stop.error, Halted)
    words = f"{FAILURES_IN_A_ROW} trials failed in a row, the last of them trial {last} (error: it"
    assert words in str(play.stop.error)
    assert play.bench.store.results.get(play.bench.id, last).status == "failed"
    assert not Play(play.bench).stop, "the next run begins to count again"


def test_a_reused_training_is_no_failure(play: Play) -> None:
    for _ in range(FAILURES_IN_A_ROW - 1):
        play.fail("error")
    for status in ("failed", "finished"):  # the first of them changes nothing
        trial = play.bench.store.results.get(play.bench.id, 0)
        play.run.records.close(replace(trial, status=status))
        assert not play.stop, "one more failure would have stopped the run"
    play.fail("error")
    assert not play.stop, "the other one began the count again"
    for _ in range(FAILURES_IN_A_ROW):
        play.fail("diverged")
    assert not play.stop, "something had a score"


@pytest.mark.parametrize("kind", DETERMINISTIC)
def test_divergences_stop_a_run_only_where_nothing_ever_had_a_score(play: Play, kind: str) -> None:
    play.finish()
    tries = 2 if kind == "out-of-memory" else 1  # the second in less memory
    for _ in range(tries * FAILURES_IN_A_ROW):
        play.fail(kind)
    assert bool(play.stop) == (kind != "diverged")


def test_where_everything_diverges_the_run_stops(play: Play) -> None:
    for _ in range(FAILURES_IN_A_ROW):
        play.fail("diverged")
    assert isinstance(play.stop.error, Halted)
