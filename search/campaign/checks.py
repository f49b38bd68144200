"""What is wrong with a campaign, a space and a machine together, told before anything is run."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from search import early_stopping, samplers
from search.campaign.cards import check_card
from search.campaign.objectives import steps_of
from search.campaign.settings import Campaign, Controls, Resources
from search.campaign.splits import check_splits
from search.campaign.trainings import control_runs, full_epochs
from search.host.machine import Machine
from space.documents.bounds import LEAST_CORES
from space.documents.trees import CHOICE_KINDS
from space.documents.validation import quote, suggestion
from space.errors import CampaignError, GenomeError, InputError
from space.feedforward import close_loops
from space.genome import Genome
from space.reduction import reduce_genome
from space.space import Space
from workers.job import Recipe


def check(campaign: Campaign, space: Space, offered: Machine) -> None:
    """Refuse a campaign that cannot run over `space` on `offered`.

    Raises CampaignError for what the campaign says, SpaceError or GenomeError for its space.
    """
    _check_recipe(campaign, space)
    _check_limits(campaign)
    _check_controls(campaign, space)
    _check_searched_controls(campaign, space)
    check_splits(campaign, space)
    samplers.check(campaign.sampler.name, campaign.sampler.options)
    if campaign.sampler.version is not None:
        samplers.check_version(campaign.sampler.name, campaign.sampler.version)
    early_stopping.check(campaign.scheduler.name, campaign.scheduler.options)
    _check_objectives(campaign, space)
    scheduler, epochs = campaign.scheduler, full_epochs(campaign, space)
    if scheduler.name != "fifo" and scheduler.grace(epochs) > epochs:
        raise CampaignError(
            "scheduler.grace_epochs",
            f"{scheduler.grace_epochs} is more than the {epochs} epochs of a training",
            f"write a number up to {epochs}, or raise recipe.epochs",
        )
    check_resources(campaign.resources, offered)


def _check_limits(campaign: Campaign) -> None:
    """`over_memory: recompute` wants a limit, and a recipe that can be recomputed."""
    if campaign.limits.over_memory != "recompute":
        return
    if campaign.limits.memory is None and not campaign.resources.gpus:
        raise CampaignError(
            "limits.over_memory", "there is no limit of memory", "write limits.memory, too"
        )
    if campaign.recipe.unroll != "planned":
        raise CampaignError(
            "limits.over_memory",
            f"the recipe's unroll is {campaign.recipe.unroll}, which cannot recompute",
            "write recipe.unroll: planned, or limits.over_memory: infeasible",
        )
    if campaign.recipe.recompute:
        raise CampaignError(
            "limits.over_memory",
            "the recipe recomputes every network already",
            "leave recipe.recompute or limits.over_memory out",
        )


def _check_objectives(campaign: Campaign, space: Space) -> None:
    """Several objectives want a sampler and a scheduler that know of them."""
    if not campaign.objectives:
        return
    if len(set(campaign.objectives)) < len(campaign.objectives):
        listed = ", ".join(campaign.objectives)
        raise CampaignError("objectives", f"{listed} names one twice", "write each of them once")
    if not samplers.weighs_several(campaign.sampler.name):
        known = next(name for name in samplers.NAMES if samplers.weighs_several(name))
        raise CampaignError(
            "objectives",
            f"the sampler {campaign.sampler.name} knows of top-1 alone",
            f"write sampler: {{name: {known}}}, or no objectives "
            "(`ventral top --by pareto` weighs top-1 against size in any campaign)",
        )
    steps = space.genome.get("clock", {}).get("steps")
    for step in steps_of(campaign.objectives):
        if isinstance(steps, int) and step >= steps:
            raise CampaignError(
                "objectives",
                f"top1@{step} is after the last of the clock's {steps} steps",
                f"write a step from 0 to {steps - 1}",
            )
    if not early_stopping.weighs_several(campaign.scheduler.name):
        raise CampaignError(
            "objectives",
            f"{campaign.scheduler.name} stops trainings by top-1 alone",
            "write scheduler: {name: optimistic}, which stops what is beaten in all of them, "
            "or fifo",
        )


def _check_recipe(campaign: Campaign, space: Space) -> None:
    if isinstance(space.recipe.get("epochs"), Mapping):
        raise CampaignError(
            "space.recipe.epochs",
            "is a choice, but trials are compared by the epochs that they reached",
            "fix it, in the space or in the campaign's recipe",
        )
    for path in _leaves(campaign.recipe.model_dump(mode="json", exclude_unset=True)):
        if _holds(space.recipe, path):
            raise CampaignError(
                f"recipe.{'.'.join(path)}",
                "stands in the campaign and in its space",
                "remove one of the two",
            )
    sample = space.complete({})
    try:
        recipe = campaign.recipe.overlaid(sample.recipe, "space.recipe")
    except InputError as error:
        raise CampaignError(error.where, error.problem, error.cure) from None
    _check_fidelity(campaign, recipe, sample.genome)


def _check_fidelity(campaign: Campaign, recipe: Recipe, genome: Genome) -> None:
    """What a part of a training asks for has to be there; `genome` is the space's default."""
    if not recipe.fidelity:
        return
    size, channels = campaign.data.size, genome.image.channels
    whole = genome.with_images(size=size, channels=channels, classes=genome.classes)
    for index, part in enumerate(recipe.fidelity):
        where = f"recipe.fidelity[{index}]"
        if part.size is not None and part.size > size:
            problem = f"{part.size} is more than the data's {size} pixels"
            raise CampaignError(f"{where}.size", problem, f"write {size} or less")
        try:
            reduce_genome(whole, size=part.size, steps=part.steps)
        except GenomeError as error:
            problem = f"the space's default network does not fit: {error.where} {error.problem}"
            raise CampaignError(where, problem, error.cure) from None


