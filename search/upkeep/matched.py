"""The best recurrent networks beside controls that are matched to them: what is to be trained.

A winner is better than a feedforward network, or only larger, busier, deeper, or better tuned than
it. So each winner gets the three controls of space/controls/, and all of them, the winner and the
campaign's own controls included, are tuned over the same few learning rates. Campaigns of
two kinds do it, each like any other, all of whose trials are controls:

- `tuning` trains every network once with each rate (search/upkeep/ladders.py; in up to three
  rounds), scored on the split that a search decides by;
- `final` trains every network with its best rate from other seeds, the same for all networks, so
  that scores pair; nothing is decided by them, and they are scored on the test split.

Both follow from the campaign, its trials and the store alone: made again, they are the same
campaigns, so that what was interrupted goes on. search/review/evidence.py reads what came out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from search.assign.suggesting import find_refusal, identity
from search.campaign import Campaign, clone, controls, final_recipe
from search.campaign.lineage import Family, name_matched, name_rate, name_trial, read_lineage
from search.campaign.splits import KEYS
from search.host.machine import Machine
from search.review import ranking
from search.samplers.protocol import derive_seed
from search.store import Campaign as Record
from search.store import Store, Trial
from search.upkeep.ladders import FIRST, Rungs, rate_at
from space.controls import MATCHES, match_controls
from space.documents.bounds import CONTROLS
from space.errors import CampaignError, GenomeError
from space.genome import Genome
from space.space import Space
from space.unroll.cost import cost

SKELETON: Mapping[str, Any] = {"stages": [{"name": "stage", "convolution": {"width": 1}}]}
"""The genome of a space of which only controls are trained: each of them is written out."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network to be trained: of which family, beside which winner, by which recipe overlay."""

    name: str
    family: Family
    winner: str | None
    genome: Genome
    recipe: Mapping[str, Any]


# ---------------------------------------------------------------------------- what is trained


def select_winners(
    store: Store, campaign_id: str, top: int, numbers: Sequence[int] = ()
) -> tuple[list[Trial], list[Trial]]:
    """The trials `numbers`, else the `top` best recurrent ones, with their genomes; and the
    feedforward ones among them, or that rank before the last of them: these have nothing to be
    controlled for.

    Trials that were stopped early come after all that were trained to the end. One of which it is
    not known whether it is recurrent is passed over; CampaignError if it is among `numbers`.
    """
    if numbers:
        chosen = [store.results.get(campaign_id, number) for number in dict.fromkeys(numbers)]
    else:
        ranked = ranking.best(store, campaign_id)
        chosen = sorted(ranked, key=lambda trial: trial.status != "finished")
    winners: list[Trial] = []
    feedforward: list[Trial] = []
    for trial in chosen:
        kind = ranking.kind_of(trial)
        if kind is None and not numbers:
            continue
        if kind is None:
            problem, where = "has choices that make no network", f"trial {trial.number}"
            raise CampaignError(where, problem, "name other trials, by --trial")
        if kind == "feedforward":
            feedforward.append(trial)
        else:
            winners.append(store.results.get(campaign_id, trial.number))
        if not numbers and len(winners) == top:
            break
    return winners, feedforward


