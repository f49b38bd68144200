"""The campaign's judge of early stopping, as Ray Tune asks a scheduler; and who goes first.

Ray Tune hands out workers in order here, but for trials that were interrupted, which take the
first free one.
"""

from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from search.early_stopping.judging import Judge
from search.tune.evidence import WorkerEvidence

METRIC, MODE = "top1", "max"

AGAIN = "again"
"""The key in a Ray trial's config that says whether the trial was interrupted."""


class Judged(FIFOScheduler):  # type: ignore[misc]
    """Trials in order, interrupted ones first; a judge says which of them end early."""

    def __init__(self, judge: Judge) -> None:
        super().__init__()
        self._judge = judge

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        """The waiting trial that gets a worker next; of interrupted ones the lowest number.

        Ray would give it to a new trial that has waited for it longer.
        """
        waiting = [trial for trial in tune_controller.get_live_trials() if _waits(trial)]
        interrupted = [trial for trial in waiting if trial.config.get(AGAIN)]
        if interrupted:
            return min(interrupted, key=lambda trial: trial.config["trial"])
        return super().choose_trial_to_run(tune_controller)

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """Let an interrupted trial go before new ones: take back what is requested for them.

        Ray requests it again, behind this one.
        """
        if not trial.config.get(AGAIN):
            return

        def is_new(other: Any) -> bool:
            return _waits(other) and not other.config.get(AGAIN)

        # Ray shows a scheduler its controller behind a proxy of public names.
        controller = getattr(tune_controller, "_tune_controller", tune_controller)
        controller.withdraw_requests(is_new)

    def on_trial_result(self, _tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Ray's word for whether the trial stops after a result, or goes on."""
        stops = self._remember(trial, result)
        over = result["epoch"] >= self._judge.epochs
        return str(TrialScheduler.STOP if stops or over else TrialScheduler.CONTINUE)

    def on_trial_complete(self, _tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """The result may be new: Ray does not show a last one to `on_trial_result`."""
        self._remember(trial, result)

    def _remember(self, trial: Any, result: dict[str, Any]) -> bool:
        """Whether the trial ends at any of what a result brings."""
        number = trial.config["trial"]
        stops = [self._judge.remember(number, one) for one in WorkerEvidence.of(result).reports]
        return any(stops)


def _waits(trial: Any) -> bool:
    return bool(trial.status == Trial.PENDING)
