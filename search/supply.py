"""The campaign's supply of trials: what is trained next, and what became of it.

`Supply` decides what is trained next: first the trials that an earlier driver left unfinished,
then the space's controls, then what the sampler suggests. Before anything is handed out it has
been checked (is it a genome, is it within the limits, was it trained before?) and written to the
store. It is also where results come back: to the store and to the sampler, in one place, so that
a new driver that replays the store knows what the old one knew.

`Supply` knows no Ray. It is not safe for use from several threads.
"""

import hashlib
import json
import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from search import samplers
from search.campaign import Campaign, controls, full_epochs
from search.home import Home
from search.samplers import Choices, Outcome
from search.samplers.protocol import derived, drawn, key
from search.store import Status, Store, Trial
from space.cost import Cost, cost
from space.errors import CampaignError, GenomeError, InputError
from space.space import Sample, Space
from space.summary import short_name
from workers.job import Failure, Job, PackRef, Recipe, Report

CONTROL = "control"

INFEASIBLE_IN_A_ROW = 200
"""So many samples one after the other that may not be trained end the campaign."""
ASKED, DRAWN = 30, 500
"""Tries to find a new point: so many from the sampler, then so many drawn from the space."""


@dataclass(frozen=True, kw_only=True)
class Happening:
    """Something that a live view may want to show; `trial` is a number, if it is about one.

    Kinds: packing, starting, started, report, finished, pruned, failed, infeasible, retry,
    exhausted, stopping, mirroring, ended.
    """

    kind: str
    trial: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


Listener = Callable[[Happening], None]


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """One trial to be trained, on record as waiting."""

    number: int
    job: Job


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

    @property
    def epochs(self) -> int:
        """Epochs of a full training."""
        return full_epochs(self.campaign, self.space)

    def recipe(self, overlay: Mapping[str, Any]) -> Recipe:
        """The campaign's recipe with a sample's laid over it. Raises InputError."""
        return self.campaign.recipe.overlaid(overlay)

    def job(self, number: int, genome: Mapping[str, Any], overlay: Mapping[str, Any]) -> Job:
        """The job of a trial. All trials have the campaign's seed: they differ in nothing else."""
        return Job(
            genome=dict(genome),
            recipe=self.recipe(overlay),
            data=self.data,
            seed=self.campaign.seed,
            folder=str(self.home.trial(self.campaign_id, number)),
        )

    def tell(self, kind: str, trial: int | None = None, **detail: Any) -> None:
        """Let the listener know."""
        self.listener(Happening(kind=kind, trial=trial, detail=detail))


