"""What is read of an unroll: its forms in words, and what does not exist."""

import pytest
from hypothesis import given, settings

from space.errors import InputError
from space.genome import Genome
from space.network.architecture import HEAD
from space.unroll.divided import divide_step
from space.unroll.plan import plan
from space.unroll.reads import (
    Read,
    all_logits,
    check_reads,
    decoder_reads,
    everything,
    parse_reads,
)
from tests.support.drawing import any_genomes
from tests.support.networks import ten_stages


def test_reads_are_said_in_words() -> None:
    genome = ten_stages()
    assert parse_reads(genome, "last") == {(HEAD, 16)} == parse_reads(genome, "decoder")
    assert len(parse_reads(genome, "logits")) == 17
    assert len(parse_reads(genome, "all")) == 11 * 17
    assert parse_reads(genome, "conv4@9, conv4.out@3") == {("conv4", 9), ("conv4.out", 3)}


@pytest.mark.parametrize("text", ["conv4", "conv4@x", "conv99@3", "conv4@17", "conv4.none@2", ""])
def test_reads_that_are_not_there_are_refused(text: str) -> None:
    genome = ten_stages()
    with pytest.raises(InputError):
        plan(genome, parse_reads(genome, text))


@given(any_genomes())
@settings(max_examples=30, deadline=None)
def test_what_the_decoder_reads_are_logits_and_logits_are_a_part_of_all(genome: Genome) -> None:
    steps = genome.clock.steps
    assert decoder_reads(genome) <= all_logits(genome) <= everything(genome)
    assert {name for name, _ in all_logits(genome)} == {HEAD}
    assert len(everything(genome)) == steps * len(genome.nodes)
    assert parse_reads(genome, "last") <= all_logits(genome)
    written = ",".join(f"{name}@{step}" for name, step in sorted(everything(genome)))
    assert parse_reads(genome, written) == everything(genome)
    check_reads(genome, divide_step(genome), everything(genome))


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (("conv99", 3), "reads: conv99: there is nothing of that name to read; there are conv1"),
        (("conv4", 17), "reads: conv4@17: the clock has 17 steps; give 0 to 16"),
        (("head", -1), "reads: head@-1: the clock has 17 steps; give 0 to 16"),
    ],
)
def test_a_name_or_a_step_that_is_not_there_is_named(read: Read, message: str) -> None:
    genome = ten_stages()
    with pytest.raises(InputError) as caught:
        check_reads(genome, divide_step(genome), [("conv4", 3), read])
    assert str(caught.value).startswith(message)
