"""What stays the same during a campaign's run, and the happenings that its listener receives."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from search.assign import reuse
from search.assign.outcomes import outcome_of
from search.campaign import Campaign, full_epochs
from search.campaign.limits import fit_recipe
from search.early_stopping.judging import Standing
from search.host.home import Home
from search.host.places import TrialPlaces
from search.samplers import Outcome
from search.store import CONTROL, SEARCHED, Store, Takeover, Trial
from space.genome import Genome
from space.space import Space
from workers.job import Job, PackRef, Recipe, Report, ScoredSplit


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
class Setting:
    """A campaign with all that its run needs: its space, its data, and where things are kept."""

    campaign_id: str
    campaign: Campaign
    space: Space
    data: PackRef
    home: Home
    store: Store
    listener: Listener = lambda _happening: None
    guess: float | None = None
    """Top-1 of the best constant answer; None in campaigns of before it was known."""
    split: ScoredSplit = "test"
    """What trials are scored on; test in campaigns of before there was a validation split."""
    certifies: str | None = None
    """The campaign whose networks this one trains again; None of what an earlier version made."""
    storage: str | None = None
    """The URL at which trials keep their files; None where the home does."""
    address: str | None = None
    """Of the running Ray cluster on which trials run; None for one of the driver's own."""

    @property
    def epochs(self) -> int:
        """Epochs of a full training."""
        return full_epochs(self.campaign, self.space)

    def recipe(self, overlay: Mapping[str, Any]) -> Recipe:
        """The campaign's recipe with a sample's laid over it. Raises InputError."""
        return self.campaign.recipe.overlaid(overlay)

    @property
    def places(self) -> TrialPlaces:
        """Where the trials keep their files."""
        return TrialPlaces(home=self.home, campaign_id=self.campaign_id, storage=self.storage)

    def job(self, number: int, genome: Genome, recipe: Recipe, seed: int) -> Job:
        """The job of a trial, by its closed recipe. All suggested ones have the campaign's seed:
        they differ in nothing else.
        """
        return Job(
            genome=genome,
            recipe=fit_recipe(self.campaign, recipe, genome),
            data=self.data,
            seed=seed,
            folder=self.places.trial(number),
        )

    def takeover(self, number: int, work: str, recipe: Recipe) -> Takeover | None:
        """What a new trial of a work and a closed recipe takes over from another campaign."""
        if not self.campaign.reuse:
            return None
        place = self.places.trial(number)
        return reuse.find(self.store, self.campaign_id, self.campaign, work, recipe, place)

    def find_standing(self, number: int) -> Standing:
        """How early stopping judges a trial on record."""
        origin, family = self.store.results.read_origin(self.campaign_id, number)
        if origin == CONTROL:
            return "spared"
        return "apart" if family == SEARCHED else "judged"

    def outcome(self, trial: Trial, reports: Sequence[Report]) -> Outcome | None:
        """A trial as the sampler receives it, from its reports; None while it is not over."""
        return outcome_of(trial, self.epochs, reports, self.campaign.objectives, self.guess)

    def tell(self, kind: str, trial: int | None = None, **detail: Any) -> None:
        """Send a happening to the listener."""
        self.listener(Happening(kind=kind, trial=trial, detail=detail))
