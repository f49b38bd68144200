"""The calls of a plan: every operation once, in order, as many at once as may be."""

from hypothesis import given, settings
from hypothesis import strategies as st

from space.genome import Genome
from space.step.operations import Convolve, Frame
from space.unroll.calls import schedule
from space.unroll.plan import plan
from space.unroll.reads import all_logits, everything
from tests.support.drawing import PUBLISHED_CELLS, any_genomes, small_genome
from tests.support.networks import ten_stages


@given(any_genomes(), st.booleans())
@settings(max_examples=40, deadline=None)
def test_calls_hold_every_operation_once_and_after_its_operands(
    genome: Genome, training: bool
) -> None:
    found = plan(genome, everything(genome), training=training)
    done: set[int] = set()
    for call in schedule(found):
        members = [index for row in call.rows for index in row]
        operands = {o for index in members for o in found.operations[index].operands}
        assert operands <= done
        assert done.isdisjoint(members)
        done.update(members)
    assert done == set(range(len(found.operations)))


def test_gates_of_one_source_are_one_convolution_and_outside_of_loops_all_steps_are() -> None:
    found = plan(small_genome(PUBLISHED_CELLS["conv_lstm"], feedback=False))
    sides = [(len(call.rows), len(call.whats), call.loop) for call in schedule(found)]
    assert (4, 4, False) in sides  # [x] of i, j, f, o at all steps
    assert (1, 4, True) in sides  # [h] of a step


@given(any_genomes(), st.booleans())
@settings(max_examples=20, deadline=None)
def test_one_call_computes_the_same_of_every_row(genome: Genome, training: bool) -> None:
    found = plan(genome, everything(genome), training=training)
    for call in schedule(found):
        assert len({len(row) for row in call.rows}) == 1
        for row in call.rows:
            operations = [found.operations[index] for index in row]
            assert tuple(operation.what for operation in operations) == call.whats
            assert len({operation.operands for operation in operations}) == 1
        if len(call.whats) > 1:
            assert all(isinstance(what, Convolve) for what in call.whats)
        if call.loop or isinstance(call.whats[0], Frame):
            assert len(call.rows) == 1


def test_without_memory_nothing_is_in_a_loop() -> None:
    """And every operation is one call: all of its values, at whatever steps, at once."""
    found = plan(small_genome(PUBLISHED_CELLS["feedforward"], feedback=False))
    calls = schedule(found)
    assert not any(call.loop for call in calls)
    convolutions = [call for call in calls if isinstance(call.whats[0], Convolve)]
    assert len(convolutions) == 3


def test_stages_below_a_feedback_loop_are_not_in_it() -> None:
    genome = ten_stages()
    found = plan(genome, all_logits(genome))
    stages = {True: set[int](), False: set[int]()}
    for call in schedule(found):
        stages[call.loop].add(found.operations[call.rows[0][0]].stage)
    assert {0, 1, 2, 10} & stages[True] == set()
    assert stages[True] == set(range(3, 10))
