"""The stages below each other, and the lanes of feedback beside them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from space import zoo
from space.circuits.chain_layout import assign_lanes, place_chain
from space.circuits.notes import note_effects
from space.circuits.shapes import Box, Wire

SPANS = st.lists(st.tuples(st.integers(0, 9), st.integers(1, 5)), max_size=20)


@given(drawn=SPANS)
def test_what_touches_has_lanes_of_its_own(drawn: list[tuple[int, int]]) -> None:
    spans = [(low, low + length) for low, length in drawn]
    lanes = assign_lanes(spans)
    for i, (low, high) in enumerate(spans):
        for j, (start, end) in enumerate(spans[:i]):
            assert lanes[i] != lanes[j] or high < start or end < low
    assert max(lanes, default=0) < max(len(spans), 1)


def test_stages_that_are_apart_share_a_lane() -> None:
    assert assign_lanes([(0, 1), (2, 3), (0, 3)]) == [0, 0, 1]


def test_each_feedback_edge_runs_from_its_sender_to_its_receiver() -> None:
    genome = zoo.model("rgc_intermediate").genome
    for effects in ({}, {"conv8->conv5": 0.1}):
        picture = place_chain(genome, note_effects(genome, effects))
        boxes = {s.title: s for s in picture.shapes if isinstance(s, Box) and s.kind == "stage"}
        for edge in genome.edges:
            part = f"feedback.{edge.sender}->{edge.receiver}"
            wires = [s for s in picture.shapes if isinstance(s, Wire) and s.net == part]
            for name, (x, y) in (
                (edge.sender, wires[0].points[0]),
                (edge.receiver, wires[-1].points[-1]),
            ):
                box = boxes[name]
                assert x == box.x
                assert box.y < y < box.y + box.height
            assert wires[-1].arrow


def test_a_stage_says_what_it_does() -> None:
    picture = place_chain(zoo.model("resnet18").genome, {})
    lines = {s.lines[0]: s.lines[1:] for s in picture.shapes if isinstance(s, Box)}
    assert lines["conv1"] == ("7×7/2, 64, batch norm, relu, max pool 3/2",)
    assert lines["block3"] == (
        "3×3/2, 128, batch norm, relu",
        "then 3×3, 128, batch norm, + its input, relu",
    )
