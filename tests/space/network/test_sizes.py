"""Sizes: padding, maps, channels and kernels of every part, worked out once."""

import pytest
from hypothesis import given, settings

from space.errors import GenomeError
from space.genome import Genome
from space.network.maps import Map, same_size
from space.network.sizes import first_informed_step, layout
from space.zoo import cells as published
from tests.support.drawing import any_genomes, small_genome


@given(any_genomes())
@settings(max_examples=60, deadline=None)
def test_every_part_reads_what_the_part_before_it_writes(genome: Genome) -> None:
    sizes = layout(genome)
    before = Map(size=genome.image.size, channels=genome.image.channels)
    for shape in sizes.stages:
        stage = shape.stage
        assert shape.input.size == before.size
        assert shape.convolution.size == same_size(before.size, stage.convolution.stride)
        assert shape.convolution.channels == stage.convolution.width
        arriving = 0 if shape.feedback is None else shape.feedback.channels
        joined = arriving if stage.convolution.reads_feedback else 0
        assert shape.reads.channels == shape.input.channels + joined
        if shape.cell is not None:
            assert shape.cell.output.size == shape.convolution.size
            terms = [*shape.cell.drives.values(), *shape.cell.gates.values()]
            for term in (term for group in terms for term in group):
                assert term.reads.channels == sum(source.channels for source in term.sources)
                assert term.reads.size == term.writes.size == shape.convolution.size
                assert term.kernel <= max(term.reads.size, term.term.kernel or 1)
        before = shape.output
    assert sizes.head.reads == before


def test_a_layout_is_worked_out_once_for_a_genome() -> None:
    genome = small_genome(published.ugrnn())
    assert layout(genome) is layout(genome)
    assert layout(Genome.parse(genome.document())) == layout(genome)


def test_a_stage_is_reached_one_step_after_the_one_before() -> None:
    genome = small_genome(published.ugrnn(), clock={"steps": 8, "image_on": 2})
    assert [first_informed_step(genome, f"conv{i}") for i in (1, 2, 3)] == [2, 3, 4]
    assert first_informed_step(genome, "head") == 5
    with pytest.raises(GenomeError, match="no stage is called 'conv9'"):
        first_informed_step(genome, "conv9")
