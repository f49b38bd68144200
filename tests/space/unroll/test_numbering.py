"""Value numbering: which values of an unroll have one name, and which know the image."""

from hypothesis import given, settings

from space.genome import Genome
from space.step.operations import Multiply, Pass, Sum, Zeros
from space.unroll.divided import divide_step
from space.unroll.numbering import Numbering
from space.unroll.plan import plan
from space.unroll.reads import everything
from tests.support.drawing import PUBLISHED_CELLS, any_genomes, small_genome
from tests.support.networks import ten_stages


def test_a_stage_without_memory_runs_once_an_image_phase() -> None:
    genome = small_genome(PUBLISHED_CELLS["feedforward"], feedback=False)
    found = plan(genome, [("conv3", step) for step in range(6)])
    # Zeros, zeros of a bias, and the image; the blank at step 4 arrives at step 6.
    by_place: dict[int, list[int]] = {}
    for op in found.operations:
        if op.macs:
            by_place.setdefault(op.place, []).append(op.step)
    first, *_, last = by_place.values()
    assert first == [0]
    assert last == [1, 2]
    assert found.values["conv3", 4] == found.values["conv3", 3] == found.values["conv3", 2]


def test_memory_that_settles_is_not_shared() -> None:
    genome = small_genome(PUBLISHED_CELLS["ugrnn"], feedback=False, clock={"steps": 12}, classes=2)
    found = plan(genome, everything(genome))
    outputs = [found.values["conv2", step] for step in range(12)]
    assert len(set(outputs)) == 12
    assert [found.operations[value].image for value in outputs] == [False] + [True] * 11
    inputs = plan(genome, [("conv2.input", step) for step in range(12)])
    assert len(set(inputs.values.values())) == 2


def test_stages_behind_the_image_have_one_image() -> None:
    genome = ten_stages(clock={"steps": 17})
    found = plan(genome, everything(genome))
    for (name, step), value in found.values.items():
        reached = step >= genome.stage_index(name)
        assert found.operations[value].image == reached


def number(genome: Genome) -> Numbering:
    return Numbering(genome, divide_step(genome), genome.clock.steps - 1)


@given(any_genomes())
@settings(max_examples=25, deadline=None)
def test_names_are_made_of_older_names_and_none_is_made_twice(genome: Genome) -> None:
    numbering = number(genome)
    passes = {i for i, op in enumerate(numbering.step.ops) if isinstance(op.what, Pass)}
    seen = set(numbering.zero)
    for step, names in enumerate(numbering.table):
        assert len(names) == len(numbering.step.ops)
        for place, name in enumerate(names):
            if name not in seen and place not in passes:
                assert numbering.made[name] == (step, place)
            seen.add(name)
    for name, operands in enumerate(numbering.operands):
        assert all(operand < name for operand in operands)
        if operands:
            knows = any(numbering.image[operand] for operand in operands)
            assert numbering.image[name] == knows
    whole = zip(numbering.whats, numbering.operands, numbering.maps, numbering.image, strict=True)
    assert len(set(whole)) == len(numbering.whats)
    for name in numbering.zero:
        assert isinstance(numbering.whats[name], Zeros)
        assert not numbering.image[name]
        assert numbering.operands[name] == ()


def test_before_the_first_step_everything_is_zero() -> None:
    genome = small_genome(PUBLISHED_CELLS["ugrnn"], feedback=True)
    numbering = number(genome)
    of_before = [op for op in numbering.step.ops if len(op.operands) == 1 and op.operands[0] < 0]
    assert of_before
    for op in of_before:
        (ref,) = op.operands
        assert numbering.operand(op, 0) in numbering.zero
        assert numbering.operand(op, 3) == numbering.table[2][~ref]


def test_products_with_zero_are_zero_and_sums_lose_it() -> None:
    """At the first step no state is there: its gates act on nothing, its terms add nothing."""
    genome = small_genome(PUBLISHED_CELLS["ugrnn"], feedback=False)
    numbering = number(genome)
    for name, what in enumerate(numbering.whats):
        zeros = [operand in numbering.zero for operand in numbering.operands[name]]
        if isinstance(what, Multiply):
            assert not any(zeros)
        if isinstance(what, Sum):
            assert not any(zeros) or (what.constant and all(zeros))
