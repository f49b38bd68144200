"""The best cells again, with seeds that the search did not see.

A search keeps what scored best, and a score is partly luck: the best of a thousand was lucky. So
its cells are trained again from other seeds, beside the campaign's own controls. That is a
campaign like any other, all of whose trials are controls (`control_seeds`); what was certified
with some of the seeds before is taken over (search/assign/reuse.py). Controls that a space derives
from its best network (`match: parameters`) are made here, of the best one that is recurrent.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

from search.assign.suggesting import find_refusal, identity
from search.campaign import Campaign, clone, controls, derived_controls, final_recipe
from search.campaign.lineage import name_trial, read_lineage
from search.host.home import Home
from search.host.machine import Machine
from search.review import ranking
from search.review.ranking import Reference, kind_of
from search.samplers.protocol import derive_seed
from search.store import RETRY, Store, Trial
from search.store import Campaign as Record
from search.upkeep.submission import Driving, launch, read_offered
from space.documents.trees import merge
from space.errors import CampaignError, GenomeError, VentralError
from space.space import Space
from space.unroll.cost import cost

if TYPE_CHECKING:
    from search.driver import RunResult

_NAME = "name the controls that are to be trained: --set 'controls=[...]'"


def choose_winners(
    store: Store, record: Record, *, top: int = 3, trials: Sequence[int] = ()
) -> list[Trial]:
    """The trials of those numbers, else the `top` best cells of the search; with their genomes.

    Raises StoreError for an unknown trial, VentralError if no cell has a score yet.
    """
    if trials:
        return [store.results.get(record.id, number) for number in dict.fromkeys(trials)]
    if chosen := ranking.best(store, record.id, top):
        return [store.results.get(record.id, one.number) for one in chosen]
    raise VentralError(f"no cell of campaign {record.id} has a score yet")


def plan_certification(
    record: Record,
    trials: Sequence[Trial],
    seeds: int,
    overrides: Sequence[str] = (),
    *,
    all_data: bool = False,
    offered: Machine | None = None,
) -> Campaign:
    """The campaign that trains some trials' cells, and its campaign's controls, from other seeds.

    Every training runs to the end and is scored on the test split, since nothing is decided by it;
    with `all_data` the validation images are trained on, too. The seeds follow from the
    campaign's, and more of them begin with those of fewer. `overrides` change other fields, as
    those of `ventral submit` do; those of `controls` say which of the campaign's own are trained.
    Raises CampaignError for a cell that this version would not build as the search did, and for a
    control that cannot be derived from the best of the trials.
    """
    where = f"campaign {record.id}"
    own = [one for one in overrides if re.match(r"\s*controls\s*[.=]", one)]
    overrides = [one for one in overrides if one not in own]
    campaign = (
        clone(record.document, where, own, offered=offered)
        if own
        else Campaign.parse(record.document, where)
    )
    space = Space.parse(record.document["space"], f"{where}: space")
    derived = derived_controls(campaign, space)
    space = _with(_derive(space, derived, trials), trials)
    # Networks are compared, and checked, for the images that they were made for.
    images = Space.parse(record.space, f"{where}: space").images.model_dump()
    closed = Space.parse(space.document() | {"images": images}, f"{where}: space")
    _check_digests(closed, trials)
    names = _select_different(
        campaign, closed, [*controls(campaign, space), *(name_trial(one.number) for one in trials)]
    )
    for name in derived:
        sample = closed.control(name)
        if (refusal := find_refusal(campaign, sample, cost(sample.genome))) is not None:
            raise CampaignError(f"space.controls.{name}", f"may not be trained: {refusal}", _NAME)
    document = record.document | {
        "enqueue": [],
        "name": f"{campaign.name}-certified"[:200],
        "space": space.document(),
        "recipe": final_recipe(record.document, all_data=all_data),
        "sampler": {"name": "random"},
        "objectives": [],
        "scheduler": {"name": "fifo"},
        "budget": {"trials": len(names) * seeds},
        "controls": names,
        "control_seeds": seeds,
        "seed": derive_seed(campaign.seed, "certified"),
    }
    return clone(document, where, overrides, offered=offered)


@dataclass(frozen=True, kw_only=True)
class Certified:
    """How a certification ended. `networks` are the winners and the controls that have a score,
    each over its seeds, the best mean first; empty before it is run.
    """

    run: "RunResult"
    networks: tuple[Reference, ...]


def certify_campaign(
    store: Store,
    home: Home,
    record: Record,
    winners: Sequence[Trial],
    seeds: int,
    overrides: Sequence[str] = (),
    *,
    all_data: bool = False,
    **driving: Unpack[Driving],
) -> Certified:
    """Put the certification of some trials on record, and drive it to its end.

    Raises what `certification` and `search.upkeep.submission.launch` do.
    """
    offered = read_offered(driving.get("address"))
    campaign = plan_certification(
        record, winners, seeds, overrides, all_data=all_data, offered=offered
    )
    result = launch(campaign, home, store, certifies=record, **driving)
    networks = ranking.references(store, store.campaigns.get(result.campaign_id))
    return Certified(run=result, networks=tuple(networks))


def is_certified(reference: Reference) -> bool:
    """Whether a control is a searched cell that is trained again.

    Where an earlier version put it on record only its name can tell.
    """
    family = reference.trial.family
    return (read_lineage(reference.name)[0] if family is None else family) == "winner"


def _derive(space: Space, names: Sequence[str], trials: Sequence[Trial]) -> Space:
    """The space with its derived controls written out, and without those that are not named.

    They follow from the first of the trials that is recurrent, and have its recipe. Raises
    CampaignError for one that does not.
    """
    document = space.document()
    written = document.get("controls", {})
    for name, control in space.controls.items():
        if not control.is_derived:
            continue
        del written[name]
        if name in names:
            best = next((one for one in trials if kind_of(one) == "recurrent"), trials[0])
            try:
                genome = control.derive(best.read_genome())
            except GenomeError as error:
                why = ", ".join(filter(None, (error.problem, error.cure)))
                raise CampaignError(
                    f"space.controls.{name}",
                    f"cannot be derived from trial {best.number}: {why}",
                    f"certify another one by --trial, or {_NAME}",
                ) from None
            recipe = merge(best.recipe, control.recipe, CampaignError)
            written[name] = {"genome": genome.document(), "recipe": recipe, "whole": True}
    return Space.parse(document, "space")


def _with(space: Space, trials: Sequence[Trial]) -> Space:
    """The space with the trials' cells among its controls."""
    document: dict[str, Any] = space.document()
    for trial in trials:
        name = name_trial(trial.number)
        if name in space.controls:
            raise CampaignError(
                f"space.controls.{name}", "is reserved for a certified cell", "rename it"
            )
        document.setdefault("controls", {})[name] = _control(space, trial)
    return Space.parse(document, "space")


def _check_digests(closed: Space, trials: Sequence[Trial]) -> None:
    for trial in trials:
        if closed.control(name_trial(trial.number)).digest != trial.digest:
            raise CampaignError(
                f"trial {trial.number}",
                "has choices that make another network in this version",
                "certify it with the version that trained it",
            )


def _control(space: Space, trial: Trial) -> Mapping[str, Any]:
    """A trial as a control: its choices, and its recipe where that was changed by hand."""
    if trial.origin != RETRY:
        return {"choices": dict(trial.choices)}
    ours = Space.parse(space.document() | {"recipe": {}}).parameters
    open_still = {parameter.path for parameter in ours}
    choices = {path: value for path, value in trial.choices.items() if path in open_still}
    return {"choices": choices, "recipe": dict(trial.recipe)}


def _select_different(campaign: Campaign, space: Space, names: Sequence[str]) -> list[str]:
    """The names without those of networks that came before, or that may not be trained."""
    names_by_network: dict[str, str] = {}
    for name in names:
        sample = space.control(name)
        if find_refusal(campaign, sample, cost(sample.genome)) is None:
            names_by_network.setdefault(identity(sample.digest, sample.recipe), name)
    return [*names_by_network.values()]
