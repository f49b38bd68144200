"""The campaign's supply of trials: what is trained next, and what became of it.

`Supply` decides what is trained next: first the trials that were interrupted, then the space's
controls, then what the sampler suggests (search/suggesting.py). Before anything is handed out it
is written to the store, with the journal of its suggestion. It is also where results come back: to
the store and to the sampler, in one place, so that a new driver that reads the store knows what
the old one knew.

`Supply` knows no Ray. It is for the driver's thread alone.
"""

import shutil
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from search import reuse, samplers
from search.campaign import Campaign, control_runs, full_epochs
from search.home import Home
from search.limits import fitted
from search.objectives import Objective, costs_of
from search.samplers import Outcome
from search.store import Status, Store, Takeover, Trial
from search.suggesting import (
    ASKED,
    DRAWN,
    Ahead,
    Suggester,
    Suggestion,
    call_of,
    refused,
)
from space.cell_names import short_name
from space.errors import CampaignError
from space.space import Space
from space.unroll.cost import cost
from workers.job import Failure, Job, PackRef, Recipe, Report

CONTROL, RETRY = "control", "retry"
"""Origins of trials that no sampler suggested, and that none is told of."""

LATE = "late"
"""The mark of a report that was put on record together with the one after it."""


Reported = Mapping[str, Any]
"""A report as the store keeps it."""


@dataclass(frozen=True, kw_only=True)
class Happening:
    """Something that a live view may want to show; `trial` is a number, if it is about one.

    Kinds: packing, starting, sharing, started, report, finished, pruned, failed, infeasible,
    retry, exhausted, stopping, mirroring, ended.
    """

    kind: str
    trial: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


Listener = Callable[[Happening], None]


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """One trial to be trained, on record as waiting. `again` if it was interrupted."""

    number: int
    job: Job
    again: bool = field(default=False, compare=False)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What stays the same during a campaign's run."""

    campaign_id: str
    campaign: Campaign
    space: Space
    data: PackRef
    home: Home
    store: Store
    listener: Listener = lambda happening: None
    guess: float | None = None
    """Top-1 of the best constant answer; None in campaigns of before it was known."""
    address: str | None = None
    """Of the running Ray cluster on which trials run; None for one of the driver's own."""

    @property
    def epochs(self) -> int:
        """Epochs of a full training."""
        return full_epochs(self.campaign, self.space)

    def recipe(self, overlay: Mapping[str, Any]) -> Recipe:
        """The campaign's recipe with a sample's laid over it. Raises InputError."""
        return self.campaign.recipe.overlaid(overlay)

    def job(
        self, number: int, genome: Mapping[str, Any], overlay: Mapping[str, Any], seed: int
    ) -> Job:
        """The job of a trial. All suggested ones have the campaign's seed: they differ in nothing
        else.
        """
        return Job(
            genome=dict(genome),
            recipe=fitted(self.campaign, self.recipe(overlay), genome),
            data=self.data,
            seed=seed,
            folder=str(self.home.trial(self.campaign_id, number)),
        )

    def takeover(self, number: int, work: str, recipe: Recipe) -> Takeover | None:
        """What a new trial of a work and a closed recipe takes over from another campaign."""
        if not self.campaign.reuse:
            return None
        folder = self.home.trial(self.campaign_id, number)
        return reuse.find(self.store, self.campaign_id, self.campaign, work, recipe, folder)

    def tell(self, kind: str, trial: int | None = None, **detail: Any) -> None:
        """Let the listener know."""
        self.listener(Happening(kind=kind, trial=trial, detail=detail))


