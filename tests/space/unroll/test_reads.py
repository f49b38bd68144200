"""What is read of an unroll: its forms in words, and what does not exist."""

import pytest

from space.errors import InputError
from space.network.architecture import HEAD
from space.unroll.plan import plan
from space.unroll.reads import parse_reads
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
