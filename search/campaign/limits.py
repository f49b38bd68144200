"""The limits of a campaign: what a network may take, worked out before it is trained.

`find_excess` checks all of them. Parameters and multiply-adds are known anyway; the memory of a
trial is forecast only where it is limited, which takes a tenth of a second for a large network.
Where a campaign allows it, a network that is over `limits.memory` is trained with `recompute`
instead (`fit_recipe`), which changes its numbers by no more than their rounding.
"""

from search.campaign import Campaign
from space.genome import Genome
from space.space import Sample
from space.unroll.cost import Cost
from space.unroll.memory import evaluation_memory, training_memory
from space.unroll.plan import plan
from space.unroll.planned_memory import planned_evaluation_memory, planned_memory
from space.unroll.reads import all_logits, decoder_reads
from workers.job import Recipe

LIMITED = ("parameters", "macs", "memory")
"""The limits that make a network infeasible, by their keys."""


def find_excess(campaign: Campaign, recipe: Recipe, genome: Genome, costs: Cost) -> str | None:
    """Why a network of this cost may not be trained by a closed `recipe`, or None."""
    for name, has in (("parameters", costs.parameters), ("macs", costs.macs)):
        limit = getattr(campaign.limits, name)
        if limit is not None and has > limit:
            return f"{has:,} {name} exceed limits.{name}: {limit:,}"
    return None if campaign.limits.memory is None else _over_memory(campaign, recipe, genome)


def fit_recipe(campaign: Campaign, recipe: Recipe, genome: Genome) -> Recipe:
    """The recipe by which a network is trained: with `recompute` where the campaign wants that
    for what is over `limits.memory`.
    """
    limit = campaign.limits.memory
    if limit is None or not _may_recompute(campaign, recipe):
        return recipe
    fits = memory_to_train(campaign, recipe, genome) <= limit
    return recipe if fits else recipe.overlaid({"recompute": True})


def recomputes(campaign: Campaign, sample: Sample) -> bool:
    """Whether a sample is trained with `recompute` because it is over `limits.memory`."""
    recipe = campaign.recipe.overlaid(sample.recipe)
    return fit_recipe(campaign, recipe, sample.genome) != recipe


def memory_to_train(campaign: Campaign, recipe: Recipe, genome: Genome) -> int:
    """Bytes of an update by a closed recipe, on the device and with the images of the campaign.

    Cheaper epochs (`fidelity`) take less, and are not looked at.
    """
    half = bool(campaign.resources.gpus) and recipe.precision != "float32"
    reads = all_logits(genome) if recipe.loss_steps == "all" else decoder_reads(genome)
    batch = recipe.batch_size
    if recipe.train_on == "train":
        batch = min(batch, campaign.data.train_images or batch)
    copies = _copies(recipe)
    if recipe.unroll == "literal":
        steps = {step for _, step in reads}
        return training_memory(genome, batch, copies=copies, half=half, steps=steps)
    planned, again = plan(genome, reads, training=True), recipe.recompute
    return planned_memory(planned, batch, copies=copies, half=half, recompute=again)


def memory_to_evaluate(campaign: Campaign, recipe: Recipe, genome: Genome) -> int:
    """Bytes of an evaluation between two epochs; it computes in float32, whatever trained."""
    batch, copies = recipe.evaluation_batch_size, _copies(recipe)
    if recipe.score_on == "test" or not campaign.data.validation:
        batch = min(batch, campaign.data.test_images or batch)
    if recipe.unroll == "literal":
        return evaluation_memory(genome, batch, copies=copies)
    return planned_evaluation_memory(plan(genome, all_logits(genome)), batch, copies=copies)


def _copies(recipe: Recipe) -> int:
    """The numbers that the optimiser keeps of a parameter."""
    return 2 if recipe.optimiser == "adamw" else int(recipe.momentum > 0)


def _over_memory(campaign: Campaign, recipe: Recipe, genome: Genome) -> str | None:
    limit = campaign.limits.memory
    assert limit is not None
    over = f"exceed limits.memory: {limit:,}"
    to_train = memory_to_train(campaign, recipe, genome)
    if to_train > limit:
        again, fits = recipe.model_copy(update={"recompute": True}), False
        if recipe.unroll == "planned" and not recipe.recompute:
            fits = memory_to_train(campaign, again, genome) <= limit
        if not (fits and _may_recompute(campaign, recipe)):
            cure = ", or write limits.over_memory: recompute" if fits else ""
            return f"{to_train:,} bytes to train in {over}; lower recipe.batch_size{cure}"
    to_evaluate = memory_to_evaluate(campaign, recipe, genome)
    if to_evaluate > limit:
        return f"{to_evaluate:,} bytes to evaluate in {over}; lower recipe.evaluation_batch_size"
    return None


def _may_recompute(campaign: Campaign, recipe: Recipe) -> bool:
    limits = campaign.limits
    allowed = limits.memory is not None and limits.over_memory == "recompute"
    return allowed and recipe.unroll == "planned" and not recipe.recompute