def list_networks(record: Record, trials: Sequence[Trial]) -> list[Network]:
    """Each trial's network and its three controls, then the campaign's own controls.

    Raises GenomeError for a trial whose network is feedforward, or has no control that matches;
    CampaignError for one that this version would build as another network.
    """
    where = f"campaign {record.id}"
    campaign = Campaign.parse(record.document, where)
    space = Space.parse(record.space, f"{where}: space")
    listed: list[Network] = []
    for trial in trials:
        genome = trial.read_genome()
        if genome.digest != trial.digest:
            raise CampaignError(
                f"trial {trial.number}",
                "is another network in this version",
                "certify it with the version that trained it",
            )
        name = name_trial(trial.number)
        winner = Network(
            name=name, family="winner", winner=name, genome=genome, recipe=trial.recipe
        )
        listed.append(winner)
        try:
            matched = match_controls(genome)
        except GenomeError as error:
            raise error.inside(f"trial {trial.number}") from None
        recipe = _without_steps(campaign, trial.recipe)
        listed += [
            Network(
                name=name_matched(name, match),
                family=match,
                winner=name,
                genome=control,
                recipe=recipe,
            )
            for match, control in matched.items()
        ]
    for name in controls(campaign, space):
        if read_lineage(name)[1] is not None:
            problem = "is reserved for a certified network"
            raise CampaignError(f"space.controls.{name}", problem, "rename it")
        sample = space.control(name)
        if find_refusal(campaign, sample, cost(sample.genome)) is None:
            listed.append(
                Network(
                    name=name,
                    family="control",
                    winner=None,
                    genome=sample.genome,
                    recipe=sample.recipe,
                )
            )
    return listed


