"""The campaign's supply of trials: what is trained next, and its outcome.

`Supply` decides what is trained next: first the trials that were interrupted, then the space's
controls, then what the sampler suggests (search/assign/suggesting.py). Before anything is handed
out it is written to the store, with the journal of its suggestion. It is also where results come
back: to the store and to the sampler, in one place, so that a new driver that reads the store
knows what the old one knew.

`Supply` knows no Ray. It is for the driver's thread alone.
"""

import shutil
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from search import samplers
from search.assign import reuse
from search.assign.outcomes import curve_of, group_by_trial, outcome_of
from search.assign.suggesting import (
    DRAWN_TRIES,
    SAMPLER_TRIES,
    Ahead,
    Suggester,
    Suggestion,
    call_of,
    find_refusal,
)
from search.campaign import Campaign, control_runs
from search.samplers import Outcome
from search.setting import Setting
from search.store import CONTROL, RETRY, NewTrial, Status, Takeover, Trial
from space.cell_names import short_name
from space.errors import CampaignError
from space.space import Space
from space.unroll.cost import cost
from workers.job import Failure, Job, Report


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """One trial to be trained, on record as waiting. `again` if it was interrupted."""

    number: int
    job: Job
    again: bool = field(default=False, compare=False)


class Supply:
    """What is trained next, and its outcome. Made from the store's state alone.

    With `ahead` suggestions are made in a thread: `close` ends it.
    """

    def __init__(self, setting: Setting, *, ahead: bool = False) -> None:
        self._set = setting
        campaign, store = setting.campaign, setting.store
        self._trained = 0
        self._controls = deque(control_runs(campaign, setting.space))
        self._ended = False
        self.error: CampaignError | None = None
        """Why the supply ended, if it is the user's to correct."""
        self.exhausted = False
        """Whether it ended because no point was found that is not on record."""
        self.on_idle_end: Callable[[Trial], None] = lambda _trial: None
        """Called for a trial that ended without a worker: its training was done before."""
        self.judge: Callable[[int, Report], bool] = lambda _number, _report: False
        """Puts a report of another campaign's worker before the scheduler: whether the trial
        stops there.
        """
        self.pause: Callable[[], bool] = lambda: False
        """Called between trials that need no worker: whether no more are to be looked for."""
        self._reports: dict[int, list[Report]] = defaultdict(list)  # of trials that are not over
        suggester = self._rebuild_suggester(store.results.find(setting.campaign_id))
        self._source: Suggester | Ahead = Ahead(suggester) if ahead else suggester
        self._unfinished = deque(store.results.unfinished(setting.campaign_id))
        self._lost: deque[int] = deque()

    def close(self) -> None:
        """End the thread that makes suggestions."""
        if isinstance(self._source, Ahead):
            self._source.close()

    # ---------------------------------------------------------------- the past

    def _rebuild_suggester(self, trials: list[Trial]) -> Suggester:
        """A suggester that knows what the last driver's knew, and what arrived since."""
        campaign, space = self._set.campaign, self._set.space
        suggester = suggester_of(campaign, space)
        journal = self._set.store.results.journal(self._set.campaign_id)
        reports = group_by_trial(self._set.store.results.all_reports(self._set.campaign_id))
        curves = {n: curve_of(own, self._set.epochs) for n, own in reports.items()}
        last_calls: dict[int, Any] = {}
        for trial in trials:
            self._trained += trial.status != "infeasible"
            if trial.origin in (CONTROL, RETRY):
                suggester.note(trial.number, trial.digest, trial.recipe, trial.seed)
                continue
            calls = journal.get(trial.number, [])
            last_calls |= {call["told"]: call for call in calls if "told" in call}
            suggester.recall(
                trial.number, trial.digest, trial.recipe, trial.choices, calls, curves
            )
        for trial in sorted(trials, key=lambda trial: trial.arrived or 0):
            outcome = self._outcome(trial, reports.get(trial.number, []))
            if outcome is None:
                self._reports[trial.number] = reports.get(trial.number, [])
            elif last_calls.get(trial.number) != call_of(trial.number, outcome):
                suggester.tell(trial.number, outcome)
        return suggester

    def _outcome(self, trial: Trial, reports: Sequence[Report]) -> Outcome | None:
        campaign, guess = self._set.campaign, self._set.guess
        return outcome_of(trial, self._set.epochs, reports, campaign.objectives, guess)

    def settle(self, numbers: Collection[int]) -> None:
        """End the unfinished trials among `numbers`: the last driver knew that they stop, but
        was killed before it wrote that down.
        """
        for trial in [trial for trial in self._unfinished if trial.number in numbers]:
            self._unfinished.remove(trial)
            whole = trial.epochs >= self._set.epochs
            self.on_idle_end(self.record_end(trial.number, "finished" if whole else "pruned"))

    @property
    def unfinished(self) -> int:
        """How many trials of an earlier driver are still to be continued."""
        return len(self._unfinished)

    # ---------------------------------------------------------------- what comes next

    def ready(self, seconds: float = 0.0) -> bool:
        """Whether `next` would answer at once, after waiting for at most so long."""
        if self._lost or self._unfinished or self._controls or self._over_budget():
            return True
        return not isinstance(self._source, Ahead) or self._source.ready(seconds)

    def next(self) -> Assignment | None:
        """The next trial to train, or None if there is none.

        Then the budget is used up, every point of the space is known, nothing in it may be
        trained (`error` is set), or `pause()` is true.
        """
        while self._lost or self._unfinished:
            again = bool(self._lost)
            if again:
                trial = self._set.store.results.get(self._set.campaign_id, self._lost.popleft())
            else:
                trial = self._unfinished.popleft()
                again = trial.started is not None
            if (assignment := self._resume(trial, again)) is not None:
                return assignment
        while not self._over_budget() and not self.pause():
            if self._controls:
                assignment = self._next_control(*self._controls.popleft())
            else:
                assignment = self._next_suggestion()
            if assignment is not None:
                return assignment
        return None

    def _over_budget(self) -> bool:
        return self._ended or self._trained >= self._set.campaign.budget.trials

    def _resume(self, trial: Trial, again: bool) -> Assignment | None:
        """A trial that was interrupted; None if all that was missing was its end."""
        if trial.epochs >= self._set.epochs:
            self.on_idle_end(self.record_end(trial.number, "finished"))
            return None
        job = self._set.job(trial.number, trial.genome or {}, trial.recipe, trial.seed)
        return Assignment(number=trial.number, job=job, again=again)

    def _next_control(self, name: str, seed: int) -> Assignment | None:
        """A control to train; None if it needs no training, or may have none."""
        sample = self._set.space.control(name)
        estimate = cost(sample.genome)
        number = self._source.control(sample.digest, sample.recipe, seed)
        if number is None:
            return None
        reason = find_refusal(self._set.campaign, sample, estimate)
        suggestion = Suggestion(
            number=number,
            choices=sample.choices,
            digest=sample.digest,
            sample=sample,
            cost=estimate,
            reason=reason,
            calls=(),
        )
        return self._record(suggestion, CONTROL, seed)

    def _next_suggestion(self) -> Assignment | None:
        """A new point to train; None if it needs no training, or if there is none."""
        suggestion = self._source.suggest()
        if suggestion is not None:
            campaign = self._set.campaign
            return self._record(suggestion, campaign.sampler.name, campaign.seed)
        self._ended, self.error = True, self._source.error
        if self.error is None:
            self.exhausted, tried = True, SAMPLER_TRIES + DRAWN_TRIES
            self._set.store.campaigns.add_event(
                self._set.campaign_id, "space exhausted", {"tried": tried}
            )
            self._set.tell("exhausted", tried=tried)
        return None

    def _record(self, suggestion: Suggestion, origin: str, seed: int) -> Assignment | None:
        """Put a suggestion on record, as waiting or as infeasible."""
        sample, number = suggestion.sample, suggestion.number
        overlay = {} if sample is None else sample.recipe
        genome = {} if sample is None else sample.genome.document()
        work: str | None = None
        takeover: Takeover | None = None
        if suggestion.reason is None:
            recipe = self._set.recipe(overlay)
            work = reuse.work_of(suggestion.digest, recipe, self._set.data.checksum, seed)
            takeover = self._set.takeover(number, work, recipe)
            if takeover is None:
                # A driver that died may have linked what another point was to go on from.
                shutil.rmtree(self._set.home.trial(self._set.campaign_id, number), True)
        if takeover is not None:
            # Weights belong to a spelling: the trial takes that over as well.
            genome = takeover.donor.trial.genome or genome
        cell = "" if sample is None else short_name(sample.genome)
        trial = NewTrial(
            number=number,
            digest=suggestion.digest,
            genome=genome,
            recipe=overlay,
            seed=seed,
            choices=suggestion.choices,
            origin=origin,
            parameters=None if suggestion.cost is None else suggestion.cost.parameters,
            macs=None if suggestion.cost is None else suggestion.cost.macs,
            cell=cell,
            status="waiting" if suggestion.reason is None else "infeasible",
            reason=suggestion.reason,
            folder=str(self._set.home.trial(self._set.campaign_id, number)),
            work=work,
            takeover=takeover,
            calls=None if origin == CONTROL else suggestion.calls,
        )
        self._set.store.trials.add(self._set.campaign_id, trial)
        if suggestion.reason is not None:
            self._set.tell("infeasible", number, reason=suggestion.reason, cell=cell)
            return None
        self._trained += 1
        if takeover is not None and self._apply_takeover(number, takeover):
            return None
        return Assignment(number=number, job=self._set.job(number, genome, overlay, seed))

    def _apply_takeover(self, number: int, takeover: Takeover) -> bool:
        """Whether a trial is over by what another campaign trained."""
        on_record = self._set.store.results.reports(self._set.campaign_id, number)
        reports = [one.report for one in on_record]
        self._reports[number] += reports
        stops = [self.judge(number, report) for report in reports]
        if takeover.status is not None:
            trial = self._set.store.results.get(self._set.campaign_id, number)
            self._announce_end(trial)
        elif any(stops):
            trial = self.record_end(number, "pruned")
        else:
            return False
        self.on_idle_end(trial)
        return True

    # ---------------------------------------------------------------- outcomes

    def record_start(self, number: int) -> None:
        """A worker has taken a trial up."""
        self._set.store.trials.start(
            self._set.campaign_id, number, devices=self._set.campaign.resources.devices
        )
        self._set.tell("started", number)

    def record_report(
        self, number: int, report: Report, *, trained: bool = True, late: bool = False
    ) -> bool:
        """An epoch of a trial is done; whether it is new. A repeated one changes no score.

        `trained` is false for what a checkpoint remembers: it costs nothing again. `late` is
        true for what comes together with the epoch after it: the scheduler's word on the trial
        came with that one.
        """
        store, campaign_id = self._set.store, self._set.campaign_id
        new = store.trials.add_report(campaign_id, number, report, trained=trained, late=late)
        if new:
            self._reports[number].append(report)
            self._set.tell("report", number, **report.model_dump(mode="json"))
        return new

    def requeue(self, number: int, reason: str) -> None:
        """A trial lost its worker: it waits again, and goes on before any other."""
        self._set.store.trials.requeue(self._set.campaign_id, number, reason)
        self._lost.append(number)
        self._set.tell("retry", number, reason=reason)

    def record_end(self, number: int, status: Status, failure: Failure | None = None) -> Trial:
        """A trial is over: finished, pruned or failed."""
        store, campaign_id = self._set.store, self._set.campaign_id
        if failure is None:
            store.trials.finish(campaign_id, number, status)
        else:
            reason = f"{failure.kind}: {failure.reason}"
            store.trials.finish(campaign_id, number, status, reason, failure.detail or None)
        trial = store.results.get(campaign_id, number)
        self._announce_end(trial)
        return trial

    def _announce_end(self, trial: Trial) -> None:
        """Tell the sampler and the listener of a trial that has ended."""
        outcome = self._outcome(trial, self._reports.pop(trial.number, []))
        self._source.tell(trial.number, outcome or Outcome(reason="failed"))
        detail = {"top1": trial.top1, "epochs": trial.epochs, "reason": trial.reason}
        detail["source"] = trial.source
        self._set.tell(trial.status, trial.number, cell=trial.cell, **detail)


def suggester_of(campaign: Campaign, space: Space) -> Suggester:
    """A fresh suggester of a campaign."""
    sampler = samplers.make(campaign.sampler.name, space, campaign.seed, campaign.sampler.options)
    return Suggester(sampler, space, campaign)
