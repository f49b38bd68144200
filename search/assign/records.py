"""What becomes of a campaign's trials: on record, to the sampler, and to whoever listens.

Every happening of a trial comes here, so that a new driver that reads the store knows what the
old one knew: starts and reports, lost workers, ends. This module knows no Ray, and is for the
driver's thread alone.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence

from search.assign.ahead import Source
from search.assign.failures import Failures
from search.assign.kept import Checkpoints
from search.assign.losses import Losses, tail
from search.assign.setting import Setting
from search.samplers import Outcome
from search.store import Status, Trial
from search.store.ledger import Meter
from workers.job import ENVIRONMENT, Failure, Report

MUCH = 50_000  # characters: Ray may list all processes of a machine that ran out of memory


class Records:
    """The outcomes of a run's trials.

    `reports` holds those of each trial that is not over. `notify` is called after every end.
    """

    def __init__(
        self,
        setting: Setting,
        source: Source,
        reports: Mapping[int, Sequence[Report]],
        meter: Meter,
        notify: Callable[[], None],
    ) -> None:
        self._set, self._source, self._meter, self._notify = setting, source, meter, notify
        self._reports = {number: list(own) for number, own in reports.items()}
        self._best = Checkpoints(setting)
        store, campaign_id = setting.store, setting.campaign_id
        self._losses = Losses(store, campaign_id, setting.campaign.retries)
        counts = store.results.counts(campaign_id)
        any_score = bool(counts["finished"] + counts["pruned"])
        self._failures = Failures(campaign_id, any_score=any_score)
        self.lost: deque[int] = deque()
        """The trials that lost their worker and wait for another one; the queue takes them."""

    # ---------------------------------------------------------------- while it trains

    def start(self, number: int) -> None:
        """A worker has taken a trial up."""
        self._set.store.trials.start(
            self._set.campaign_id, number, devices=self._set.campaign.resources.devices
        )
        self._set.tell("started", number)

    def receive(self, number: int, earlier: Sequence[Report], report: Report | None) -> None:
        """A worker's reports: the epoch that it has trained, and those that it knows from before.

        A resumed trial also brings what an earlier driver did not receive.
        """
        for known in earlier:
            self.add_report(number, known, trained=False, late=True)
        if report is not None:
            trained = report.epoch not in {known.epoch for known in earlier}
            self.add_report(number, report, trained=trained)

    def add_report(
        self, number: int, report: Report, *, trained: bool = True, late: bool = False
    ) -> bool:
        """An epoch of a trial is done; whether it is new. A repeated one changes no score.

        `trained` is false for what a checkpoint remembers: it costs nothing again. `late` is
        true for what comes together with the epoch after it: the scheduler's word on the trial
        came with that one.
        """
        new = self._set.store.trials.add_report(
            self._set.campaign_id, number, report, trained=trained, late=late
        )
        if new or trained:
            self._meter.epoch()
        if new:
            self._reports.setdefault(number, []).append(report)
            self._set.tell("report", number, **report.model_dump(mode="json"))
        return new

    def adopt(self, number: int) -> list[Report]:
        """The reports that a new trial has taken over from another campaign's."""
        taken = self._set.store.results.reports(self._set.campaign_id, number)
        reports = self._reports.setdefault(number, [])
        reports.extend(one.report for one in taken)
        return list(reports)

    # ---------------------------------------------------------------- when a worker is lost

    def lose(self, number: int, words: str, *, silent: bool) -> None:
        """A trial has lost its worker: it waits again, unless it was lost too often.

        `words` are Ray's, `silent` says that we ended the worker. Raises Halted as `fail` does.
        """
        log = tail(self._set.places.log(number), MUCH)
        epochs = self._set.store.results.get(self._set.campaign_id, number).epochs
        reason, failure = self._losses.add(number, words, silent=silent, log=log, epochs=epochs)
        if failure is None:
            self.requeue(number, reason)
        else:
            self.fail(number, failure)

    def requeue(self, number: int, reason: str) -> None:
        """A trial waits again, and goes on before any other."""
        self._set.store.trials.requeue(self._set.campaign_id, number, reason)
        self.lost.append(number)
        self._set.tell("retry", number, reason=reason)

    # ---------------------------------------------------------------- when it is over

    def fail(self, number: int, failure: Failure) -> None:
        """A trial has failed, or cannot be trained as things are: then it waits.

        Raises Halted if others would fail as well, or if too many did.
        """
        if failure.kind in ENVIRONMENT:
            self.requeue(number, failure.reason)
            raise self._failures.halted_by(number, failure)
        self.end(number, "failed", failure)
        self._failures.add(number, failure)

    def end(self, number: int, status: Status, failure: Failure | None = None) -> Trial:
        """A trial is over: finished, pruned or failed."""
        store, campaign_id = self._set.store, self._set.campaign_id
        if failure is None:
            store.trials.finish(campaign_id, number, status)
        else:
            reason = f"{failure.kind}: {failure.reason}"
            store.trials.finish(campaign_id, number, status, reason, failure.detail or None)
        trial = store.results.get(campaign_id, number)
        self.close(trial)
        return trial

    def close(self, trial: Trial) -> None:
        """What follows from the end of a trial, which is on record."""
        outcome = self._set.outcome(trial, self._reports.pop(trial.number, ()))
        self._source.tell(trial.number, outcome or Outcome(reason="failed"))
        detail = {"top1": trial.top1, "epochs": trial.epochs, "reason": trial.reason}
        detail["source"] = trial.source
        self._set.tell(trial.status, trial.number, cell=trial.cell, **detail)
        self._best.update(trial)
        if trial.status in ("finished", "pruned"):
            self._failures.note_score()
        self._notify()
