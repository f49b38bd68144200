"""What can be asked of an architecture: when the image is there, who feeds back, what is read."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from space.genome import Genome
from space.network.architecture import (
    HEAD,
    Architecture,
    Clock,
    Residual,
    Stage,
    is_genome,
    split_edge,
)
from tests.support.networks import ten_stages


def architecture(**changes: Any) -> Architecture:
    """Five stages without a rule that would have been checked."""
    stages = [{"name": f"s{i}", "convolution": {"width": i}} for i in range(1, 6)]
    return Architecture.model_validate({"stages": stages} | changes)


@given(st.integers(0, 9), st.none() | st.integers(1, 9))
def test_the_image_is_shown_from_on_to_off(on: int, off: int | None) -> None:
    clock = Clock(steps=10, image_on=on, image_off=off)
    shown = [step for step in range(10) if clock.shows_image(step)]
    assert shown == list(range(on, 10 if off is None else off))


@pytest.mark.parametrize(
    ("decoder", "window"),
    [
        ("last", range(16, 17)),
        ("avg", range(8, 17)),  # the image is on at 2 and reaches the head five stages later
        ({"form": "avg", "start": 3}, range(3, 17)),
    ],
)
def test_the_window_is_what_the_decoder_reads(decoder: object, window: range) -> None:
    assert architecture(decoder=decoder, clock={"image_on": 2}).window == window


def test_feedback_is_joined_in_string_order() -> None:  # conv10 before conv9
    stages = [{"name": f"conv{i}", "convolution": {"width": i}} for i in range(1, 11)]
    genome = Genome.parse(
        {
            "image": {"size": 8, "channels": 1},
            "stages": stages,
            "feedback": {"conv9->conv1": True, "conv10->conv1": True, "conv8->conv1": False},
        }
    )
    assert genome.senders("conv1") == ("conv10", "conv9")


def test_edges_are_those_that_are_there() -> None:
    feedback = {"s5->s1": True, "s4 -> s1": True, "s3->s1": False, "s2->s1": True}
    found = architecture(feedback=feedback)
    assert [(edge.sender, edge.receiver) for edge in found.edges] == [
        ("s2", "s1"),
        ("s4", "s1"),
        ("s5", "s1"),
    ]
    assert found.senders("s2") == ()


@pytest.mark.parametrize(
    ("key", "pair"),
    [("a->b", ("a", "b")), (" a -> b ", ("a", "b")), ("a", ("", "")), ("->b", ("", "b"))],
)
def test_an_edge_is_read_from_its_key(key: str, pair: tuple[str, str]) -> None:
    assert split_edge(key) == pair


def test_the_head_is_the_last_node() -> None:
    genome = ten_stages()
    assert genome.nodes[-1] == HEAD
    assert [genome.stage_index(name) for name in genome.nodes] == list(range(11))
    with pytest.raises(ValueError, match="is not in list"):
        genome.stage_index("conv99")


@pytest.mark.parametrize(
    ("residual", "shortcut"),
    [(False, None), (True, Residual()), ({"by": "stride"}, Residual(by="stride"))],
)
def test_a_shortcut_is_written_short_or_long(residual: object, shortcut: Residual | None) -> None:
    stage = Stage.model_validate(
        {"name": "a", "convolution": {"width": 2, "stride": 2}, "residual": residual}
    )
    assert stage.shortcut == shortcut
    assert stage.stride == 2
    second = stage.model_copy(update={"second": stage.convolution})
    assert second.stride == 4


def test_what_was_not_checked_is_no_genome() -> None:
    """An architecture may break the rules; its document then is no genome's."""
    broken = architecture(feedback={"s1->s5": True})
    assert not isinstance(broken, Genome)
    with pytest.raises(ValueError, match="does not come after"):
        Genome.parse(broken.document())
    assert is_genome(broken.document())
    assert not is_genome({"genome": broken.document()})
