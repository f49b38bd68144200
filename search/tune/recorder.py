"""Ray Tune's events, handed to the run's records; and the driver's way to end Ray Tune early.

An error in what follows from an event stops the run instead of disappearing in Ray's event loop.
"""

import contextlib
from pathlib import Path
from typing import Any

import ray
from ray import tune

from search.assign.losses import Silence, tail
from search.assign.records import MUCH
from search.run import Run
from search.tune.evidence import WorkerEvidence


class Recorder(tune.Callback):  # type: ignore[misc]
    """Ray Tune's events, put before the run's records. It knows the workers that are at work."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._actors: dict[str, Any] = {}
        self._silence = Silence(run.setting.campaign.limits.epoch_seconds)
        self._silent: set[str] = set()

    def on_trial_start(self, *, trial: Any, **_event: Any) -> None:
        """Put on record that a worker has started a trial."""
        self._actors[trial.trial_id] = trial.temporary_state.ray_actor
        self._silence.reset(trial.trial_id)
        self._run.stop.unless_ending(lambda: self._run.records.start(_number(trial)))

    def on_trial_result(self, *, trial: Any, result: dict[str, Any], **_event: Any) -> None:
        """Put the reports of a result on record, and charge their epochs to the budget."""
        self._silence.reset(trial.trial_id)
        brought, records = WorkerEvidence.of(result), self._run.records
        self._run.stop.unless_ending(
            lambda: records.receive(_number(trial), brought.earlier, brought.report)
        )

    def on_trial_complete(self, *, trial: Any, **_event: Any) -> None:
        """Put the end of a trial on record: finished, pruned, or failed by its own report."""
        self._forget(trial)
        number, last, records = _number(trial), trial.last_result or {}, self._run.records
        failure = WorkerEvidence.of(last).failure
        if failure is not None:
            self._run.stop.unless_ending(lambda: records.fail(number, failure))
        elif last.get("epoch", 0) >= self._run.setting.epochs:
            self._run.stop.unless_ending(lambda: records.end(number, "finished"))
        else:
            self._run.stop.unless_ending(lambda: records.end(number, "pruned"))

    def on_trial_error(self, *, trial: Any, **_event: Any) -> None:
        """A worker was lost. To Ray its trial is over: the queue hands it out again."""
        silent = trial.trial_id in self._silent
        self._forget(trial)
        self._run.stop.unless_ending(
            lambda: self._run.records.lose(_number(trial), _last_words(trial), silent=silent)
        )

    def on_step_end(self, **_event: Any) -> None:
        """End silent workers, look at the budget, and give a sign of life when it is due."""
        for trial_id in self._silence.overdue():
            self._silence.forget(trial_id)
            self._silent.add(trial_id)
            with contextlib.suppress(Exception):
                ray.kill(self._actors[trial_id])
        self._run.pulse.check()

    def _forget(self, trial: Any) -> None:
        self._actors.pop(trial.trial_id, None)
        self._silence.forget(trial.trial_id)
        self._silent.discard(trial.trial_id)

    def kill_workers(self) -> None:
        """End the running workers in the middle of what they do; their checkpoints are whole."""
        stop, setting = self._run.stop, self._run.setting
        if stop.broken:
            return  # the cluster is gone, with its workers
        if self._actors:
            setting.tell("stopping", reason=stop.reason)
        for actor in self._actors.values():
            with contextlib.suppress(Exception):
                ray.kill(actor)
        if self._actors:
            with contextlib.suppress(Exception):  # the run is ending, perhaps by this very error
                setting.store.campaigns.release(setting.campaign_id)
        self._actors.clear()

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Ray saves its callbacks; what this one knows is in the store


class Ending(tune.Stopper):  # type: ignore[misc]
    """Ray Tune's question whether to end everything, answered by the run's switch.

    Ray would wait for the running epochs; their workers are ended at once instead.
    """

    def __init__(self, run: Run, recorder: Recorder) -> None:
        self._stop, self._recorder = run.stop, recorder

    def __call__(self, _trial_id: str, _result: dict[str, Any]) -> bool:
        """Whether one trial stops: that is the scheduler's to say, so never."""
        return False

    def stop_all(self) -> bool:
        """Whether the whole run stops; if so its workers have been ended."""
        if self._stop:
            self._recorder.kill_workers()
        return bool(self._stop)

    def __getstate__(self) -> dict[str, Any]:
        return {}


def _number(trial: Any) -> int:
    return int(trial.config["trial"])


def _last_words(trial: Any) -> str:
    """The end of what Ray noted about a trial's lost worker, the last one in its file."""
    if not trial.error_file:
        return ""
    return tail(Path(trial.error_file), MUCH).rpartition("Failure # ")[2].partition("\n")[2]