def _without_steps(campaign: Campaign, overlay: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe for a network that is read once: its cheaper epochs have all of its steps."""
    parts = campaign.recipe.overlaid(overlay).fidelity
    if all(part.steps is None for part in parts):
        return dict(overlay)
    cheaper = [part.model_dump(mode="json") | {"steps": None} for part in parts]
    kept = [part for part in cheaper if part["size"] is not None or part["images"] < 1]
    return {**overlay, "fidelity": kept}


def group_networks(listed: Sequence[Network]) -> list[list[str]]:
    """The names of networks that are tuned over the same rates: each winner's with its controls'.
    A control of the campaign's own is a group of one.
    """
    groups: dict[str, list[str]] = {}
    for network in listed:
        groups.setdefault(network.winner or network.name, []).append(network.name)
    return [*groups.values()]


def plan_tuning(
    record: Record,
    listed: Sequence[Network],
    rungs: Rungs,
    overrides: Sequence[str] = (),
    *,
    number: int = 1,
    offered: Machine | None = None,
) -> Campaign:
    """The campaign that trains every network once at each of its `rungs`; one without is left out.

    Rounds, by their `number`, have the same seed, so that their scores compare. Raises
    CampaignError for more trainings than one campaign has controls, and for a network that may
    not be trained.
    """
    campaign = Campaign.parse(record.document, f"campaign {record.id}")
    most = CONTROLS // len(FIRST)
    if len(listed) > most:
        winners = sum(network.family == "winner" for network in listed)
        others = sum(network.family == "control" for network in listed)
        raise CampaignError(
            "top",
            f"{winners} winners are {len(listed)} networks to tune, controls included, where "
            f"one campaign has {most}",
            f"certify at most {max(1, (most - others) // (1 + len(MATCHES)))} at once",
        )
    chosen = {
        name_rate(network.name, rung): _control(campaign, network, rung)
        for network in listed
        for rung in rungs.get(network.name, ())
    }
    # Scored on the split that decides, also where the winner is one of a certification.
    recipe = search_recipe(record)
    suffix = "rates" if number == 1 else f"rates-{number}"
    made = Derivation(suffix=suffix, draw="rates", chosen=chosen, seeds=1, recipe=recipe)
    return derive_campaign(record, made, overrides, offered)


def search_recipe(record: Record) -> dict[str, Any]:
    """The campaign's recipe, scored on the split that a search decides by."""
    return {key: item for key, item in record.document["recipe"].items() if key not in KEYS}


def plan_final(
    record: Record,
    listed: Sequence[Network],
    chosen: Mapping[str, int],
    seeds: int,
    overrides: Sequence[str] = (),
    *,
    all_data: bool = False,
    offered: Machine | None = None,
) -> Campaign:
    """The campaign that trains every network at its chosen rung from `seeds` seeds, scored on
    the test split; with `all_data` trained on the validation images as well.

    Raises CampaignError as `tuning` does, and for `all_data` without validation images.
    """
    campaign = Campaign.parse(record.document, f"campaign {record.id}")
    trained = {one.name: _control(campaign, one, chosen[one.name]) for one in listed}
    recipe = final_recipe(record.document, all_data=all_data)
    made = Derivation(suffix="matched", draw="matched", chosen=trained, seeds=seeds, recipe=recipe)
    return derive_campaign(record, made, overrides, offered)


def _control(campaign: Campaign, network: Network, rung: int) -> dict[str, Any]:
    """A network at a rung of its ladder. A matched control's own rate is its winner's."""
    own = campaign.recipe.overlaid(network.recipe).learning_rate
    recipe = {**network.recipe, "learning_rate": rate_at(own, rung)}
    return {"genome": network.genome.document(), "recipe": recipe}


@dataclass(frozen=True, kw_only=True)
class Derivation:
    """What a derived campaign has of its own: the end of its name, controls, seeds (drawn from
    `draw`), recipe, and what its networks are.
    """

    suffix: str
    draw: str
    chosen: Mapping[str, Mapping[str, Any]]
    seeds: int
    recipe: Mapping[str, Any]
    networks: str = "networks of {name} beside controls that match them"


def derive_campaign(
    record: Record, made: Derivation, overrides: Sequence[str], offered: Machine | None
) -> Campaign:
    """A campaign like that on record of whose space only the given controls are trained.

    Raises CampaignError for one that may not be trained, and for overrides that would change what
    is compared.
    """
    where = f"campaign {record.id}"
    campaign = Campaign.parse(record.document, where)
    before = Space.parse(record.space, f"{where}: space")
    epochs = {"epochs": before.recipe["epochs"]} if "epochs" in before.recipe else {}
    document: dict[str, Any] = {
        "name": f"{before.name[:48]}-{made.suffix}",
        "description": made.networks.format(name=before.name),
        "genome": SKELETON,
        "recipe": epochs,
        "controls": made.chosen,
    }
    images = before.images.model_dump()
    closed = Space.parse(document | {"images": images}, f"{where}: space")
    limits = campaign.limits.model_dump(mode="json") | {"parameters": None, "macs": None}
    free = campaign.model_copy(update={"limits": type(campaign.limits).model_validate(limits)})
    names = _select_different(free, closed)
    derived = record.document | {
        "enqueue": [],
        "name": f"{campaign.name[:180]}-{made.suffix}",
        "space": Space.parse(document, "space").document(),
        "recipe": made.recipe,
        "sampler": {"name": "random"},
        "objectives": [],
        "scheduler": {"name": "fifo"},
        "budget": {"trials": len(names) * made.seeds},
        # A control is as large as what it matches makes it; what fits on the device is another
        # matter.
        "limits": limits,
        "controls": names,
        "control_seeds": made.seeds,
        "seed": derive_seed(campaign.seed, made.draw),
    }
    overridden = clone(derived, where, overrides, offered=offered)
    _check_overrides(clone(derived, where, offered=offered), overridden)
    return overridden


FAIR = (
    "seed",
    "recipe.score_on",
    "recipe.train_on",
    "data.validation",
    "control_seeds",
    "controls",
)
"""What no override may change: which networks are compared, from which seeds, by which images."""


def _check_overrides(campaign: Campaign, overridden: Campaign) -> None:
    for key in FAIR:
        read = attrgetter(key)
        if read(campaign) != read(overridden):
            raise CampaignError(key, "is what makes the comparison fair", "leave it out of --set")


def _select_different(campaign: Campaign, space: Space) -> list[str]:
    """The names of the controls without those of networks that came before.

    Raises CampaignError for one that may not be trained: to leave it out would leave out what the
    winner is to be held against.
    """
    names: dict[str, str] = {}
    for name in space.controls:
        sample = space.control(name)
        refusal = find_refusal(campaign, sample, cost(sample.genome))
        if refusal is not None:
            raise CampaignError(name, f"may not be trained: {refusal}", "raise the limit")
        names.setdefault(identity(sample.digest, sample.recipe), name)
    return [*names.values()]