class Supply:
    """What is trained next, and what became of it. Made from the store's state alone."""

    def __init__(self, setting: Setting) -> None:
        self._set = setting
        campaign, store = setting.campaign, setting.store
        self._sampler = samplers.make(
            campaign.sampler.name, setting.space, campaign.seed, campaign.sampler.options
        )
        self._outcomes: dict[int, Outcome] = {}
        self._known: dict[str, int] = {}
        self._choices: dict[int, Choices] = {}
        self._trained = 0
        self._infeasible_in_a_row = 0
        self._controls = deque(controls(campaign, setting.space))
        self.error: CampaignError | None = None
        """Why the supply ended, if the user has something to mend."""
        self.exhausted = False
        """Whether it ended because no point was found that is not on record."""
        trials = store.trials(setting.campaign_id)
        self._next = max((trial.number for trial in trials), default=-1) + 1
        for trial in trials:
            self._note(trial)
        self._replay()
        self._unfinished = deque(store.unfinished(setting.campaign_id))

    # ---------------------------------------------------------------- the past

    def _note(self, trial: Trial) -> None:
        self._known[_identity(trial.digest, trial.recipe)] = trial.number
        self._trained += trial.status != "infeasible"
        if trial.origin != CONTROL:
            self._choices[trial.number] = trial.choices
        if (outcome := outcome_of(trial, self._set.epochs)) is not None:
            self._outcomes[trial.number] = outcome

    def _replay(self) -> None:
        results = self._set.store.results(self._set.campaign_id)
        samplers.replay(
            self._sampler,
            self._choices.values(),
            (
                (self._choices[trial.number], self._outcomes[trial.number])
                for trial in results
                if trial.number in self._choices
            ),
        )

    @property
    def unfinished(self) -> int:
        """How many trials of an earlier driver are still to be continued."""
        return len(self._unfinished)

    # ---------------------------------------------------------------- what comes next

    def next(self) -> Assignment | None:
        """The next trial to train, or None if there is none: the budget is used up, every point
        of the space is known, or nothing in it may be trained (`error` says so).
        """
        while self._unfinished:
            if (assignment := self._continued(self._unfinished.popleft())) is not None:
                return assignment
        while self.error is None and self._trained < self._set.campaign.budget.trials:
            if self._controls:
                found = self._control(self._controls.popleft())
            else:
                found = self._suggested()
            if isinstance(found, Assignment) or found is None:
                return found
        return None

    def _continued(self, trial: Trial) -> Assignment | None:
        """A trial that was interrupted; None if all that was missing was its end."""
        if trial.epochs >= self._set.epochs:
            self.ended(trial.number, "finished")
            return None
        job = self._set.job(trial.number, trial.genome or {}, trial.recipe)
        return Assignment(number=trial.number, job=job)

    def _control(self, name: str) -> Assignment | str | None:
        sample = self._set.space.control(name)
        if _identity(sample.digest, sample.recipe) in self._known:
            return "known"
        return self._recorded(sample, CONTROL)

    def _suggested(self) -> Assignment | str | None:
        """A new point: to train, or put on record as infeasible. None if none was found."""
        for attempt in range(ASKED + DRAWN):
            choices = self._sampler.ask() if attempt < ASKED else self._drawn(attempt)
            try:
                sample = self._set.space.close(choices)
            except GenomeError as error:
                identity = _identity(_digest_of(choices), {})
                if identity not in self._known:
                    return self._no_genome(choices, error)
            else:
                identity = _identity(sample.digest, sample.recipe)
                if identity not in self._known:
                    return self._recorded(sample, self._set.campaign.sampler.name)
            if (outcome := self._outcomes.get(self._known[identity])) is not None:
                self._sampler.tell(choices, outcome)
        self.exhausted, tried = True, ASKED + DRAWN
        self._set.store.event(self._set.campaign_id, "space exhausted", {"tried": tried})
        self._set.tell("exhausted", tried=tried)
        return None

    def _drawn(self, attempt: int) -> Choices:
        seed = derived(self._set.campaign.seed, "drawn", self._next, attempt)
        choices = drawn(self._set.space.parameters, random.Random(seed))
        self._sampler.recall(choices)
        return choices

    def _recorded(self, sample: Sample, origin: str) -> Assignment | str:
        """Put a sample on record, as waiting or as infeasible."""
        found, reason = cost(sample.genome), None
        try:
            self._set.recipe(sample.recipe)
            reason = over_limits(self._set.campaign, found)
        except InputError as error:
            reason = str(error)
        number = self._add(
            choices=sample.choices,
            origin=origin,
            reason=reason,
            digest=sample.digest,
            genome=sample.genome.document(),
            recipe=sample.recipe,
            parameters=found.parameters,
            macs=found.macs,
            cell=short_name(sample.genome),
        )
        if reason is not None:
            return "infeasible"
        job = self._set.job(number, sample.genome.document(), sample.recipe)
        return Assignment(number=number, job=job)

    def _no_genome(self, choices: Choices, error: GenomeError) -> str:
        self._add(
            choices=choices,
            origin=self._set.campaign.sampler.name,
            reason=str(error),
            digest=_digest_of(choices),
            genome={},
            recipe={},
            parameters=None,
            macs=None,
            cell="",
        )
        return "infeasible"

    def _add(self, *, choices: Choices, origin: str, reason: str | None, **known: Any) -> int:
        """Write a new trial to the store; an infeasible one is told to the sampler at once."""
        number = self._next
        self._set.store.add_trial(
            self._set.campaign_id,
            number,
            choices=choices,
            origin=origin,
            seed=self._set.campaign.seed,
            status="waiting" if reason is None else "infeasible",
            reason=reason,
            folder=str(self._set.home.trial(self._set.campaign_id, number)),
            **known,
        )
        self._next += 1
        self._known[_identity(known["digest"], known["recipe"])] = number
        if origin != CONTROL:
            self._choices[number] = choices
        if reason is None:
            self._trained += 1
            self._infeasible_in_a_row = 0
        else:
            self._learn(number, Outcome(reason="infeasible"))
            self._infeasible_in_a_row += origin != CONTROL
            self._set.tell("infeasible", number, reason=reason, cell=known["cell"])
            if self._infeasible_in_a_row >= INFEASIBLE_IN_A_ROW:
                self.error = self._nothing_feasible(reason)
        return number

    def _nothing_feasible(self, reason: str) -> CampaignError:
        named = [name for name in ("parameters", "macs") if name in reason]
        return CampaignError(
            f"limits.{named[0]}" if named else "space",
            f"{INFEASIBLE_IN_A_ROW} samples in a row may not be trained, the last: {reason}",
            "raise the limit or narrow the space" if named else "mend the space",
        )

    # ---------------------------------------------------------------- what became of it

    def started(self, number: int) -> None:
        """A worker has taken a trial up."""
        self._set.store.start_trial(self._set.campaign_id, number)
        self._set.tell("started", number)

    def reported(self, number: int, report: Report) -> None:
        """An epoch of a trial is done. The same epoch once more changes nothing."""
        document = report.model_dump(mode="json")
        if self._set.store.add_report(self._set.campaign_id, number, document):
            self._set.tell("report", number, **document)

    def ended(self, number: int, status: Status, failure: Failure | None = None) -> Trial:
        """A trial is over: finished, pruned or failed."""
        store, campaign_id = self._set.store, self._set.campaign_id
        if failure is None:
            store.finish_trial(campaign_id, number, status)
        else:
            reason = f"{failure.kind}: {failure.reason}"
            store.finish_trial(campaign_id, number, status, reason, failure.detail or None)
        trial = store.trial(campaign_id, number)
        outcome = outcome_of(trial, self._set.epochs)
        self._learn(number, outcome or Outcome(reason="failed"))
        detail = {"top1": trial.top1, "epochs": trial.epochs, "reason": trial.reason}
        self._set.tell(status, number, cell=trial.cell, **detail)
        return trial

    def _learn(self, number: int, outcome: Outcome) -> None:
        self._outcomes[number] = outcome
        if number in self._choices:
            self._sampler.tell(self._choices[number], outcome)


