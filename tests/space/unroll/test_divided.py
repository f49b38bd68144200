"""The literal operations of a step, and the same divided: what may differ and what may not."""

from dataclasses import replace
from typing import Any

from hypothesis import given, settings

from space import zoo
from space.genome import Genome
from space.step.operations import Concatenate, Convolve, Operations, Resize, Separate
from space.step.stages import write_step
from space.unroll.divided import divide_step
from tests.support.drawing import PUBLISHED_CELLS, any_genomes, small_genome


def _macs_by_stage(step: Operations, field: str) -> list[int]:
    return [sum(getattr(step.ops[i], field) for i in places) for places in step.stages]


@given(any_genomes())
@settings(max_examples=80, deadline=None)
def test_work_names_and_order_stay(genome: Genome) -> None:
    literal, found = write_step(genome), divide_step(genome)
    assert set(found.named) == set(literal.named)
    assert _macs_by_stage(found, "literal_macs") == _macs_by_stage(literal, "macs")
    for step in (literal, found):
        for number, op in enumerate(step.ops):
            assert all(ref < number for ref in op.operands)
            assert number in step.stages[op.stage]
    for name, number in found.named.items():
        assert found.ops[number].map == literal.ops[literal.named[name]].map


@given(any_genomes())
@settings(max_examples=80, deadline=None)
def test_no_convolution_reads_joined_sources(genome: Genome) -> None:
    step = divide_step(genome)
    for op in step.ops:
        if isinstance(op.what, Convolve | Separate):
            assert not any(
                ref >= 0 and isinstance(step.ops[ref].what, Concatenate) for ref in op.operands
            )


def test_an_lstm_has_one_convolution_a_source_and_the_bias_once() -> None:
    genome = zoo.model("lstm_intermediate").genome
    path = "stages.conv5.cell.states.cell.drive.0"

    def parts(step: Operations) -> list[Any]:
        whats = [op.what for op in step.ops]
        return [what for what in whats if isinstance(what, Convolve) and what.weights == path]

    (whole,) = parts(write_step(genome))
    found = parts(divide_step(genome))
    assert [part.first for part in found] == [0, found[0].channels]
    assert sum(part.channels for part in found) == whole.channels
    assert [part.bias for part in found] == [whole.bias, False]


def test_a_projection_of_a_map_that_is_enlarged_is_computed_before() -> None:
    genome = zoo.model("rgc_intermediate").genome  # conv10 (7x7) feeds back to conv9 and below
    step = divide_step(genome)
    early = [op for op in step.ops if op.macs < op.literal_macs]
    assert early
    for op in early:
        assert isinstance(op.what, Convolve)
        assert op.what.kernel == 1
        readers = [other.what for other in step.ops if step.ops.index(op) in other.operands]
        assert any(isinstance(what, Resize) for what in readers)


def test_a_cell_without_joined_sources_is_divided_into_itself() -> None:
    genome = small_genome(PUBLISHED_CELLS["time_decay"], feedback=False)
    assert divide_step(genome) == replace(write_step(genome), spans={}, within={})