def _leaves(node: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in node.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key)


def _holds(node: Any, path: Sequence[str]) -> bool:
    """Whether a document with choices says anything about the value at `path`."""
    for step in path:
        if not isinstance(node, Mapping) or any(kind in node for kind in CHOICE_KINDS):
            return True  # a value or a choice in place of the whole
        if step not in node:
            return False
        node = node[step]
    return True


def _check_controls(campaign: Campaign, space: Space) -> None:
    where = "controls.names" if isinstance(campaign.controls, Controls) else "controls"
    for number, name in enumerate(campaign.named_controls or ()):
        if name not in space.controls:
            cure = suggestion(name, space.controls) or f"the space has none: write {where}: []"
            raise CampaignError(f"{where}[{number}]", f"there is no control {quote(name)}", cure)
    runs, trials = len(control_runs(campaign, space)), campaign.budget.trials
    if campaign.control_seeds > 1 and runs > trials:
        raise CampaignError(
            "control_seeds",
            f"{campaign.control_seeds} seeds of the controls are {runs} trials, and budget.trials "
            f"is {trials}",
            "raise budget.trials, or write fewer seeds",
        )


def _check_searched_controls(campaign: Campaign, space: Space) -> None:
    """A share for the feedforward part of a space wants such a part, and one that is not all."""
    if not campaign.searched_share:
        return
    cure = "leave controls.search out"
    try:
        part = close_loops(space)
    except InputError as error:
        problem = f"the space has no feedforward network: {error.where} {error.problem}"
        cure = f"{error.cure}, or {cure}" if error.cure else cure
        raise CampaignError("controls.search", problem, cure) from None
    if part is space:
        problem = "every network of the space is feedforward already"
        raise CampaignError("controls.search", problem, cure)


def check_resources(resources: Resources, offered: Machine) -> None:
    """Refuse resources of a trial that `offered` does not have. Raises CampaignError."""
    cpus, gpus = resources.cpus, resources.gpus
    if 0 < gpus < LEAST_CORES:
        cure = f"write 0, or {LEAST_CORES} and more"
        raise CampaignError("resources.gpus", f"{gpus:g} is too small a part", cure)
    if gpus > offered.gpus:
        have = f"has {offered.gpus}" if offered.gpus else "has none"
        cure = f"write at most {offered.gpus}" if offered.gpus else "set resources.gpus: 0"
        problem = f"asks for {gpus:g} GPU a trial; {offered.name} {have}"
        raise CampaignError("resources.gpus", problem, cure)
    check_card(resources, offered)
    if cpus > offered.cpus:
        raise CampaignError(
            "resources.cpus",
            f"asks for {cpus:g} cores a trial; {offered.name} has {offered.cpus}",
            f"write at most {offered.cpus}",
        )