def outcome_of(trial: Trial, epochs: int) -> Outcome | None:
    """A trial as a sampler is told of it; None while it is not over."""
    if trial.status in ("waiting", "running"):
        return None
    if trial.status in ("finished", "pruned") and trial.top1 is not None:
        fidelity = 1.0 if trial.status == "finished" else min(trial.epochs / epochs, 1.0)
        return Outcome(score=trial.top1, fidelity=fidelity)
    if trial.status == "failed":
        return Outcome(reason=(trial.reason or "failed").partition(":")[0])
    return Outcome(reason="infeasible" if trial.status == "infeasible" else "failed")


def over_limits(campaign: Campaign, found: Cost) -> str | None:
    """Why a genome of that cost may not be trained, or None."""
    for name, has in (("parameters", found.parameters), ("macs", found.macs)):
        limit = getattr(campaign.limits, name)
        if limit is not None and has > limit:
            return f"{has:,} {name} exceed limits.{name}: {limit:,}"
    return None


def _identity(digest: str, recipe: Mapping[str, Any]) -> str:
    """Equal for trials that would be trained to the same numbers in one campaign."""
    return f"{digest} {json.dumps(dict(recipe), sort_keys=True)}"


def _digest_of(choices: Choices) -> str:
    """An identity for choices that make no genome."""
    return hashlib.sha256(key(choices).encode()).hexdigest()[:16]
