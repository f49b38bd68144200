"""Lesions of a trial's network: scored at once, with its trained weights, or trained again.

What a search finds to go with good scores need not be their cause. So each part of one network is
removed in turn (space/lesions.py), and the difference that it makes is measured, on the validation
images: this is a part of the search, and the test split stays closed.

- `lesion_trial` scores the trained network without each part; the rest keeps its weights.
- `retrain_lesions` trains the whole network and every lesion of it from the same seeds, by the
  trial's own recipe, as a campaign like any other, all of whose trainings are controls of the
  family "lesion". Made again it is the same campaign: what was interrupted goes on.

Either way the effects go into the searched campaign's history.
"""

from collections.abc import Callable, Sequence
from typing import Any

from search.campaign import Campaign
from search.campaign.lineage import name_lesion, name_trial
from search.host.home import Home
from search.host.machine import Machine
from search.host.ports import bypass_proxies
from search.review.evidence import read_networks
from search.review.lesions import (
    SPLIT,
    Lesion,
    compare_answers,
    compare_trainings,
    make_lesion,
    rank_lesions,
    record_lesions,
)
from search.store import Campaign as Record
from search.store import Store, Trial
from search.upkeep.exports import are_weights_kept, read_kept
from search.upkeep.matched import Derivation, derive_campaign, search_recipe
from search.upkeep.matched_certification import (
    SILENT,
    Follower,
    Matching,
    Setting,
    finish_campaign,
)
from search.upkeep.submission import read_offered
from space.documents.bounds import CONTROLS
from space.errors import CampaignError, GenomeError, InputError
from space.genome import Genome
from space.lesions import remove_part
from space.parts import Part, list_parts
from workers.data.publishing import open_pack

Listener = Callable[[str, int], None]
"""Gets what is scored (a part's name; empty: the whole network), and how many are still to be."""


class Refusals(dict[Part, str]):
    """Why parts could not be removed, by part."""


# ---------------------------------------------------------------------------- what is lesioned


def find_parts(store: Store, record: Record, number: int) -> tuple[Trial, Genome, list[Part]]:
    """A trial that has a score, its network, and the parts that it has.

    Raises StoreError for an unknown trial, InputError for one without a score, without parts, or
    of a campaign without validation images.
    """
    trial = store.results.get(record.id, number)
    where = f"trial {number}"
    if not record.document["data"].get("validation"):
        raise InputError(
            f"campaign {record.id}",
            "has no validation images: its lesions could be scored on the test split only",
            "name a campaign with data.validation",
        )
    if trial.top1 is None:
        reason = f" ({trial.reason})" if trial.reason else ""
        cure = f"name one that has: `ventral top {record.id}`"
        raise InputError(where, f"has no score: it is {trial.status}{reason}", cure)
    genome = trial.read_genome()
    parts = list(list_parts(genome))
    if not parts:
        raise InputError(
            where,
            f"has no part to remove: {trial.cell} is a network without cells and feedback",
            f"name a trial with a cell: `ventral trial list {record.id}`",
        )
    return trial, genome, parts


# ---------------------------------------------------------------------------- without training


def lesion_trial(
    store: Store,
    home: Home,
    record: Record,
    number: int,
    listen: Listener = lambda _part, _left: None,
) -> tuple[list[Lesion], Refusals]:
    """The effect of each part of a trained network, without training, and why some have none.

    The most needed part comes first. They are put on record. Loads PyTorch. Raises what
    `find_parts` and `search.upkeep.exports.read_kept` do, InputError for a trial whose weights
    were not kept or that was trained on the validation images, and for one none of whose parts
    can be removed.
    """
    _, _, parts = find_parts(store, record, number)
    again = f"`ventral lesion {record.id} --trial {number} --retrain` trains it again"
    if not are_weights_kept(home, record, number):
        keep = record.document.get("keep")
        problem = f"has no weights: the campaign keeps those of its {keep} best trials"
        raise InputError(f"trial {number}", problem, again)
    kept = read_kept(store, home, record, number)
    if kept.recipe.train_on != "train" or SPLIT not in kept.manifest.counts:
        problem = "was trained on the validation images, which are to tell what its parts do"
        raise InputError(f"trial {number}", problem, again)
    from workers.lesions import TrainedNetwork, answer_lesioned, answer_whole

    trained = TrainedNetwork(
        genome=kept.genome,
        weights=kept.weights,
        size=kept.part.size,
        steps=kept.part.steps,
        batch_size=kept.recipe.evaluation_batch_size,
        threads=kept.recipe.threads,
    )
    listen("", len(parts))
    pack = open_pack(kept.data)
    whole = answer_whole(trained, pack, SPLIT)
    lesions, refusals = list[Lesion](), Refusals()
    for done, answers in enumerate(answer_lesioned(trained, whole, parts, pack, SPLIT), 1):
        part, right = answers.part, answers.right
        listen(part.name, len(parts) - done)
        if right is None:
            refusals[part] = answers.refusal
            continue
        gained, lost = int((right & ~whole).sum()), int((whole & ~right).sum())
        effect = compare_answers(gained, lost, len(whole))
        if answers.inert:  # one network: no other images could tell the two apart
            effect = 0.0, 0.0, 0.0
        lesions.append(make_lesion(number, part, effect, retrained=False))
    if not lesions:
        raise InputError(f"trial {number}", next(iter(refusals.values())), again)
    lesions = rank_lesions(lesions)
    record_lesions(store, record.id, lesions, images=len(whole))
    return lesions, refusals


