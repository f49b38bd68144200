"""Where the values of a plan lie: filled before they are read, and kept until the last reader."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from space import zoo
from space.genome import Genome
from space.unroll.buffers import Ready, prepare_calls, segments
from space.unroll.plan import plan
from space.unroll.reads import all_logits, everything
from tests.support.drawing import PUBLISHED_CELLS, any_genomes, small_genome

FEW = settings(max_examples=20, deadline=None)


def prepared(genome: Genome, training: bool) -> Ready:
    return prepare_calls(plan(genome, all_logits(genome), training=training))


@FEW
@given(any_genomes(), st.booleans())
def test_what_a_call_reads_was_filled_and_is_not_free_yet(genome: Genome, training: bool) -> None:
    whole = prepared(genome, training)
    there: set[int] = set()
    for call in whole.calls:
        assert there.issuperset(call.reads())
        written = set(call.writes())
        assert written
        assert there.isdisjoint(written)
        there |= written
        there -= set(call.free)  # and places of single rows that no one had to fill
    kept = {*whole.plan.values.values()}
    kept |= {value for effect in whole.plan.effects for value in effect.values}
    assert there == kept


@FEW
@given(any_genomes(), st.booleans())
def test_the_rows_of_a_call_read_what_the_plan_says(genome: Genome, training: bool) -> None:
    """By a stack only where that is just these rows, in this order, of batches alike."""
    whole = prepared(genome, training)
    stacks: dict[int, tuple[int, ...]] = {}
    for call in whole.calls:
        stacks |= dict(zip(call.makes, zip(*call.call.rows, strict=True), strict=False))
        for row, operands in zip(call.call.rows, zip(*call.operands, strict=True), strict=False):
            assert whole.plan.operations[row[0]].operands == operands
        for column, read in zip(call.operands, call.stacks, strict=True):
            if read is not None:
                assert stacks[read] == column
    assert whole.places == len(whole.plan.operations) + len(stacks)


@FEW
@given(any_genomes(), st.booleans(), st.integers(1, 64))
def test_segments_are_the_calls_in_order_and_say_what_crosses(
    genome: Genome, training: bool, batch: int
) -> None:
    whole = prepared(genome, training)
    parts = segments(whole, batch)
    assert tuple(call for part in parts for call in part.calls) == whole.calls
    left: set[int] = set()
    for part in parts:
        assert part.calls
        assert left.issuperset(part.reads)
        left |= set(part.leaves)


def test_numbers_are_those_of_the_map_and_of_the_batch_that_it_has() -> None:
    genome = small_genome(PUBLISHED_CELLS["ugrnn"])
    whole = prepare_calls(plan(genome, everything(genome)))
    for index, operation in enumerate(whole.plan.operations):
        one, eight = whole.numbers(index, 1), whole.numbers(index, 8)
        assert one == operation.map.channels * max(operation.map.size, 1) ** 2
        assert eight == (8 * one if operation.image else one)


@pytest.mark.parametrize("name", ["rgc_intermediate", "ugrnn_intermediate"])
def test_more_segments_hold_less_of_a_long_unroll(name: str) -> None:
    whole = prepared(zoo.model(name).genome, True)
    parts = segments(whole, 8)
    assert len(parts) > 1
    sizes = [
        sum(whole.numbers(i, 8) for call in part.calls for row in call.call.rows for i in row)
        for part in parts
    ]
    assert max(sizes) < sum(sizes) / 2
