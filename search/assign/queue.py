"""What a campaign trains next.

First the trials that were interrupted, then the space's controls, then the networks that the
campaign names, then what the samplers suggest (search/assign/suggesting.py). Before anything is
handed out it is written to the store, with the journal of its suggestion. What needs no worker,
because it was trained before, is ended here.

The queue knows no Ray. It is for the driver's thread alone.
"""

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field

from search.assign import reuse
from search.assign.ahead import Ahead, Source
from search.assign.past import Past
from search.assign.pulse import Pulse
from search.assign.records import Records
from search.assign.setting import Setting
from search.assign.suggesting import (
    DRAWN_TRIES,
    SAMPLER_TRIES,
    Suggestion,
    close_recipe,
)
from search.campaign import control_runs
from search.campaign.lineage import Family, read_lineage
from search.campaign.splits import decides
from search.early_stopping.judging import Judge
from search.store import CONTROL, ENQUEUED, SEARCHED, NewTrial, Takeover, Trial
from space.equation.names import name_network
from space.errors import CampaignError, GenomeError
from space.motifs import name_motifs
from space.unroll.cost import cost
from workers.job import Failure, Job, Recipe
from workers.storage.opening import discard


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """One trial to be trained, on record as waiting. `again` if it was interrupted."""

    number: int
    job: Job
    again: bool = field(default=False, compare=False)