# ------------------------------------------------------------------------------- with training


def retraining(
    store: Store,
    record: Record,
    number: int,
    seeds: int,
    overrides: Sequence[str] = (),
    *,
    offered: Machine | None = None,
) -> tuple[Campaign, dict[Part, str], Refusals]:
    """The campaign that trains a trial's network, and every lesion of it, from `seeds` seeds; what
    the network without each part is called in it, of equal ones the first; and why some parts are
    left out.

    Raises what `find_parts` does, CampaignError for a trial that this version would build as
    another network, for more parts than a campaign has controls, and for a wrong override.
    """
    trial, genome, parts = find_parts(store, record, number)
    if genome.digest != trial.digest:
        raise CampaignError(
            f"trial {number}",
            "is another network in this version",
            "lesion it with the version that trained it",
        )
    winner = name_trial(number)
    chosen: dict[str, dict[str, Any]] = {winner: _control(genome, trial)}
    names, refusals, by_digest = dict[Part, str](), Refusals(), {genome.digest: winner}
    for place, part in enumerate(parts, 1):
        try:
            left = remove_part(genome, part)
        except GenomeError as error:
            refusals[part] = str(error)
            continue
        names[part] = by_digest.setdefault(left.digest, name_lesion(winner, place, part.name))
        chosen.setdefault(names[part], _control(left, trial))
    if len(chosen) > CONTROLS:
        problem = f"has {len(chosen) - 1} lesions, where one campaign trains {CONTROLS - 1}"
        raise CampaignError(f"trial {number}", problem, "lesion it without --retrain")
    made = Derivation(
        suffix=f"lesions-{number}",
        draw="lesions",
        chosen=chosen,
        seeds=seeds,
        recipe=search_recipe(record),
        networks=f"{winner} of {{name}} with each of its parts removed in turn",
    )
    return derive_campaign(record, made, overrides, offered), names, refusals


def _control(genome: Genome, trial: Trial) -> dict[str, Any]:
    """A network as a control, by the trial's own recipe, its learning rate included."""
    return {"genome": genome.document(), "recipe": dict(trial.recipe)}


def retrain_lesions(
    store: Store,
    home: Home,
    record: Record,
    number: int,
    matching: Matching,
    follower: Follower = SILENT,
) -> tuple[list[Lesion], Refusals]:
    """Train a trial's network and its lesions, or go on with that; the effect of each part.

    Of `matching` the seeds, the overrides, `new` and the address count. Raises what `retraining`
    and `search.upkeep.matched_certification.finish_campaign` do.
    """
    bypass_proxies()
    offered = read_offered(matching.address)
    campaign, names, refusals = retraining(
        store, record, number, matching.seeds, matching.overrides, offered=offered
    )
    setting = Setting(
        record=record,
        home=home,
        store=store,
        matching=matching,
        follower=follower,
        offered=offered,
    )
    done = finish_campaign(setting, campaign)
    scores = {network.name: network.scores for network in read_networks(store, done)}
    lesions = rank_lesions(compare_trainings(number, names, scores, name_trial(number)))
    record_lesions(store, record.id, lesions, seeds=matching.seeds, campaign=done.id)
    return lesions, refusals
