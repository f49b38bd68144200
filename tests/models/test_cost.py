"""The arithmetic of space/unroll/cost.py against the networks that are built."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from torch.utils.flop_counter import FlopCounterMode

from models.build import build
from space.genome import Genome
from space.unroll.cost import cost
from tests.support.drawing import PUBLISHED_CELLS as CELLS
from tests.support.drawing import any_genomes, genomes, small_genome

FEW = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
MANY = settings(FEW, max_examples=1000)
DRAWN = genomes() | any_genomes()
LITERAL = DRAWN.filter(lambda genome: genome.start == "zeros")


def check_parameters(genome: Genome) -> None:
    network = build(genome)
    assert sum(p.numel() for p in network.parameters()) == cost(genome).parameters


def check_macs(genome: Genome) -> None:
    """Two operations a multiply-add, of convolutions and linear maps alone."""
    network, image = build(genome, unroll="literal").eval(), genome.image
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        network.decode(network.step_logits(torch.zeros(1, image.channels, image.size, image.size)))
    assert counter.get_total_flops() == 2 * cost(genome).macs


@FEW
@given(genome=DRAWN)
def test_parameters_are_those_of_the_network(genome: Genome) -> None:
    check_parameters(genome)


@FEW
@given(genome=LITERAL)
def test_macs_are_those_of_the_literal_unroll(genome: Genome) -> None:
    check_macs(genome)


@pytest.mark.slow
@MANY
@given(genome=LITERAL)
def test_parameters_and_macs_of_many_networks(genome: Genome) -> None:
    check_parameters(genome)
    check_macs(genome)


@pytest.mark.parametrize("form", ["mlp", "conv1d", "w_avg_t", "thresh", "w_time_avg"])
def test_decoders_cost_what_they_do(form: str) -> None:
    decoder = {"form": form, "start": 4, "trainable": form in ("thresh", "w_time_avg")}
    if form == "conv1d":
        decoder["windows"] = [1, 2]
    genome = small_genome(CELLS["ugrnn"], decoder=decoder)
    check_parameters(genome)
    check_macs(genome)
