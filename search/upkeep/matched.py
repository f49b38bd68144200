"""The best recurrent networks beside controls that are matched to them: what is to be trained.

A winner is better than a feedforward network, or only larger, busier, deeper, or better tuned than
it. So each winner gets the three controls of space/controls/, and all of them, the winner and the
campaign's own controls included, are tuned over the same few learning rates. Two campaigns do it,
each like any other, all of whose trials are controls:

- `tuning` trains every network once with each rate, scored on the split that a search decides by;
- `final` trains every network with its best rate from other seeds, the same for all networks, so
  that scores pair; nothing is decided by them, and they are scored on the test split.

Both follow from the campaign, its trials and the store alone: made again, they are the same
campaigns, so that what was interrupted goes on. search/review/evidence.py reads what came out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from search.assign.suggesting import find_refusal, identity
from search.campaign import Campaign, clone, controls, final_recipe
from search.campaign.lineage import Family, lineage, name_matched, name_rate, name_trial
from search.campaign.splits import KEYS
from search.host.machine import Machine
from search.review import ranking
from search.samplers.protocol import derive_seed
from search.store import Campaign as Record
from search.store import Store, Trial
from space.controls import MATCHES, match_controls
from space.documents.bounds import CONTROLS
from space.errors import CampaignError, GenomeError
from space.genome import Genome
from space.space import Space
from space.unroll.cost import cost

FACTORS = (1 / 3, 1.0, 3.0)
"""Of a network's own learning rate: the rates that it is tuned over."""

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
    """
    if numbers:
        chosen = [store.results.get(campaign_id, number) for number in dict.fromkeys(numbers)]
    else:
        chosen = ranking.best(store, campaign_id)
    winners: list[Trial] = []
    feedforward: list[Trial] = []
    for trial in chosen:
        if trial.recurrence in (None, "none"):
            feedforward.append(trial)
        else:
            winners.append(store.results.get(campaign_id, trial.number))
        if not numbers and len(winners) == top:
            break
    return winners, feedforward


def networks(record: Record, trials: Sequence[Trial]) -> list[Network]:
    """Each trial's network and its three controls, then the campaign's own controls.

    Raises GenomeError for a trial whose network is feedforward, or has no control that matches;
    CampaignError for one that this version would build as another network.
    """
    where = f"campaign {record.id}"
    campaign = Campaign.parse(record.document, where)
    space = Space.parse(record.space, f"{where}: space")
    listed: list[Network] = []
    for trial in trials:
        genome = Genome.parse(trial.genome, f"trial {trial.number}")
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
        if lineage(name)[1] is not None:
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


def rates(campaign: Campaign, network: Network) -> list[float]:
    """The learning rates that a network is tuned over: multiples of its own, ascending.

    A matched control's own is its winner's, whose recipe it has.
    """
    own = campaign.recipe.overlaid(network.recipe).learning_rate
    return [own if factor == 1.0 else float(f"{own * factor:.4g}") for factor in FACTORS]


def find_edges(
    record: Record, listed: Sequence[Network], chosen: Mapping[str, float]
) -> list[str]:
    """The networks whose chosen rate is the lowest or the highest that was tried."""
    campaign = Campaign.parse(record.document, f"campaign {record.id}")
    ladders = {network.name: rates(campaign, network) for network in listed}
    return [name for name, tried in ladders.items() if chosen[name] in (tried[0], tried[-1])]


def tuning(
    record: Record,
    listed: Sequence[Network],
    overrides: Sequence[str] = (),
    *,
    offered: Machine | None = None,
) -> Campaign:
    """The campaign that trains every network once with each of its rates.

    Raises CampaignError for more networks than one campaign has controls, and for one that may
    not be trained.
    """
    campaign = Campaign.parse(record.document, f"campaign {record.id}")
    most = CONTROLS // len(FACTORS)
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
        name_rate(network.name, place): _control(network, rate)
        for network in listed
        for place, rate in enumerate(rates(campaign, network))
    }
    # Scored on the split that decides, also where the winner is one of a certification.
    recipe = {key: item for key, item in record.document["recipe"].items() if key not in KEYS}
    return _derive(record, "rates", chosen, 1, overrides, offered, recipe)


def final(
    record: Record,
    listed: Sequence[Network],
    chosen: Mapping[str, float],
    seeds: int,
    overrides: Sequence[str] = (),
    *,
    all_data: bool = False,
    offered: Machine | None = None,
) -> Campaign:
    """The campaign that trains every network with its chosen rate from `seeds` seeds, scored on
    the test split; with `all_data` trained on the validation images as well.

    Raises CampaignError as `tuning` does, and for `all_data` without validation images.
    """
    trained = {network.name: _control(network, chosen[network.name]) for network in listed}
    recipe = final_recipe(record.document, all_data=all_data)
    return _derive(record, "matched", trained, seeds, overrides, offered, recipe)


def _control(network: Network, rate: float) -> dict[str, Any]:
    recipe = {**network.recipe, "learning_rate": rate}
    return {"genome": network.genome.document(), "recipe": recipe}


def _derive(
    record: Record,
    suffix: str,
    chosen: Mapping[str, Mapping[str, Any]],
    seeds: int,
    overrides: Sequence[str],
    offered: Machine | None,
    recipe: Mapping[str, Any],
) -> Campaign:
    """A campaign like that on record of whose space only the given controls are trained."""
    where = f"campaign {record.id}"
    campaign = Campaign.parse(record.document, where)
    before = Space.parse(record.space, f"{where}: space")
    epochs = {"epochs": before.recipe["epochs"]} if "epochs" in before.recipe else {}
    document: dict[str, Any] = {
        "name": f"{before.name[:48]}-{suffix}",
        "description": f"networks of {before.name} beside controls that match them",
        "genome": SKELETON,
        "recipe": epochs,
        "controls": chosen,
    }
    images = before.images.model_dump()
    closed = Space.parse(document | {"images": images}, f"{where}: space")
    limits = campaign.limits.model_dump(mode="json") | {"parameters": None, "macs": None}
    free = campaign.model_copy(update={"limits": type(campaign.limits).model_validate(limits)})
    names = _select_different(free, closed)
    derived = record.document | {
        "name": f"{campaign.name[:180]}-{suffix}",
        "space": Space.parse(document, "space").document(),
        "recipe": recipe,
        "sampler": {"name": "random"},
        "objectives": [],
        "scheduler": {"name": "fifo"},
        "budget": {"trials": len(names) * seeds},
        # A control is as large as what it matches makes it; what fits on the device is another
        # matter.
        "limits": limits,
        "controls": names,
        "control_seeds": seeds,
        "seed": derive_seed(campaign.seed, suffix),
    }
    return clone(derived, where, overrides, offered=offered)


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