class Queue:
    """What is trained next, from the `past` on.

    New points come from `source`; `records` gets what ends without a worker. `judge` is asked
    about reports of another campaign's workers, `pulse` whether the run goes on.
    """

    def __init__(
        self,
        setting: Setting,
        past: Past,
        source: Source,
        records: Records,
        judge: Judge,
        pulse: Pulse,
    ) -> None:
        self._set, self._source, self._records = setting, source, records
        self._judge, self._pulse = judge, pulse
        self._trained = past.trained
        self._unfinished = deque(past.unfinished)
        self._controls = deque(control_runs(setting.campaign, setting.space))
        # What is scored on test in order to decide nothing stays so, also where controls are one
        # network or may not be trained, and leave some of the budget over. Searches of before
        # there was a validation split go on.
        self._searches = setting.split != "test" or (
            setting.campaign.recipe.score_on != "test" and decides(setting.campaign, setting.space)
        )
        self._prepared: Assignment | None = None
        self._ended = False
        self.error: CampaignError | None = None
        """Why there is no more, if it is the user's to correct."""
        self.exhausted = False
        """Whether it ended because no point was found that is not on record."""

    @property
    def unfinished(self) -> int:
        """How many trials of an earlier driver are still to be continued."""
        return len(self._unfinished)

    def settle(self, numbers: Collection[int]) -> None:
        """End the unfinished trials among `numbers`: the last driver knew that they stop, but
        was killed before it wrote that down.
        """
        for trial in [trial for trial in self._unfinished if trial.number in numbers]:
            self._unfinished.remove(trial)
            whole = trial.epochs >= self._set.epochs
            self._records.end(trial.number, "finished" if whole else "pruned")

    # ---------------------------------------------------------------- what comes next

    def prepare(self) -> bool:
        """Have the next trial ready; False if there is none."""
        self._prepared = self._prepared or self.next()
        return self._prepared is not None

    def ready(self, seconds: float = 0.0) -> bool:
        """Whether `next` would answer at once, after waiting for at most so long."""
        if self._prepared or self._records.lost or self._unfinished or self._controls:
            return True
        if self._over_budget() or not (self._searches and isinstance(self._source, Ahead)):
            return True
        return self._source.ready(seconds)

    def next(self) -> Assignment | None:
        """The next trial to train, or None if there is none.

        Then the budget is used up, every point of the space is known, nothing in it may be
        trained (`error` is set), the run is to end, or only controls were to be trained.
        """
        if self._prepared is not None:
            prepared, self._prepared = self._prepared, None
            return prepared
        while self._records.lost or self._unfinished:
            if self._records.lost:
                number, again = self._records.lost.popleft(), True
                trial = self._set.store.results.get(self._set.campaign_id, number)
            else:
                trial = self._unfinished.popleft()
                again = trial.started is not None
            if (assignment := self._resume(trial, again)) is not None:
                return assignment
        while not self._over_budget() and not self._pulse.check():
            if self._controls:
                assignment = self._next_control(*self._controls.popleft())
            elif not self._searches:
                return None
            else:
                assignment = self._next_suggestion()
            if assignment is not None:
                return assignment
        return None

    def _over_budget(self) -> bool:
        return self._ended or self._trained >= self._set.campaign.budget.trials

    def _resume(self, trial: Trial, again: bool) -> Assignment | None:
        """A trial that was interrupted; None if it needs no worker to be over."""
        if trial.epochs >= self._set.epochs:
            self._records.end(trial.number, "finished")
            return None
        return self._assign(trial, self._set.recipe(trial.recipe), again=again)

    def _assign(self, trial: Trial, recipe: Recipe, *, again: bool) -> Assignment | None:
        """A trial to train by what the store holds of it; None if this version cannot read its
        genome: then it has failed.
        """
        try:
            genome = trial.read_genome()
        except GenomeError as error:
            self._records.end(trial.number, "failed", Failure(kind="input", reason=str(error)))
            return None
        job = self._set.job(trial.number, genome, recipe, trial.seed)
        return Assignment(number=trial.number, job=job, again=again)

    def _next_control(self, name: str, seed: int) -> Assignment | None:
        """A control to train; None if it needs no training, or may have none."""
        sample = self._set.space.control(name)
        number = self._source.control(sample.digest, sample.recipe, seed)
        if number is None:
            return None
        estimate = cost(sample.genome)
        recipe, reason = close_recipe(self._set.campaign, sample, estimate)
        suggestion = Suggestion(
            number=number,
            choices=sample.choices,
            digest=sample.digest,
            sample=sample,
            cost=estimate,
            recipe=recipe,
            reason=reason,
            calls=(),
        )
        return self._record(suggestion, CONTROL, seed, control=name)

    def _next_suggestion(self) -> Assignment | None:
        """A new point to train; None if it needs no training, or if there is none."""
        suggestion = self._source.suggest()
        if suggestion is not None:
            campaign = self._set.campaign
            origin = ENQUEUED if suggestion.enqueued else campaign.sampler.name
            return self._record(suggestion, origin, campaign.seed)
        self._ended, self.error = True, self._source.error
        if self.error is None:
            self.exhausted, tried = True, SAMPLER_TRIES + DRAWN_TRIES
            self._set.store.campaigns.add_event(
                self._set.campaign_id, "space exhausted", {"tried": tried}
            )
            self._set.tell("exhausted", tried=tried)
        return None

    def _record(
        self, suggestion: Suggestion, origin: str, seed: int, control: str | None = None
    ) -> Assignment | None:
        """Put a suggestion on record, as waiting or as infeasible."""
        sample, number = suggestion.sample, suggestion.number
        overlay = {} if sample is None else sample.recipe
        work: str | None = None
        takeover: Takeover | None = None
        recipe = suggestion.recipe if suggestion.reason is None else None
        if recipe is not None:
            work = reuse.work_of(suggestion.digest, recipe, self._set.data.checksum, seed)
            takeover = self._set.takeover(number, work, recipe)
            if takeover is None:
                # A driver that died may have linked what another point was to go on from.
                discard(self._set.places.trial(number))
        cell, recurrence = ("", None) if sample is None else name_network(sample.genome)
        family, winner = self._read_lineage(control)
        trial = NewTrial(
            number=number,
            digest=suggestion.digest,
            genome=None if sample is None else sample.genome,
            recipe=overlay,
            seed=seed,
            choices=suggestion.choices,
            origin=origin,
            parameters=None if suggestion.cost is None else suggestion.cost.parameters,
            macs=None if suggestion.cost is None else suggestion.cost.macs,
            cell=cell,
            recurrence=recurrence,
            split=self._set.split,
            control=control,
            family=SEARCHED if suggestion.searched else family,
            winner=winner,
            motifs=None if sample is None else name_motifs(sample.genome),
            status="infeasible" if recipe is None else "waiting",
            reason=suggestion.reason,
            folder=self._set.places.trial(number),
            work=work,
            takeover=takeover,
            calls=None if origin == CONTROL else [call.document() for call in suggestion.calls],
        )
        self._set.store.trials.add(self._set.campaign_id, trial)
        if recipe is None or sample is None:
            self._set.tell("infeasible", number, reason=suggestion.reason, cell=cell)
            return None
        self._trained += 1
        if takeover is not None:
            if self._apply_takeover(number, takeover):
                return None
            donated = self._set.store.results.get(self._set.campaign_id, number)
            return self._assign(donated, recipe, again=False)
        job = self._set.job(number, sample.genome, recipe, seed)
        return Assignment(number=number, job=job)

    def _read_lineage(self, control: str | None) -> tuple[Family | None, str | None]:
        """The family and the winner of a control; of no other trial. Names say them only where
        networks are certified: any other campaign may call its controls as it likes.
        """
        if control is None:
            return None, None
        return ("control", None) if self._set.certifies is None else read_lineage(control)

    def _apply_takeover(self, number: int, takeover: Takeover) -> bool:
        """Whether a trial is over by what another campaign trained."""
        reports = self._records.adopt(number)
        stops = [self._judge.remember(number, report) for report in reports]
        if takeover.status is not None:
            self._records.close(self._set.store.results.get(self._set.campaign_id, number))
        elif any(stops):
            self._records.end(number, "pruned")
        else:
            return False
        return True
