"""The thin adapter that makes a campaign's queue of trials a Ray Tune searcher."""

from collections.abc import Callable
from typing import Any

from ray.tune.search import Searcher

from search.run import Run
from search.tune.scheduler import AGAIN, METRIC, MODE
from workers.logs import read_log_format

PATIENCE = 0.05
"""Seconds that Ray's loop may wait for a suggestion while a worker waits for a trial."""


class TuneSearcher(Searcher):  # type: ignore[misc]
    """A run's queue as Ray Tune asks for it. Ray is given each trial's job and number as its
    config.

    Results reach the run through the recorder (recorder.py), which sees whole results; Ray's own
    notices to a searcher carry less, and are ignored.
    """

    def __init__(self, run: Run, slots: int, may_start: Callable[[int], bool]) -> None:
        """`slots` is how many trials Ray may have at once. `may_start` is asked, with the number
        of trials that Ray has, before it is given another one.
        """
        super().__init__(metric=METRIC, mode=MODE)
        self._queue, self._stop = run.queue, run.stop
        self._logs = {"campaign": run.setting.campaign_id, "log": read_log_format()}
        self._slots, self._may_start = slots, may_start
        self._part = min(1.0, run.setting.campaign.resources.gpus or 1.0)  # of a GPU
        self._live: set[str] = set()

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """The config of a new trial; None if there is none now, FINISHED if there will be none."""
        if self._stop:
            return str(Searcher.FINISHED)
        if not self._has_room():
            return None
        assignment = self._queue.next()
        if assignment is None and self._live and not self._stop:
            return None  # one of these may lose its worker, and has then to be given out again
        if assignment is None:
            return str(Searcher.FINISHED)
        self._live.add(trial_id)
        return {
            "job": assignment.job.model_dump_json(),
            "trial": assignment.number,
            "part": self._part,
            AGAIN: assignment.again,
            **self._logs,
        }

    def _has_room(self) -> bool:
        """Whether there is room for a trial, and one to put there without holding Ray up."""
        live = len(self._live)
        if live >= self._slots or not self._may_start(live):
            return False
        # While nothing runs, nothing is held up.
        return not live or self._queue.ready(PATIENCE)

    def on_trial_complete(
        self, trial_id: str, _result: dict[str, Any] | None = None, _error: bool = False
    ) -> None:
        """Count one live trial less; its outcome reaches the run by the recorder."""
        self._live.discard(trial_id)

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Ray saves its searchers; what this one knows is in the store

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""