class Supply:
    """What is trained next, and what became of it. Made from the store's state alone.

    With `ahead` suggestions are made in a thread: `close` ends it.
    """

    def __init__(self, setting: Setting, *, ahead: bool = False) -> None:
        self._set = setting
        campaign, store = setting.campaign, setting.store
        self._trained = 0
        self._controls = deque(control_runs(campaign, setting.space))
        self._ended = False
        self.error: CampaignError | None = None
        """Why the supply ended, if the user has something to mend."""
        self.exhausted = False
        """Whether it ended because no point was found that is not on record."""
        self.answered: Callable[[Trial], None] = lambda trial: None
        """Called for a trial that ended without a worker: its training was done before."""
        self.judge: Callable[[Mapping[str, Any]], bool] = lambda report: False
        """Puts a report of another campaign's worker before the scheduler: whether the trial
        stops there.
        """
        self.pause: Callable[[], bool] = lambda: False
        """Called between trials that need no worker: whether no more are to be looked for."""
        self._heard: dict[int, list[Reported]] = defaultdict(list)  # of trials that are not over
        suggester = self._recalled(store.trials(setting.campaign_id))
        self._source: Suggester | Ahead = Ahead(suggester) if ahead else suggester
        self._unfinished = deque(store.unfinished(setting.campaign_id))
        self._lost: deque[int] = deque()

    def close(self) -> None:
        """End the thread that makes suggestions."""
        if isinstance(self._source, Ahead):
            self._source.close()

    # ---------------------------------------------------------------- the past

    def _recalled(self, trials: list[Trial]) -> Suggester:
        """A suggester that knows what the last driver's knew, and what arrived since."""
        campaign, space = self._set.campaign, self._set.space
        suggester = suggester_of(campaign, space)
        journal = self._set.store.journal(self._set.campaign_id)
        reports = by_trial(self._set.store.all_reports(self._set.campaign_id))
        curves = {n: curve_of(found, self._set.epochs) for n, found in reports.items()}
        told: dict[int, Any] = {}
        for trial in trials:
            self._trained += trial.status != "infeasible"
            if trial.origin in (CONTROL, RETRY):
                suggester.note(trial.number, trial.digest, trial.recipe, trial.seed)
                continue
            calls = journal.get(trial.number, [])
            told |= {call["told"]: call for call in calls if "told" in call}
            suggester.recall(
                trial.number, trial.digest, trial.recipe, trial.choices, calls, curves
            )
        for trial in sorted(trials, key=lambda trial: trial.arrived or 0):
            outcome = self._outcome(trial, reports.get(trial.number, []))
            if outcome is None:
                self._heard[trial.number] = reports.get(trial.number, [])
            elif told.get(trial.number) != call_of(trial.number, outcome):
                suggester.tell(trial.number, outcome)
        return suggester

    def _outcome(self, trial: Trial, reports: Sequence[Reported]) -> Outcome | None:
        told = self._set.campaign.objectives, self._set.guess
        return outcome_of(trial, self._set.epochs, reports, *told)

    def settle(self, stopped: Collection[int]) -> None:
        """End the unfinished trials among `stopped`: the last driver knew that they stop, but
        did not live to write it down.
        """
        for trial in [trial for trial in self._unfinished if trial.number in stopped]:
            self._unfinished.remove(trial)
            whole = trial.epochs >= self._set.epochs
            self.answered(self.ended(trial.number, "finished" if whole else "pruned"))

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
        """The next trial to train, or None if there is none: the budget is used up, every point
        of the space is known, nothing in it may be trained (`error` says so), or `pause` says so.
        """
        while self._lost or self._unfinished:
            again = bool(self._lost)
            if again:
                trial = self._set.store.trial(self._set.campaign_id, self._lost.popleft())
            else:
                trial = self._unfinished.popleft()
                again = trial.started is not None
            if (assignment := self._continued(trial, again)) is not None:
                return assignment
        while not self._over_budget() and not self.pause():
            if self._controls:
                found = self._control(*self._controls.popleft())
            else:
                found = self._suggested()
            if found is not None:
                return found
        return None

    def _over_budget(self) -> bool:
        return self._ended or self._trained >= self._set.campaign.budget.trials

    def _continued(self, trial: Trial, again: bool) -> Assignment | None:
        """A trial that was interrupted; None if all that was missing was its end."""
        if trial.epochs >= self._set.epochs:
            self.answered(self.ended(trial.number, "finished"))
            return None
        job = self._set.job(trial.number, trial.genome or {}, trial.recipe, trial.seed)
        return Assignment(number=trial.number, job=job, again=again)

    def _control(self, name: str, seed: int) -> Assignment | None:
        """A control to train; None if it needs no training, or may have none."""
        sample = self._set.space.control(name)
        found = cost(sample.genome)
        number = self._source.control(sample.digest, sample.recipe, seed)
        if number is None:
            return None
        reason = refused(self._set.campaign, sample, found)
        suggestion = Suggestion(
            number=number,
            choices=sample.choices,
            digest=sample.digest,
            sample=sample,
            cost=found,
            reason=reason,
            calls=(),
        )
        return self._recorded(suggestion, CONTROL, seed)

    def _suggested(self) -> Assignment | None:
        """A new point to train; None if it needs no training, or if there is none."""
        suggestion = self._source.suggest()
        if suggestion is not None:
            campaign = self._set.campaign
            return self._recorded(suggestion, campaign.sampler.name, campaign.seed)
        self._ended, self.error = True, self._source.error
        if self.error is None:
            self.exhausted, tried = True, ASKED + DRAWN
            self._set.store.event(self._set.campaign_id, "space exhausted", {"tried": tried})
            self._set.tell("exhausted", tried=tried)
        return None

    def _recorded(self, suggestion: Suggestion, origin: str, seed: int) -> Assignment | None:
        """Put a suggestion on record, as waiting or as infeasible."""
        sample, number = suggestion.sample, suggestion.number
        overlay = {} if sample is None else sample.recipe
        genome = {} if sample is None else sample.genome.document()
        work: str | None = None
        takeover: Takeover | None = None
        if suggestion.reason is None:
            closed = self._set.recipe(overlay)
            work = reuse.work_of(suggestion.digest, closed, self._set.data.checksum, seed)
            takeover = self._set.takeover(number, work, closed)
            if takeover is None:
                # A driver that died may have linked what another point was to go on from.
                shutil.rmtree(self._set.home.trial(self._set.campaign_id, number), True)
        if takeover is not None:
            # Weights belong to a spelling: the trial takes that over as well.
            genome = takeover.donor.trial.genome or genome
        cell = "" if sample is None else short_name(sample.genome)
        self._set.store.add_trial(
            self._set.campaign_id,
            number,
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
        if suggestion.reason is not None:
            self._set.tell("infeasible", number, reason=suggestion.reason, cell=cell)
            return None
        self._trained += 1
        if takeover is not None and self._taken_over(number, takeover):
            return None
        return Assignment(number=number, job=self._set.job(number, genome, overlay, seed))

    def _taken_over(self, number: int, takeover: Takeover) -> bool:
        """Whether a trial is over by what another campaign trained."""
        reports = self._set.store.reports(self._set.campaign_id, number)
        for report in reports:
            self._heard[number].append(report)
        stops = [self.judge(report | {"number": number}) for report in reports]
        if takeover.status is not None:
            trial = self._set.store.trial(self._set.campaign_id, number)
            self._over(trial)
        elif any(stops):
            trial = self.ended(number, "pruned")
        else:
            return False
        self.answered(trial)
        return True

    # ---------------------------------------------------------------- what became of it

    def started(self, number: int) -> None:
        """A worker has taken a trial up."""
        self._set.store.start_trial(
            self._set.campaign_id, number, devices=self._set.campaign.resources.devices
        )
        self._set.tell("started", number)

    def reported(
        self, number: int, report: Report, *, trained: bool = True, late: bool = False
    ) -> bool:
        """An epoch of a trial is done; whether it is new. Once more it changes no score.

        `trained` is false for what a checkpoint remembers: it costs nothing once more. `late` is
        true for what comes together with the epoch after it: the scheduler's word on the trial
        came with that one.
        """
        document = report.model_dump(mode="json")
        store, campaign_id = self._set.store, self._set.campaign_id
        kept = document | {LATE: True} if late else document
        new = store.add_report(campaign_id, number, kept, trained=trained)
        if new:
            self._heard[number].append(document)
            self._set.tell("report", number, **document)
        return new

    def again(self, number: int, reason: str) -> None:
        """A trial lost its worker: it waits once more, and goes on before any other."""
        self._set.store.requeue_trial(self._set.campaign_id, number, reason)
        self._lost.append(number)
        self._set.tell("retry", number, reason=reason)

    def ended(self, number: int, status: Status, failure: Failure | None = None) -> Trial:
        """A trial is over: finished, pruned or failed."""
        store, campaign_id = self._set.store, self._set.campaign_id
        if failure is None:
            store.finish_trial(campaign_id, number, status)
        else:
            reason = f"{failure.kind}: {failure.reason}"
            store.finish_trial(campaign_id, number, status, reason, failure.detail or None)
        trial = store.trial(campaign_id, number)
        self._over(trial)
        return trial

    def _over(self, trial: Trial) -> None:
        """Tell the sampler and the listener of a trial that has ended."""
        outcome = self._outcome(trial, self._heard.pop(trial.number, []))
        self._source.tell(trial.number, outcome or Outcome(reason="failed"))
        detail = {"top1": trial.top1, "epochs": trial.epochs, "reason": trial.reason}
        detail["source"] = trial.source
        self._set.tell(trial.status, trial.number, cell=trial.cell, **detail)


def suggester_of(campaign: Campaign, space: Space) -> Suggester:
    """A fresh suggester of a campaign."""
    sampler = samplers.make(campaign.sampler.name, space, campaign.seed, campaign.sampler.options)
    return Suggester(sampler, space, campaign)


def by_trial(reports: Iterable[Reported]) -> dict[int, list[Reported]]:
    """All reports of a campaign by their trials, in the order of arrival."""
    found: dict[int, list[Reported]] = defaultdict(list)
    for report in reports:
        found[report["number"]].append(report)
    return found


def curve_of(reports: Iterable[Reported], epochs: int) -> list[tuple[float, float]]:
    """(fidelity, top-1) of the epochs of a trial, from its reports."""
    return [
        (min(report["epoch"] / epochs, 1.0), report["top1"])
        for report in reports
        if report["top1"] is not None
    ]


def outcome_of(
    trial: Trial,
    epochs: int,
    reports: Sequence[Reported] = (),
    objectives: Sequence[Objective] = (),
    guess: float | None = None,
) -> Outcome | None:
    """A trial as a sampler is told of it, from its reports; None while it is not over.

    No score is less than `guess`, the best constant answer's: which class a network that has
    learned nothing happens to name tells nothing of its cell.
    """
    if trial.status in ("waiting", "running"):
        return None
    if trial.status in ("finished", "pruned") and trial.top1 is not None:
        fidelity = 1.0 if trial.status == "finished" else min(trial.epochs / epochs, 1.0)
        curve = tuple(curve_of(reports, epochs))
        last = max(reports, key=lambda report: report["epoch"], default={})
        costs = costs_of(trial, objectives, last.get("accuracy_by_step"))
        score = max(trial.top1, guess or 0.0)
        return Outcome(score=score, fidelity=fidelity, curve=curve, costs=costs)
    if trial.status == "failed":
        return Outcome(reason=(trial.reason or "failed").partition(":")[0])
    return Outcome(reason="infeasible" if trial.status == "infeasible" else "failed")
