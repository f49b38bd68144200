"""The arithmetic of space/cost.py against the networks that are built."""

import torch
from hypothesis import given, settings
from torch.utils.flop_counter import FlopCounterMode

from models.build import build
from space.cost import cost
from space.genome import Genome
from tests.drawing import genomes


@settings(max_examples=40, deadline=None)
@given(genome=genomes())
def test_parameters_are_those_of_the_network(genome: Genome) -> None:
    network = build(genome)
    assert sum(p.numel() for p in network.parameters()) == cost(genome).parameters


@settings(max_examples=15, deadline=None)
@given(genome=genomes().filter(lambda genome: genome.start == "zeros"))
def test_macs_are_those_of_the_literal_unroll(genome: Genome) -> None:
    network = build(genome)
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        network.step_logits(torch.zeros(1, 2, 12, 12))
    assert counter.get_total_flops() == 2 * cost(genome).macs
