"""The networks that an estimate is made of."""

from __future__ import annotations

import random

from search.forecast.networks import network_of
from space.reduction import reduce_genome as space_at
from space.space import Space
from space.unroll.plan import plan
from space.unroll.reads import parse_reads
from tests.support import toys


def test_the_plans_of_cheaper_epochs_are_those_of_the_reduced_network() -> None:
    campaign = toys.campaign(
        recipe={"epochs": 5, "fidelity": [{"until": 2, "size": 8, "steps": 5, "images": 0.5}]}
    )
    space = Space.load("motifs-small").with_images(size=16, channels=1, classes=10)
    sample = space.sample(random.Random(0))
    found = network_of(campaign, sample)
    alone = space_at(sample.genome, size=8, steps=5)
    planned = plan(alone, parse_reads(alone, "decoder"), training=True)
    macs = planned.planned_macs(campaign.recipe.batch_size)
    assert found.cheaper == ((2, 0.5, len(planned.operations), macs),)
    assert macs < found.multiplies
