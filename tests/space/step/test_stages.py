"""One step of a network: its parts in their order, and what each of them reads."""

from typing import Any

import pytest

from space.genome import Genome
from space.network.architecture import HEAD
from space.step.operations import Concatenate, Convolve, Multiply, Op, Operations, Resize, Sum
from space.step.stages import write_step
from tests.support.drawing import PUBLISHED_CELLS, small_document, small_genome


def stage(**changes: Any) -> Operations:
    """Of a network of three stages whose second has these parts, and no cell."""
    document = small_document(PUBLISHED_CELLS["feedforward"])
    document["stages"][1] = {"name": "conv2", "convolution": {"width": 6}} | changes
    document["stages"][2].pop("cell")
    return write_step(Genome.parse(document | {"cells": {}}))


def kinds(step: Operations, place: int = 1) -> list[str]:
    return [type(step.ops[i].what).__name__ for i in step.stages[place]]


def test_parts_stand_in_the_order_of_a_stage() -> None:
    document = small_document(PUBLISHED_CELLS["time_decay"])
    document["stages"][1] |= {
        "convolution": {"width": 6, "norm": "layer", "activation": "elu"},
        "second": {"width": 5, "kernel": 1, "activation": "tanh"},
        "residual": {"norm": "layer"},
        "activation": "relu",
    }
    step = write_step(Genome.parse(document))
    parts = list(dict.fromkeys(step.ops[i].part.partition(".")[0] for i in step.stages[1]))
    parts.remove("resize")
    assert parts == ["convolution", "cell", "second", "residual", "activation", "pool"]


def test_a_stage_reads_the_one_below_of_the_step_before_and_the_first_the_frame() -> None:
    step = stage()
    for name, below in (("conv2", "conv1"), ("conv3", "conv2")):
        read = convolution(step, f"stages.{name}.convolution")
        assert read.operands == (~step.named[below],)
    assert kinds(step, 0)[0] == "Frame"
    head = step.ops[step.named[HEAD]]
    assert head.operands == (~step.named["conv3"],)
    assert head.map.size == 0


def test_names_say_where_values_are() -> None:
    genome = small_genome(PUBLISHED_CELLS["conv_lstm"])
    step = write_step(genome)
    states = [f"{s}.{n}" for s in ("conv2", "conv3") for n in genome.cells["motif"].states]
    stages = ("conv1", "conv2", "conv3")
    assert step.named.keys() == {*stages, *(f"{s}.input" for s in stages), *states, HEAD}
    for name, number in step.named.items():
        place = genome.stage_index(name.partition(".")[0])
        assert number in step.stages[place], "each in its own stage"


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"convolution": {"width": 6}}, ["Convolve"]),
        ({"activation": "elu", "convolution": {"width": 6}}, ["Convolve", "Activate"]),
        ({"pool": {}, "convolution": {"width": 6}}, ["Convolve", "Pooled"]),
        ({"second": {"width": 5}, "convolution": {"width": 6}}, ["Convolve", "Convolve"]),
        ({"residual": True, "convolution": {"width": 4}}, ["Convolve", "Sum"]),
        ({"residual": True, "convolution": {"width": 6}}, ["Convolve", "Convolve", "Sum"]),
    ],
)
def test_what_is_not_given_is_not_written(parts: dict[str, Any], expected: list[str]) -> None:
    found = [kind for kind in kinds(stage(**parts)) if kind != "Resize"]
    # The feedback that arrives is put on the map, whether anything reads it or not.
    assert [kind for kind in found if kind != "Concatenate"] == expected


def convolution(step: Operations, path: str) -> Op:
    """The one convolution with these weights."""
    (found,) = [op for op in step.ops if isinstance(op.what, Convolve) and op.what.weights == path]
    return found


@pytest.mark.parametrize(("by", "stride", "resized"), [("resize", 1, True), ("stride", 2, False)])
def test_a_residual_is_resized_or_strided(by: str, stride: int, resized: bool) -> None:
    step = stage(convolution={"width": 6, "stride": 2}, residual={"by": by})
    op = convolution(step, "stages.conv2.residual")
    assert isinstance(op.what, Convolve)
    assert (op.what.stride, op.what.bias) == (stride, False)
    (read,) = op.operands
    assert (read >= 0 and isinstance(step.ops[read].what, Resize)) == resized


@pytest.mark.parametrize(("join", "kind"), [("add", Sum), ("multiply", Multiply)])
def test_inputs_are_summed_or_multiplied_each_at_the_channels_of_the_first(
    join: str, kind: type
) -> None:
    step = stage(join=join, residual=True)
    joined = [op for op in step.ops if op.part == "join"]
    assert [type(op.what) for op in joined] == [kind]
    assert joined[0].map.channels == 4
    assert convolution(step, "stages.conv2.join.conv3").map.channels == 4
    assert not any(isinstance(op.what, Concatenate) for op in step.ops)


def test_a_convolution_may_read_the_feedback_behind_its_input() -> None:
    step = stage(convolution={"width": 6, "reads_feedback": True})
    op = convolution(step, "stages.conv2.convolution")
    assert isinstance(op.what, Convolve)
    assert op.what.channels == 4 + 6
    joined = step.ops[op.operands[0]]
    assert isinstance(joined.what, Concatenate)
    assert joined.operands[0] == ~step.named["conv1"]
