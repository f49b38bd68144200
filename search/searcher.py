"""The thin adapter that makes a campaign's supply of trials a Ray Tune searcher."""

from collections.abc import Callable
from typing import Any

from ray.tune.search import Searcher

from search.scheduler import METRIC, MODE
from search.supply import Assignment, Supply


class TuneSearcher(Searcher):  # type: ignore[misc]
    """`Supply` as Ray Tune asks for it. Ray is given each trial's job and number as its config.

    Results reach the supply through the recorder (search/recorder.py), which sees whole results;
    Ray's own notices to a searcher carry less, and are ignored.
    """

    def __init__(self, supply: Supply, stopping: Callable[[], bool]) -> None:
        super().__init__(metric=METRIC, mode=MODE)
        self._supply, self._stopping = supply, stopping
        self._ready: Assignment | None = None

    def prepare(self) -> bool:
        """Get the first trial ready; False if there is none."""
        self._ready = self._ready or self._supply.next()
        return self._ready is not None

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        assignment, self._ready = self._ready, None
        if self._stopping():
            assignment = None
        elif assignment is None:
            assignment = self._supply.next()
        if assignment is None:
            return str(Searcher.FINISHED)
        return {"job": assignment.job.model_dump_json(), "trial": assignment.number}

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Told through the recorder."""

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Ray saves its searchers; what this one knows is in the store

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""
