"""Ray Tune's events, put on record; and the driver's way to end it early.

The recorder is a Tune callback. It gives every report and every end to the supply (store and
sampler), nudges the mirror, drops checkpoints that are no longer among the best, and keeps the
driver's sign of life. An error in any of it stops the run instead of disappearing in Ray's event
loop.
"""

import contextlib
import heapq
import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ray
from ray import tune

from search.assign.losses import Losses, Silence, tail
from search.assign.setting import Setting
from search.assign.stopping import Halted, Stop
from search.assign.supply import Supply
from search.store import CONTROL, HEARTBEAT_SECONDS, Trial
from search.store.ledger import Meter
from workers.job import ENVIRONMENT, HOPELESS, LOG, Failure, Report

log = logging.getLogger(__name__)

FAILURES_IN_A_ROW = 10
"""Failed trials in a row that stop a run, before they use up its budget."""

CURES = {
    "data": "Put the data back",
    "storage": "Free some space",
    "environment": "Repair the worker's machine",
}
"""What to do about the failures that are not caused by a single trial, by their kind."""

MUCH = 50_000  # characters: Ray may list all processes of a machine that ran out of memory


class Recorder(tune.Callback):  # type: ignore[misc]
    """Ray Tune's events, turned into the campaign's records."""

    def __init__(
        self,
        setting: Setting,
        supply: Supply,
        stop: Stop,
        *,
        notify: Callable[[], None] = lambda: None,
        deadline: float | None = None,
    ) -> None:
        """`notify` is called after every end; `deadline` is a reading of the monotonic clock."""
        self._set, self._supply, self._stop = setting, supply, stop
        self._notify, self._deadline = notify, deadline
        self._best = Checkpoints(setting)
        self._meter = Meter(setting.store, setting.campaign_id, setting.campaign.budget)
        supply.on_idle_end, supply.pause = self._record_idle_end, self.pulse
        self._actors: dict[str, Any] = {}
        self._losses = Losses(setting.store, setting.campaign_id, setting.campaign.retries)
        self._silence = Silence(setting.campaign.limits.epoch_seconds)
        self._silent: set[str] = set()
        self._beaten = time.monotonic()
        counts = setting.store.results.counts(setting.campaign_id)
        self._any_score = bool(counts["finished"] + counts["pruned"])
        self._in_a_row = 0

    # ---------------------------------------------------------------- Ray's events

    def on_trial_start(self, *, trial: Any, **_event: Any) -> None:
        """Put on record that a worker has started a trial."""
        self._actors[trial.trial_id] = trial.temporary_state.ray_actor
        self._silence.reset(trial.trial_id)
        self._do(lambda: self._supply.record_start(_number(trial)))

    def on_trial_result(self, *, trial: Any, result: dict[str, Any], **_event: Any) -> None:
        """Put the reports of a result on record, and charge their epochs to the budget."""

        def record() -> None:
            # A resumed trial also brings what an earlier driver did not receive.
            earlier = [Report.model_validate(report) for report in result.get("earlier", ())]
            for report in earlier:
                if self._supply.record_report(_number(trial), report, trained=False, late=True):
                    self._meter.epoch()
            if "report" in result:
                report = Report.model_validate(result["report"])
                trained = report.epoch not in {known.epoch for known in earlier}
                if self._supply.record_report(_number(trial), report, trained=trained) or trained:
                    self._meter.epoch()

        self._silence.reset(trial.trial_id)
        self._do(record)

    def on_trial_complete(self, *, trial: Any, **_event: Any) -> None:
        """Put the end of a trial on record: finished, pruned, or failed by its own report."""
        self._forget(trial)
        last = trial.last_result or {}
        if "failure" in last:
            failure = Failure.model_validate(last["failure"])
            self._do(lambda: self._record_failure(_number(trial), failure))
        elif last.get("epoch", 0) >= self._set.epochs:
            self._do(lambda: self._end(_number(trial), "finished"))
        else:
            self._do(lambda: self._end(_number(trial), "pruned"))

    def on_trial_error(self, *, trial: Any, **_event: Any) -> None:
        """A worker was lost. To Ray its trial is over: the supply hands it out again."""
        number, silent = _number(trial), trial.trial_id in self._silent
        self._forget(trial)

        def lost() -> None:
            log = tail(self._set.home.trial(self._set.campaign_id, number) / LOG, MUCH)
            words = _last_words(trial)
            epochs = self._set.store.results.get(self._set.campaign_id, number).epochs
            reason, failure = self._losses.add(
                number, words, silent=silent, log=log, epochs=epochs
            )
            if failure is None:
                self._supply.requeue(number, reason)
            else:
                self._record_failure(number, failure)

        self._do(lost)

    def on_step_end(self, **_event: Any) -> None:
        """Look at the budget and at silent workers, and give a sign of life when it is due."""
        now = time.monotonic()
        if self._deadline is not None and now >= self._deadline:
            budget = self._set.campaign.budget.seconds
            self._stop.request(f"budget.seconds: {budget:g} is used up")
        if (exhausted := self._meter.find_exhausted()) is not None:
            self._stop.request(exhausted)
        for trial_id in self._silence.overdue():
            self._silence.forget(trial_id)
            self._silent.add(trial_id)
            with contextlib.suppress(Exception):
                ray.kill(self._actors[trial_id])
        if now - self._beaten >= HEARTBEAT_SECONDS:
            self._beaten = now
            self._do(self._beat)

    # ---------------------------------------------------------------- what they mean

    def _do(self, act: Callable[[], object]) -> None:
        """Do it, unless the run is ending: what ends then was interrupted, not finished."""
        if self._stop:
            return
        try:
            act()
        except Exception as error:
            # Ray would take it for a failure of the trial.
            log.debug("the run ends, since a record failed", exc_info=True)
            self._stop.fail(error)

    def _forget(self, trial: Any) -> None:
        self._actors.pop(trial.trial_id, None)
        self._silence.forget(trial.trial_id)
        self._silent.discard(trial.trial_id)

    def _record_failure(self, number: int, failure: Failure) -> None:
        campaign = self._set.campaign_id
        if failure.kind in ENVIRONMENT:
            self._supply.requeue(number, failure.reason)
            raise Halted(
                f"trial {number} is put back, and others would fail as well: {failure.reason}. "
                f"{CURES[failure.kind]}, then `ventral resume {campaign}`"
            )
        self._end(number, "failed", failure)
        # A divergence is the cell's and its recipe's own, where others do well.
        self._in_a_row += failure.kind != "diverged" or not self._any_score
        if self._in_a_row >= FAILURES_IN_A_ROW:
            raise Halted(
                f"{self._in_a_row} trials failed in a row, the last of them trial {number} "
                f"({failure.kind}: {failure.reason}). `ventral trial show {campaign} {number}` "
                f"shows more, `ventral resume {campaign}` tries others"
            )

    def _end(self, number: int, status: Any, failure: Failure | None = None) -> None:
        self._best.update(self._supply.record_end(number, status, failure))
        if failure is None:
            self._note_score()
        self._notify()

    def _record_idle_end(self, trial: Trial) -> None:
        """A trial ended without a worker: its training was done before."""
        self._best.update(trial)
        if trial.status in ("finished", "pruned"):
            self._note_score()
        self._notify()

    def _note_score(self) -> None:
        """A trial ended well: what failed before it were failures of single trials."""
        self._in_a_row, self._any_score = 0, True

    def pulse(self) -> bool:
        """A sign of life, and a look at the budget, while Ray reports nothing; whether the
        run is to end.
        """
        self.on_step_end()
        return bool(self._stop)

    def _beat(self) -> None:
        if self._set.store.campaigns.heartbeat(self._set.campaign_id):
            self._stop.request("asked to stop")

    def kill_workers(self) -> None:
        """End the running workers in the middle of what they do; their checkpoints are whole."""
        if self._stop.broken:
            return  # the cluster is gone, with its workers
        if self._actors:
            self._set.tell("stopping", reason=self._stop.reason)
        for actor in self._actors.values():
            with contextlib.suppress(Exception):
                ray.kill(actor)
        if self._actors:
            with contextlib.suppress(Exception):  # the run is ending, perhaps by this very error
                self._set.store.campaigns.release(self._set.campaign_id)
        self._actors.clear()

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Ray saves its callbacks; what this one knows is in the store


