"""What counts as recurrence: loops that the logits depend on, within the clock's steps."""

from typing import Any

import pytest

from space import zoo
from space.genome import Genome
from space.network.grammar import Cell
from space.recurrence import recurrence
from space.zoo import cells as published
from tests.support.drawing import small_genome

BY_NAME = {
    "basenet": "none",
    "resnet": "none",
    "search_128": "none",
    "search_128_lstm": "local",
    "search_128_rgc": "local",
    "gru": "local",
    "intersectionrnn": "local",
    "lstm": "local",
    "simplernn": "local",
    "timedecay": "local",
    "ugrnn": "local",
    "rgc_shallow": "local",
    "rgc_intermediate": "both",
    "median_2018_t17": "local",
    "median_2018_t17_feedback": "both",
    # In 12 steps nothing that was fed back is at the read-out.
    "median_2018_t12": "local",
    "median_2018_t12_feedback": "local",
}


@pytest.mark.parametrize("name", zoo.names())
def test_the_published_networks(name: str) -> None:
    begins = max((key for key in BY_NAME if name.startswith(key)), key=len)
    assert recurrence(zoo.model(name).genome) == BY_NAME[begins]


def cell(**states: Any) -> Cell:
    """A cell of such states, the last of which is put out."""
    return Cell.model_validate({"states": states, "output": list(states)[-1]})


def state(*sources: str, **more: Any) -> dict[str, Any]:
    """A state that convolves its sources."""
    return {"drive": {"edges": [{"add": {"of": s, "kernel": 3}} for s in sources]}, **more}


LOOP = cell(out=state("input", "out"))
FED = cell(out=state("input", "feedback"))


def test_a_loop_in_a_stage_is_local() -> None:
    assert recurrence(small_genome(LOOP)) == "local"
    assert recurrence(small_genome(cell(out=state("input", carry={})))) == "local"


def test_a_loop_over_two_states_is_local() -> None:
    around = cell(hidden=state("out"), out=state("input", "hidden"))
    assert recurrence(small_genome(around)) == "local"


def test_a_delay_is_no_loop() -> None:
    delayed = cell(hidden=state("input"), out=state("input", "hidden"))
    assert recurrence(small_genome(delayed)) == "none"


def test_a_loop_that_nothing_reads_is_none() -> None:
    dead = cell(hidden=state("input", "hidden"), out=state("input"))
    assert recurrence(small_genome(dead)) == "none"


def test_feedback_is_a_loop_only_if_it_is_read() -> None:
    assert recurrence(small_genome(FED)) == "feedback"
    assert recurrence(small_genome(FED, feedback=False)) == "none"
    assert recurrence(small_genome(published.conv_gru())) == "local"
    assert recurrence(small_genome(cell(out=state("input", "out", "feedback")))) == "both"


def test_a_gate_that_multiplies_by_nothing_makes_no_loop() -> None:
    gate = {"offset": 1.0, "scale": 0.0, "terms": [{"of": "feedback", "kernel": 1}]}
    edges = [{"add": {"of": "input"}}, {"multiply": gate}]
    assert recurrence(small_genome(cell(out={"drive": {"edges": edges}}))) == "none"


@pytest.mark.parametrize(
    ("steps", "expected"), [(7, "both"), (6, "both"), (5, "local"), (4, "none")]
)
def test_the_clock_must_be_long_enough(steps: int, expected: str) -> None:
    """Three stages: the image is at the head at step 3, once round conv2 at 4, and by way of
    conv3 and its feedback at 5.
    """
    both = cell(out=state("input", "out", "feedback"))
    assert recurrence(small_genome(both, clock={"steps": steps})) == expected


def test_the_decoder_may_look_earlier() -> None:
    """What comes after the steps that are read does not count."""
    clock = {"steps": 8}
    assert recurrence(small_genome(FED, clock=clock, decoder={"form": "avg"})) == "feedback"


def test_an_unfolded_image_that_went_off_still_goes_round() -> None:
    assert recurrence(small_genome(LOOP, clock={"steps": 7, "image_off": 1})) == "local"


def test_feedback_into_a_convolution_counts() -> None:
    document = small_genome(published.feedforward()).document()
    document["stages"][1]["convolution"]["reads_feedback"] = True
    assert recurrence(Genome.parse(document)) == "feedback"


def test_feedback_into_a_sum_counts() -> None:
    document = small_genome(published.feedforward()).document()
    document["stages"][1]["join"] = "add"
    assert recurrence(Genome.parse(document)) == "feedback"
