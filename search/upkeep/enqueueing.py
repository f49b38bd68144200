"""Networks that a campaign names, to be trained first: each gets its place in the space."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from search.assign.suggesting import find_refusal, identity
from search.campaign import Campaign, Enqueued
from search.campaign.loading import place_network
from search.store import Store
from search.upkeep.labelling import find_target
from space.documents.outside import path_exists
from space.errors import CampaignError, InputError, SpaceError, StoreError
from space.genome import Genome
from space.genomes import find_genome
from space.placement import place_genome
from space.space import Sample, Space
from space.unroll.cost import cost


def with_enqueued(campaign: Campaign, networks: Sequence[str | Path]) -> Campaign:
    """The campaign with more networks to train first; paths start at the current folder."""
    if not networks:
        return campaign
    named = [place_network(str(one), Path()) for one in networks]
    return campaign.model_copy(update={"enqueue": (*campaign.enqueue, *named)})


def place_enqueued(campaign: Campaign, space: Space, store: Store | None) -> Campaign:
    """The campaign with the choices that make each network it names; one that is named twice is
    trained once. `space` is the campaign's, for its images; `store` has the trials, if there is
    one.

    Raises InputError, which names the network, for one that is not there, is no point of the
    space or may not be trained.
    """
    placed: dict[str, Enqueued] = {}
    for one in campaign.enqueue:
        source = one if isinstance(one, str) else one.source
        where = f"enqueue: {source}"
        if isinstance(one, str):
            genome, hint = _find_network(source, store, where)
            sample = place_genome(space, genome, hint, where=where)
        else:
            sample = _close(space, one, where)
        if (reason := find_refusal(campaign, sample, cost(sample.genome))) is not None:
            raise CampaignError(where, reason, "raise the limit, or leave the network out")
        key = identity(sample.digest, sample.recipe)
        placed.setdefault(key, Enqueued(source=source, choices=dict(sample.choices)))
    return campaign.model_copy(update={"enqueue": tuple(placed.values())})


def _close(space: Space, enqueued: Enqueued, where: str) -> Sample:
    """A network of a campaign that this one was made like."""
    try:
        return space.close(enqueued.choices)
    except SpaceError as error:
        cure = "leave it out, with --set enqueue=[]"
        raise CampaignError(where, f"is no point of the space any more ({error})", cure) from None


def _find_network(
    called: str, store: Store | None, where: str
) -> tuple[Genome, dict[str, Any] | None]:
    """A network, and the choices that made it where it is a trial's."""
    _, slash, number = called.rpartition("/")
    if slash and number.isdecimal() and not path_exists(Path(called)):
        if store is None:
            raise CampaignError(where, "there is no store yet", "name a file, or an export")
        try:
            target = find_target(store, called)
        except StoreError as error:
            raise CampaignError(where, str(error), "") from None
        if target.number is not None:
            trial = store.results.get(target.campaign.id, target.number)
            if not trial.document:
                raise CampaignError(where, "its choices make no network", "name another trial")
            return trial.read_genome(), trial.choices
    try:
        return find_genome(called), None
    except InputError as error:
        cure = "name a genome's file, an export's folder, a model of the zoo, or CAMPAIGN/TRIAL"
        raise CampaignError(where, str(error), cure) from None
