"""Failed trials again: as they are where that may help, changed where it cannot.

A trial that was lost with its worker, or whose data or disk was away, is simply put back: the
next run of its campaign trains it. One that failed by itself would fail again: it can be tried
with another recipe only, and then it is a new trial, which the sampler does not receive.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from search.assign import reuse
from search.assign.losses import RETRIED
from search.assign.suggesting import identity
from search.campaign import CHANGEABLE, Campaign, apply
from search.campaign.limits import find_excess
from search.campaign.splits import refuse_own_splits
from search.host.home import Home
from search.host.places import places_of
from search.store import RETRY, SEARCHED, NewTrial, State, Store, Trial
from search.store import Campaign as Record
from space.errors import CampaignError, InputError
from space.unroll.cost import cost
from workers.job import DETERMINISTIC
from workers.storage.opening import discard

POSSIBLE: tuple[State, ...] = ("finished", "stopped", "failed", "interrupted")
"""States of a campaign whose trials can be tried again."""


def kind(trial: Trial) -> str:
    """The kind of a failed trial's failure (see workers.job.Failure)."""
    return (trial.reason or "").partition(":")[0]


def choose_failed(
    store: Store,
    record: Record,
    numbers: Sequence[int] = (),
    *,
    failed: bool = False,
    reason: str | None = None,
) -> list[Trial]:
    """The trials of those numbers, or with `failed` all that failed, with their genomes.

    `reason` keeps those whose reason begins with it. Raises InputError unless one of the two is
    given, StoreError for an unknown trial.
    """
    if bool(numbers) == failed:
        raise InputError("retry", "does not say which trials", "give their numbers, or --failed")
    if failed:
        chosen = store.results.find(record.id, statuses=["failed"], genomes=True)
    else:
        chosen = [store.results.get(record.id, number) for number in numbers]
    return [one for one in chosen if (one.reason or "").startswith(reason or "")]


def requeue(store: Store, home: Home, record: Record, trials: Sequence[Trial]) -> None:
    """Put failed trials back as they are. Raises CampaignError for one that would fail again."""
    for trial in trials:
        _refuse_unless_failed(record, trial)
        if kind(trial) in DETERMINISTIC:
            raise CampaignError(
                f"trial {trial.number}",
                f"failed by itself ({trial.reason}); unchanged, it would fail again",
                "change its recipe: --set recipe.learning_rate=0.001, say",
            )
    places = places_of(home, record)
    for trial in trials:
        if kind(trial) == "corrupt-checkpoint":
            discard(places.trial(trial.number))
        store.trials.retry(record.id, trial.number)
        store.campaigns.add_event(
            record.id, RETRIED, {"trial": trial.number, "after": trial.reason}
        )


def add_changed(
    store: Store, home: Home, record: Record, trials: Sequence[Trial], overrides: Sequence[str]
) -> list[int]:
    """Put new trials on record: the failed ones' networks with another recipe; their numbers.

    Where the budget has no room for them, it grows by their number. Raises CampaignError for
    an override that does not change the recipe, GenomeError for a network that this version
    cannot read, StoreError while the campaign runs.
    """
    campaign = Campaign.parse(record.document, f"campaign {record.id}")
    known = {identity(one.digest, one.recipe): one.number for one in store.results.find(record.id)}
    overlays = []
    for trial in trials:
        _refuse_unless_failed(record, trial)
        overlays.append(_overlay(campaign, trial, overrides))
        _refuse_excess(campaign, trial, overlays[-1])
        same = known.setdefault(identity(trial.digest, overlays[-1]), trial.number)
        if same != trial.number:
            raise CampaignError(
                f"trial {trial.number}",
                f"with this recipe is trial {same}, which is on record already",
                "set another value",
            )
    needed = store.campaigns.ledger(record.id).trials + len(trials)
    budget = campaign.budget.model_copy(update={"trials": max(campaign.budget.trials, needed)})
    document = campaign.model_copy(update={"budget": budget}).document()
    store.campaigns.set_document(record.id, document, "trials are to be tried again")
    places = places_of(home, record)
    numbers = []
    for trial, overlay in zip(trials, overlays, strict=True):
        number = store.trials.next_number(record.id)
        recipe = campaign.recipe.overlaid(overlay)
        trial_again = NewTrial(
            number=number,
            digest=trial.digest,
            genome=trial.read_genome(),
            recipe=overlay,
            seed=trial.seed,
            choices=trial.choices,
            origin=RETRY,
            parameters=trial.parameters,
            macs=trial.macs,
            cell=trial.cell,
            recurrence=trial.recurrence,
            split=trial.split,
            family=SEARCHED if trial.family == SEARCHED else None,
            motifs=trial.read_motifs(),
            folder=places.trial(number),
            work=reuse.work_of(trial.digest, recipe, record.data["checksum"], trial.seed),
        )
        store.trials.add(record.id, trial_again)
        detail = {"trial": number, "of": trial.number, "set": list(overrides)}
        store.campaigns.add_event(record.id, RETRIED, detail)
        numbers.append(number)
    return numbers


def _refuse_excess(campaign: Campaign, trial: Trial, overlay: Mapping[str, Any]) -> None:
    """Raise CampaignError if a trial's network is over a limit under another recipe, GenomeError
    if this version cannot read it.
    """
    genome = trial.read_genome()
    reason = find_excess(campaign, campaign.recipe.overlaid(overlay), genome, cost(genome))
    if reason is not None:
        problem, _, cure = reason.partition("; ")
        raise CampaignError(f"trial {trial.number}", problem, cure or "set another value")


def _refuse_unless_failed(record: Record, trial: Trial) -> None:
    if trial.status != "failed":
        raise CampaignError(
            f"trial {trial.number}",
            f"has not failed: it is {trial.status}",
            f"`ventral trial list {record.id} --status failed` shows those that did",
        )


def _overlay(campaign: Campaign, trial: Trial, overrides: Sequence[str]) -> dict[str, Any]:
    """The trial's recipe overlay with the overrides in it. Raises CampaignError."""
    document: dict[str, Any] = {"recipe": dict(trial.recipe)}
    for override in overrides:
        path = override.partition("=")[0].strip()
        if not path.startswith("recipe."):
            cure = f"write recipe.KEY=VALUE; a resume changes {', '.join(CHANGEABLE)}"
            raise CampaignError(f"--set {override}", "does not change the trial's recipe", cure)
        if path == "recipe.epochs":
            cure = "clone the campaign: `ventral submit --from ID --set recipe.epochs=...`"
            raise CampaignError(
                f"--set {override}", "trials of a campaign have the same epochs", cure
            )
        apply(document, override)
    overlay: dict[str, Any] = document["recipe"]
    refuse_own_splits("recipe", overlay)
    try:
        same = campaign.recipe.overlaid(overlay) == campaign.recipe.overlaid(trial.recipe)
    except InputError as error:
        raise CampaignError(error.where, error.problem, error.cure) from None
    if same:
        raise CampaignError(
            f"trial {trial.number}", "has that recipe already", "set another value"
        )
    return overlay