class Ending(tune.Stopper):  # type: ignore[misc]
    """Ray Tune's question whether to end everything, answered by a `Stop`.

    Ray would wait for the running epochs; their workers are ended at once instead.
    """

    def __init__(self, stop: Stop, recorder: Recorder) -> None:
        self._stop, self._recorder = stop, recorder

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


class Checkpoints:
    """Keeps the checkpoints of the campaign's `keep` best trials, of all controls, and of failed
    trials that may go on from theirs.

    Best is as `store.results.top` orders: top-1, then fewer parameters, then the older trial.
    """

    def __init__(self, setting: Setting) -> None:
        self._set, self._keep = setting, setting.campaign.keep
        self._ranks: list[tuple[float, int, int]] = []  # a heap, the worst first
        for trial in setting.store.results.ended(setting.campaign_id):
            self.update(trial)

    def update(self, trial: Trial) -> None:
        """Keep the checkpoint of a trial that has ended, or drop the one that it pushes out."""
        if trial.status == "failed" and (trial.reason or "").partition(":")[0] not in HOPELESS:
            return  # if it is tried again it goes on from there
        if trial.status not in ("finished", "pruned") or trial.top1 is None:
            self._drop(trial.number)
        elif trial.origin != CONTROL:
            rank = (trial.top1, -(trial.parameters or 0), -trial.number)
            heapq.heappush(self._ranks, rank)
            if len(self._ranks) > self._keep:
                self._drop(-heapq.heappop(self._ranks)[2])

    def _drop(self, number: int) -> None:
        folder: Path = self._set.home.trial(self._set.campaign_id, number)
        if folder.exists():
            shutil.rmtree(folder, ignore_errors=True)


def _number(trial: Any) -> int:
    return int(trial.config["trial"])


def _last_words(trial: Any) -> str:
    """The end of what Ray noted about a trial's lost worker, the last one in its file."""
    if not trial.error_file:
        return ""
    return tail(Path(trial.error_file), MUCH).rpartition("Failure # ")[2].partition("\n")[2]
