"""Value numbering: which values of an unroll have one name, and which know the image."""

from space.unroll.plan import plan
from space.unroll.reads import everything
from tests.support.drawing import PUBLISHED_CELLS, small_genome
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
