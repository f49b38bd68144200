"""The plan of an unroll: what is left of it, and why the rest is not computed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from space import zoo
from space.genome import Genome
from space.step.operations import Normalise
from space.unroll.calls import schedule
from space.unroll.cost import cost, decoder_macs
from space.unroll.divided import divide_step
from space.unroll.plan import Plan, plan
from space.unroll.reads import all_logits, decoder_reads, everything, parse_reads
from tests.support.drawing import PUBLISHED_CELLS, any_genomes, genomes, small_genome
from tests.support.effort import count_calls
from tests.support.networks import ten_stages


def clocked(name: str, **clock: int) -> Genome:
    """A model of the zoo with another clock."""
    return Genome.parse(zoo.model(name).genome.document() | {"clock": clock})


# Giga multiply-adds an image in batches of 64: the literal unroll's, those of a plan stage by
# stage, and the plan's. By hand for ugrnn_intermediate, T=17: a step of its stages 4 to 10 has
# 8.55, seven steps of which depend on the image; of those the first convolution, the residual and
# the gates' convolutions of the input are one in stage 4 (7.1 less), the gates' convolutions of
# the state do not know the image at a stage's first step (3.0 less), and the last stage's second
# convolution is read once (0.7 less); 0.6 for stages 1 to 3, and 0.7 for what has a batch of 1.
TABLE = [
    ("rgc_intermediate", {"steps": 17, "image_off": 12}, "last", 71.5, 24.9, 16.6),
    ("rgc_intermediate", {"steps": 22}, "last", 92.6, 41.8, 27.4),
    ("rgc_intermediate", {"steps": 26, "image_off": 10}, "logits", 109.4, 55.5, 36.1),
    ("ugrnn_intermediate", {"steps": 17, "image_off": 12}, "last", 155.3, 61.2, 50.3),
    ("ugrnn_intermediate", {"steps": 30}, "last", 274.1, 172.4, 144.7),
    ("lstm_intermediate", {"steps": 17, "image_off": 12}, "last", 257.5, 103.7, 84.3),
    ("basenet_intermediate", {"steps": 17, "image_off": 12}, "last", 53.1, 3.2, 3.1),
]


@pytest.mark.parametrize(("name", "clock", "read", "literal", "by_stage", "planned"), TABLE)
def test_multiply_adds_of_the_published_networks(
    name: str, clock: dict[str, int], read: str, literal: float, by_stage: float, planned: float
) -> None:
    genome = clocked(name, **clock)
    found = plan(genome, parse_reads(genome, read))
    assert found.literal_macs / 1e9 == pytest.approx(literal, abs=0.06)
    assert found.planned_macs(64) / 1e9 == pytest.approx(planned, abs=0.06)
    assert found.planned_macs(64) / 1e9 < by_stage


def test_planning_takes_milliseconds() -> None:
    """As calls of functions: 78,000, in 0.015 s."""
    genome = clocked("rgc_intermediate", steps=17, image_off=12)
    plan(genome)
    assert count_calls(lambda: plan(genome)) < 250_000


@given(any_genomes(), st.booleans(), st.integers(1, 64))
@settings(max_examples=60, deadline=None)
def test_every_multiply_add_is_computed_or_saved_by_a_rule(
    genome: Genome, training: bool, batch: int
) -> None:
    ops, once = divide_step(genome).ops, decoder_macs(genome)
    assert cost(genome).macs == sum(op.literal_macs for op in ops) * genome.clock.steps + once
    for reads in (decoder_reads(genome), all_logits(genome), everything(genome)):
        found = plan(genome, reads, training=training)
        planned, saved = found.planned_macs(batch), found.saved(batch)
        assert planned <= found.literal_macs
        assert min(saved.values()) >= 0
        assert planned + sum(saved.values()) == pytest.approx(found.literal_macs)


@given(genomes())
@settings(max_examples=40, deadline=None)
def test_fewer_reads_need_a_part_of_the_operations(genome: Genome) -> None:
    def needed(found: Plan) -> set[tuple[int, int]]:
        return {(op.place, op.step) for op in found.operations}

    last, all_steps = plan(genome), plan(genome, all_logits(genome))
    assert needed(last) <= needed(all_steps) <= needed(plan(genome, everything(genome)))


def test_masked_stages_wait() -> None:
    genome = ten_stages(start="masked", clock={"steps": 17})
    found = plan(genome, everything(genome))
    rules = {(found.step.ops[o.place].stage, o.step): o.rule for o in found.occurrences}
    for (stage, step), rule in rules.items():
        assert (rule == "waiting") == (step < stage)
    assert all(op.image for op in found.operations if op.macs)


def test_the_image_that_never_arrives_is_not_needed() -> None:
    """Trap 10: with T=17 and eleven nodes no image_off from 7 on can change the last logits."""
    seen = {
        image_off: plan(ten_stages(clock={"steps": 17, "image_off": image_off})).planned_macs(8)
        for image_off in (6, 7, 12)
    }
    assert seen[7] == seen[12] < seen[6]


def test_a_batch_norm_keeps_what_moves_it_in_training() -> None:
    document = small_genome(PUBLISHED_CELLS["ugrnn"], feedback=False).document()
    document["stages"][2]["second"] = {"width": 6, "norm": "batch"}
    genome = Genome.parse(document)
    trained, used = plan(genome, training=True), plan(genome)
    assert not used.effects
    (effect,) = trained.effects
    assert effect.weights == "stages.conv3.second.norm"
    assert len(effect.values) == genome.clock.steps
    # The first step's operand knows no image; that of the last step is read by nothing else.
    assert [trained.operations[v].image for v in effect.values] == [False, False] + [True] * 4
    norms = [op for op in trained.operations if isinstance(op.what, Normalise)]
    assert len(norms) == 1
    assert trained.planned_macs(8) > used.planned_macs(8)
    for call in schedule(trained):
        assert len(call.rows) == 1 or not isinstance(call.whats[0], Normalise)
