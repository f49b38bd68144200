"""The limits of a campaign: what a network may take, worked out before it is trained.

`find_excess` checks all of them. Parameters and multiply-adds are known anyway; the memory of a
trial is forecast only where it is limited, which takes a tenth of a second for a large network.
That is `limits.memory`, and the part that a trial has of its card: the lower one counts. Where a
campaign allows it, a network that is over it is trained with `recompute` instead (`fit_recipe`),
which changes its numbers by no more than their rounding. What runs out of memory all the same is
tried once more with what `spare_memory` changes.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from search.campaign import Campaign
from search.campaign.cards import describe_share, share_bytes
from space.documents.bounds import ACCUMULATED
from space.genome import Genome
from space.space import Sample
from space.step.parameters import parameters
from space.unroll.cost import Cost
from space.unroll.memory import evaluation_memory, training_memory
from space.unroll.plan import plan
from space.unroll.planned_memory import planned_evaluation_memory, planned_memory
from space.unroll.reads import all_logits, decoder_reads
from space.unroll.tape import FLOAT
from workers.accumulation import accumulates
from workers.job import Recipe

LIMITED = ("parameters", "macs", "memory")
"""The limits that make a network infeasible, by their keys."""

HALF, ENOUGH = 0.5, 0.9
"""Parts of the forecast that ran out: what another try has to fit into, and the most that is tried
where nothing does.
"""
POWERS = 6
"""A batch is computed in up to 2 to the power of so many parts."""


def find_excess(campaign: Campaign, recipe: Recipe, genome: Genome, costs: Cost) -> str | None:
    """Why a network of this cost may not be trained by a closed `recipe`, or None."""
    for name, has in (("parameters", costs.parameters), ("macs", costs.macs)):
        limit = getattr(campaign.limits, name)
        if limit is not None and has > limit:
            return f"{has:,} {name} exceed limits.{name}: {limit:,}"
    ceiling = _ceiling(campaign)
    return None if ceiling is None else _over_memory(campaign, recipe, genome, ceiling)


def fit_recipe(campaign: Campaign, recipe: Recipe, genome: Genome) -> Recipe:
    """The recipe by which a network is trained: with `recompute` where the campaign wants that
    for what takes more memory than a trial may.
    """
    ceiling = _ceiling(campaign)
    if ceiling is None or not _may_recompute(campaign, recipe):
        return recipe
    fits = memory_to_train(campaign, recipe, genome) <= ceiling.bytes
    return recipe if fits else recipe.overlaid({"recompute": True})


def recomputes(campaign: Campaign, sample: Sample) -> bool:
    """Whether a sample is trained with `recompute` because it takes more memory than it may."""
    recipe = campaign.recipe.overlaid(sample.recipe)
    return fit_recipe(campaign, recipe, sample.genome) != recipe


def spare_memory(campaign: Campaign, recipe: Recipe, genome: Genome) -> dict[str, Any] | None:
    """What to change of the recipe of a training that ran out of memory: keys that change its
    numbers by no more than their rounding. None where nothing would help.

    What it has run out of is not known, a neighbour may hold a part of it: by the forecast the
    training has to fit into half of what it took. `recompute` goes first, then `accumulate` with
    as few parts as do, then both; if nothing does, what takes least.
    """
    recipe = fit_recipe(campaign, recipe, genome)
    now, best = _peak(campaign, recipe, genome), None
    least = ENOUGH * now
    for change in _sparing(recipe, genome):
        taken = _peak(campaign, recipe.model_copy(update=change), genome)
        if taken <= HALF * now:
            return change
        if taken < least:
            best, least = change, taken
    return best


def _sparing(recipe: Recipe, genome: Genome) -> Iterator[dict[str, Any]]:
    """Changes of a recipe that take less memory, the cheapest in time first."""
    again = {"recompute": True} if _can_recompute(recipe) else None
    parts = list[dict[str, Any]]()
    if accumulates(genome, recipe):
        powers = (recipe.accumulate * 2**power for power in range(1, POWERS + 1))
        most = max(recipe.batch_size, recipe.evaluation_batch_size)
        parts = [{"accumulate": number} for number in powers if number <= min(most, ACCUMULATED)]
    if again is not None:
        yield again
    yield from parts
    if again is not None:
        yield from (again | part for part in parts)


def _peak(campaign: Campaign, recipe: Recipe, genome: Genome) -> int:
    """Bytes of an update, or of an evaluation where that takes more."""
    to_train = memory_to_train(campaign, recipe, genome)
    return max(to_train, memory_to_evaluate(campaign, recipe, genome))


def memory_to_train(campaign: Campaign, recipe: Recipe, genome: Genome) -> int:
    """Bytes of an update by a closed recipe, on the device and with the images of the campaign.

    Cheaper epochs (`fidelity`) take less, and are not looked at.
    """
    half = bool(campaign.resources.gpus) and recipe.precision != "float32"
    reads = all_logits(genome) if recipe.loss_steps == "all" else decoder_reads(genome)
    batch = recipe.batch_size
    if recipe.train_on == "train":
        batch = min(batch, campaign.data.train_images or batch)
    copies, part = _copies(recipe), math.ceil(batch / recipe.accumulate)
    if recipe.unroll == "literal":
        steps = {step for _, step in reads}
        taken = training_memory(genome, part, copies=copies, half=half, steps=steps)
    else:
        planned, again = plan(genome, reads, training=True), recipe.recompute
        taken = planned_memory(planned, part, copies=copies, half=half, recompute=again)
    if part == batch:
        return taken
    # The whole batch's images, and the gradient that the parts before have left.
    image = genome.image.size**2 * genome.image.channels
    return taken + FLOAT * ((batch - part) * image + parameters(genome).numbers)


def memory_to_evaluate(campaign: Campaign, recipe: Recipe, genome: Genome) -> int:
    """Bytes of an evaluation between two epochs; it computes in float32, whatever trained."""
    batch, copies = recipe.evaluated_at_once, _copies(recipe)
    if recipe.score_on == "test" or not campaign.data.validation:
        batch = min(batch, campaign.data.test_images or batch)
    if recipe.unroll == "literal":
        return evaluation_memory(genome, batch, copies=copies)
    return planned_evaluation_memory(plan(genome, all_logits(genome)), batch, copies=copies)


def _copies(recipe: Recipe) -> int:
    """The numbers that the optimiser keeps of a parameter."""
    return 2 if recipe.optimiser == "adamw" else int(recipe.momentum > 0)


@dataclass(frozen=True, kw_only=True)
class _Ceiling:
    """What a trial may take on its device, the words for it, and what gives it more."""

    bytes: int
    words: str
    cure: str = ""


def _ceiling(campaign: Campaign) -> _Ceiling | None:
    """The lower one of `limits.memory` and the trial's part of its card; None without both."""
    limit, share = campaign.limits.memory, campaign.resources.card
    ceilings = list[_Ceiling]()
    if limit is not None:
        ceilings.append(_Ceiling(bytes=limit, words=f"limits.memory: {limit:,}"))
    if share is not None:
        more = "" if share.part == 1 else ", or raise resources.gpus"
        cure = f"{more}, or name a larger card in resources.accelerator"
        size = share_bytes(share)
        words = f"{size:,}, {describe_share(share)}"
        ceilings.append(_Ceiling(bytes=size, words=words, cure=cure))
    return min(ceilings, key=lambda one: one.bytes, default=None)


def _over_memory(
    campaign: Campaign, recipe: Recipe, genome: Genome, ceiling: _Ceiling
) -> str | None:
    limit, over = ceiling.bytes, f"exceed {ceiling.words}"
    to_train = memory_to_train(campaign, recipe, genome)
    if to_train > limit:
        again = recipe.model_copy(update={"recompute": True})
        fits = _can_recompute(recipe) and memory_to_train(campaign, again, genome) <= limit
        if not (fits and _may_recompute(campaign, recipe)):
            cure = (", or write limits.over_memory: recompute" if fits else "") + ceiling.cure
            return f"{to_train:,} bytes to train in {over}; lower recipe.batch_size{cure}"
    to_evaluate = memory_to_evaluate(campaign, recipe, genome)
    if to_evaluate > limit:
        cure = f"lower recipe.evaluation_batch_size{ceiling.cure}"
        return f"{to_evaluate:,} bytes to evaluate in {over}; {cure}"
    return None


def _may_recompute(campaign: Campaign, recipe: Recipe) -> bool:
    return campaign.limits.over_memory == "recompute" and _can_recompute(recipe)


def _can_recompute(recipe: Recipe) -> bool:
    return recipe.unroll == "planned" and not recipe.recompute
