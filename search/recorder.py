"""What Ray Tune says about its trials, put on record; and the driver's way to end it early.

The recorder is a Tune callback. It gives every report and every end to the supply (store and
sampler), nudges the mirror, drops checkpoints that are no longer among the best, and keeps the
driver's sign of life. An error in any of it stops the run instead of disappearing in Ray's event
loop.
"""

import contextlib
import heapq
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ray
from ray import tune

from search.stopping import Stop
from search.store import HEARTBEAT_SECONDS, Trial
from search.supply import CONTROL, Setting, Supply
from workers.job import Failure, Report

DETAIL = 4000  # characters kept of a lost worker's last words


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
        self._actors: dict[str, Any] = {}
        self._beaten = time.monotonic()

    # ---------------------------------------------------------------- Ray's events

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._actors[trial.trial_id] = trial.temporary_state.ray_actor
        self._do(lambda: self._supply.started(_number(trial)))

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        def record() -> None:
            # A resumed trial also brings what an earlier driver did not live to hear.
            reports = list(result.get("earlier", ()))
            if "report" in result:
                reports.append(result["report"])
            for report in reports:
                self._supply.reported(_number(trial), Report.model_validate(report))

        self._do(record)

    def on_trial_complete(
        self, iteration: int, trials: list[Any], trial: Any, **info: Any
    ) -> None:
        self._actors.pop(trial.trial_id, None)
        last = trial.last_result or {}
        if "failure" in last:
            failure = Failure.model_validate(last["failure"])
            self._do(lambda: self._end(_number(trial), "failed", failure))
        elif last.get("epoch", 0) >= self._set.epochs:
            self._do(lambda: self._end(_number(trial), "finished"))
        else:
            self._do(lambda: self._end(_number(trial), "pruned"))

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._actors.pop(trial.trial_id, None)
        times = self._set.campaign.retries + 1
        failure = Failure(
            kind="error",
            reason=f"its worker died {times} times" if times > 1 else "its worker died",
            detail=_last_words(trial),
        )
        self._do(lambda: self._end(_number(trial), "failed", failure))

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._actors.pop(trial.trial_id, None)

        def requeue() -> None:
            number = _number(trial)
            detail = {"trial": number, "error": _last_words(trial)}
            self._set.store.requeue_trial(self._set.campaign_id, number, "its worker died")
            self._set.store.event(self._set.campaign_id, "worker lost", detail)
            self._set.tell("retry", number)

        self._do(requeue)

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        now = time.monotonic()
        if self._deadline is not None and now >= self._deadline:
            budget = self._set.campaign.budget.seconds
            self._stop.request(f"budget.seconds: {budget:g} is used up")
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
        except Exception as error:  # Ray would take it for a failure of the trial
            self._stop.fail(error)

    def _end(self, number: int, status: Any, failure: Failure | None = None) -> None:
        self._best.ended(self._supply.ended(number, status, failure))
        self._notify()

    def _beat(self) -> None:
        if self._set.store.heartbeat(self._set.campaign_id):
            self._stop.request("asked to stop")

    def kill_workers(self) -> None:
        """End the running workers in the middle of what they do; their checkpoints are whole."""
        if self._actors:
            self._set.tell("stopping", reason=self._stop.reason)
        for actor in self._actors.values():
            with contextlib.suppress(Exception):
                ray.kill(actor)
        self._actors.clear()

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Ray saves its callbacks; what this one knows is in the store


class Ending(tune.Stopper):  # type: ignore[misc]
    """Ray Tune's question whether to end everything, answered by a `Stop`.

    Ray would wait for the running epochs; their workers are ended at once instead.
    """

    def __init__(self, stop: Stop, recorder: Recorder) -> None:
        self._stop, self._recorder = stop, recorder

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        if self._stop:
            self._recorder.kill_workers()
        return bool(self._stop)

    def __getstate__(self) -> dict[str, Any]:
        return {}


class Checkpoints:
    """Keeps the checkpoints of the campaign's `keep` best trials and of all controls.

    Best is as `Store.top` orders: top-1, then fewer parameters, then the older trial.
    """

    def __init__(self, setting: Setting) -> None:
        self._set, self._keep = setting, setting.campaign.keep
        self._kept: list[tuple[float, int, int]] = []  # a heap, the worst first
        for trial in setting.store.results(setting.campaign_id):
            self.ended(trial)

    def ended(self, trial: Trial) -> None:
        """Keep the checkpoint of a trial that has ended, or drop the one that it pushes out."""
        if trial.status not in ("finished", "pruned") or trial.top1 is None:
            self._drop(trial.number)
        elif trial.origin != CONTROL:
            rank = (trial.top1, -(trial.parameters or 0), -trial.number)
            heapq.heappush(self._kept, rank)
            if len(self._kept) > self._keep:
                self._drop(-heapq.heappop(self._kept)[2])

    def _drop(self, number: int) -> None:
        folder: Path = self._set.home.trial(self._set.campaign_id, number)
        if folder.exists():
            shutil.rmtree(folder, ignore_errors=True)


def _number(trial: Any) -> int:
    return int(trial.config["trial"])


def _last_words(trial: Any) -> str:
    """The end of what Ray noted about a trial's lost workers."""
    if not trial.error_file or not Path(trial.error_file).exists():
        return ""
    return Path(trial.error_file).read_text(errors="replace")[-DETAIL:]
