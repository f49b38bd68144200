"""The planned execution against the literal one: outputs, activations, gradients, statistics."""

import copy
import random

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from models.build import Network, build
from space.genome import Genome
from space.network.architecture import HEAD
from space.unroll.plan import plan
from space.unroll.reads import Read, all_logits, decoder_reads
from tests.support.drawing import PUBLISHED_CELLS, any_genomes, genomes, small_genome
from tests.support.networks import images_for, randomised, ten_stages

EXACT = 1e-10
FEW = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
MANY = settings(FEW, max_examples=600)


def names(genome: Genome) -> list[str]:
    """All that can be read."""
    found = [HEAD]
    for stage in genome.stages:
        states = [] if stage.cell is None else [*genome.cells[stage.cell].states]
        found += [stage.name, f"{stage.name}.input", *(f"{stage.name}.{name}" for name in states)]
    return found


def pair(genome: Genome, training: bool) -> tuple[Network, Network]:
    """(literal, planned): two networks of the same weights."""
    planned = randomised(genome).train(training)
    literal = copy.deepcopy(planned)
    literal.unroll = "literal"
    return literal, planned


def read(network: Network, images: Tensor, reads: list[Read]) -> list[Tensor]:
    values = network.read(images, reads)
    return [values[key] for key in reads]


def outcome(network: Network, images: Tensor, reads: list[Read]) -> list[list[Tensor]]:
    """What is read, the gradients of a weighted sum of it, and the buffers afterwards."""
    network.zero_grad()
    values = read(network, images, reads)
    generator = torch.Generator().manual_seed(5)
    total = images.new_zeros(())
    for value in values:
        weights = torch.randn(value.shape, generator=generator, dtype=value.dtype)
        total = total + (value * weights).sum()
    if total.requires_grad:
        total.backward()
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in network.parameters()]
    return [[value.detach() for value in values], gradients, [*network.buffers()]]


def distance(a: list[list[Tensor]], b: list[list[Tensor]]) -> float:
    """The largest difference, in units of the largest number of its group (but at least of 1)."""
    worst = 0.0
    for ours, theirs in zip(a, b, strict=True):
        unit = max([1.0, *(x.abs().max().item() for x in ours)])
        for x, y in zip(ours, theirs, strict=True):
            assert x.shape == y.shape
            worst = max(worst, (x - y).abs().max().item() / unit)
    return worst


def check(genome: Genome, reads: list[Read], training: bool) -> None:
    images = images_for(genome, batch=3)
    literal, planned = pair(genome, training)
    expected = outcome(literal, images, reads)
    assert distance(expected, outcome(planned, images, reads)) < EXACT


def well_conditioned(genome: Genome, reads: list[Read], training: bool) -> bool:
    """Whether the literal unroll's own numbers do not depend on rounding. A layer norm of a
    constant map multiplies what rounding left by a million.
    """
    images = images_for(genome, batch=3)
    literal, _ = pair(genome, training)
    nudged, generator = copy.deepcopy(literal), torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in nudged.parameters():
            p.mul_(1 + 1e-14 * torch.randn(p.shape, generator=generator, dtype=p.dtype))
    expected = outcome(literal, images, reads)
    return distance(expected, outcome(nudged, images, reads)) < EXACT / 10


def check_drawn(genome: Genome, reads: list[Read], training: bool) -> None:
    assume(well_conditioned(genome, reads, training))
    check(genome, reads, training)


def drawn_reads(genome: Genome, which: str, seed: int) -> list[Read]:
    steps = range(genome.clock.steps)
    everything = [(name, step) for name in names(genome) for step in steps]
    match which:
        case "decoder":
            return sorted(decoder_reads(genome))
        case "logits":
            return sorted(all_logits(genome))
        case "everything":
            return everything
    return random.Random(seed).sample(everything, 3)


READS = st.sampled_from(["decoder", "logits", "everything", "few"])


@FEW
@given(genomes(), READS, st.integers(0, 99), st.booleans())
def test_planned_is_literal(genome: Genome, which: str, seed: int, training: bool) -> None:
    check_drawn(genome, drawn_reads(genome, which, seed), training)


@FEW
@given(any_genomes(), READS, st.integers(0, 99), st.booleans())
def test_planned_is_literal_on_the_whole_grammar(
    genome: Genome, which: str, seed: int, training: bool
) -> None:
    check_drawn(genome, drawn_reads(genome, which, seed), training)


