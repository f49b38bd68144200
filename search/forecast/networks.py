"""The networks that a forecast rests on: the controls, and some drawn from the space and, in their
share, from its feedforward part.
"""

import random
import time
from dataclasses import dataclass
from typing import Any

from search.campaign import Campaign, control_runs, is_searched_control
from search.campaign.limits import fit_recipe
from search.samplers.protocol import derive_seed
from space.errors import InputError, VentralError
from space.feedforward import close_loops
from space.genome import Genome
from space.reduction import reduce_genome
from space.space import Sample, Space
from space.unroll.plan import plan
from space.unroll.reads import parse_reads
from workers.job import Fidelity, Recipe

DRAWN, LEAST = 100, 12
"""Networks drawn to know the space: as many as SECONDS allow."""
SECONDS = 3.0


@dataclass(frozen=True, kw_only=True)
class NetworkWork:
    """What the model of an epoch's time looks at. `multiplies` is by image, in training.

    `cheaper` is the same for the epochs of less fidelity: until which, the part of the images, and
    both quantities.
    """

    operations: int
    multiplies: float
    genome: Genome
    recipe: dict[str, Any]
    cheaper: tuple[tuple[int, float, int, float], ...] = ()


def draw_networks(campaign: Campaign, space: Space) -> list[NetworkWork]:
    """The controls that are to be trained, and networks drawn from the space; of these as many
    from its feedforward part as are searched controls.

    None is drawn where the controls use up the budget.
    """
    runs = control_runs(campaign, space)[: campaign.budget.trials]
    names = dict.fromkeys(name for name, _ in runs)  # each once, whatever its seeds are
    references = {name: network_of(campaign, space.control(name)) for name in names}
    networks = [references[name] for name, _ in runs]
    if len(networks) == campaign.budget.trials:
        return networks
    part = close_loops(space) if campaign.searched_share else space
    rng, until = random.Random(derive_seed(campaign.seed, "estimate")), time.monotonic() + SECONDS
    for drawn in range(DRAWN):
        if drawn >= LEAST and time.monotonic() > until:
            break
        try:
            source = part if is_searched_control(campaign, drawn) else space
            networks.append(network_of(campaign, source.sample(rng)))
        except InputError:
            continue
    if not any(networks):
        raise VentralError(f"no network of the space {space.name} can be drawn")
    return networks


def network_of(campaign: Campaign, sample: Sample) -> NetworkWork:
    """What a sample asks of a machine, trained by the campaign's recipe."""
    recipe = fit_recipe(campaign, campaign.recipe.overlaid(sample.recipe), sample.genome)
    operations, multiplies = _work(sample.genome, recipe)
    return NetworkWork(
        operations=operations,
        multiplies=multiplies,
        genome=sample.genome,
        recipe=recipe.model_dump(mode="json"),
        cheaper=tuple(
            (part.until, part.images, *_work(_reduced(sample.genome, part), recipe))
            for part in recipe.fidelity
        ),
    )


def _reduced(genome: Genome, part: Fidelity) -> Genome:
    return reduce_genome(genome, size=part.size, steps=part.steps)


def _work(genome: Genome, recipe: Recipe) -> tuple[int, float]:
    """Operations of a network's training and multiply-adds by image."""
    planned = plan(genome, parse_reads(genome, "decoder"), training=True)
    return len(planned.operations), planned.planned_macs(recipe.batch_size)