@FEW
@given(genomes() | any_genomes(), READS, st.integers(0, 99), st.booleans())
def test_recomputing_changes_nothing(
    genome: Genome, which: str, seed: int, training: bool
) -> None:
    reads = drawn_reads(genome, which, seed)
    assume(well_conditioned(genome, reads, training))
    images, planned = images_for(genome, batch=3), randomised(genome).train(training)
    again = copy.deepcopy(planned)
    again.recompute = True
    assert distance(outcome(planned, images, reads), outcome(again, images, reads)) < EXACT


def test_recomputing_holds_less() -> None:
    network, images = build(ten_stages()), images_for(ten_stages(), batch=16).float()
    kept: dict[bool, int] = {}
    for network.recompute in (False, True):
        sizes: dict[int, int] = {}

        def note(x: Tensor, sizes: dict[int, int] = sizes) -> Tensor:
            sizes[x.data_ptr()] = x.numel()
            return x

        with torch.autograd.graph.saved_tensors_hooks(note, lambda x: x):
            total = network(images).sum()
        kept[network.recompute] = sum(sizes.values())
        del total
    assert 0 < kept[True] < 0.6 * kept[False]


@pytest.mark.slow
@MANY
@given(genomes() | any_genomes(), READS, st.integers(0, 99), st.booleans())
def test_planned_is_literal_on_many_networks(
    genome: Genome, which: str, seed: int, training: bool
) -> None:
    check_drawn(genome, drawn_reads(genome, which, seed), training)


@pytest.mark.parametrize("name", PUBLISHED_CELLS)
@pytest.mark.parametrize("feedback", [True, False])
def test_published_cells(name: str, feedback: bool) -> None:
    genome = small_genome(PUBLISHED_CELLS[name], feedback=feedback)
    check(genome, drawn_reads(genome, "everything", 0), True)
    check(genome, drawn_reads(genome, "decoder", 0), False)


@pytest.mark.parametrize("changes", [{}, {"clock": {"steps": 22}}, {"start": "masked"}])
def test_ten_stages_with_feedback(changes: dict[str, object]) -> None:
    genome = ten_stages(**changes)
    check(genome, drawn_reads(genome, "decoder", 0), True)
    check(genome, drawn_reads(genome, "logits", 0), True)


@FEW
@given(any_genomes())
def test_values_of_one_name_are_equal_in_the_literal_unroll(genome: Genome) -> None:
    """The names are sound: nothing that the planned execution does enters here."""
    literal, _ = pair(genome, training=False)
    images = images_for(genome, batch=2)
    reads = drawn_reads(genome, "everything", 0)
    found = plan(genome, reads)
    with torch.no_grad():
        values = dict(zip(reads, read(literal, images, reads), strict=True))
    first: dict[int, Tensor] = {}
    for key, value in values.items():
        operation = found.values[key]
        if operation in first:
            assert torch.equal(value, first[operation])
        first.setdefault(operation, value)
        if not found.operations[operation].image:
            # A norm over a constant multiplies rounding by 300, and norms may follow one another.
            assert torch.allclose(value[0], value[1], rtol=1e-9, atol=1e-9)


@FEW
@given(genomes() | any_genomes(), st.integers(1, 3))
def test_the_plan_counts_what_is_executed(genome: Genome, batch: int) -> None:
    network, image = build(genome).eval(), genome.image
    images = torch.zeros(batch, image.channels, image.size, image.size)
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        network(images)
    expected = 2 * batch * plan(genome).planned_macs(batch)
    assert counter.get_total_flops() == pytest.approx(expected, rel=1e-9)


def test_a_copy_and_single_precision() -> None:
    genome = ten_stages()
    network = build(genome)
    images = images_for(genome).float()
    expected = network(images)
    assert torch.equal(copy.deepcopy(network)(images), expected)
    network.unroll = "literal"
    assert torch.allclose(network(images), expected, atol=1e-5)


def test_autocast_computes_alike() -> None:
    network, images = build(ten_stages()), images_for(ten_stages()).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        planned = network(images)
        network.unroll = "literal"
        literal = network(images)
    planned.sum().backward()
    assert torch.allclose(planned, literal, atol=0.02)
