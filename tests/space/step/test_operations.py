"""The writer of operations: numbers, names of the step before, and what needs no operation."""

import pytest

from space.network.maps import Map
from space.step.operations import (
    Activate,
    Concatenate,
    Convolve,
    Frame,
    Normalise,
    Op,
    Pass,
    Resize,
    Separate,
    Sum,
    Writer,
    Zeros,
    part_of,
)

OUTS = Map(size=4, channels=3)


@pytest.fixture
def writer() -> Writer:
    return Writer()


def written(writer: Writer) -> tuple[Op, ...]:
    """What stands in the one stage that was written."""
    writer.end_stage()
    return writer.operations().ops


def test_a_name_is_the_value_of_the_step_before(writer: Writer) -> None:
    """Also where the name is given to an operation that is written later."""
    writer.write(Frame(), [], OUTS, "frame")
    both = writer.write(Sum(), [0, "later"], OUTS, "a")
    writer.named["later"] = writer.write(Pass(), [both], OUTS, "b")
    assert [op.operands for op in written(writer)] == [(), (0, ~2), (1,)]


def test_stages_are_ranges_of_their_operations(writer: Writer) -> None:
    for count in (2, 0, 1):
        for _ in range(count):
            writer.write(Frame(), [], OUTS, "frame")
        writer.end_stage()
    operations = writer.operations()
    assert operations.stages == (range(2), range(2, 2), range(2, 3))
    assert [op.stage for op in operations.ops] == [0, 0, 2]


def test_one_value_alone_is_its_sum_and_its_join(writer: Writer) -> None:
    x = writer.write(Frame(), [], OUTS, "frame")
    assert writer.write_sum([x], 0.0, OUTS, "sum") == x
    assert writer.write_join([x], OUTS, "join") == x
    assert writer.write_join(["before"], OUTS, "join") == "before"
    assert writer.write_activation(x, "identity", OUTS, "activation") == x
    assert writer.write_resized(x, OUTS, OUTS.size, "corners") == x
    assert len(written(writer)) == 1


def test_what_changes_a_value_is_an_operation(writer: Writer) -> None:
    x = writer.write(Frame(), [], OUTS, "frame")
    writer.named["before"] = x
    writer.write_sum([x], 0.5, OUTS, "sum")
    writer.write_sum(["before"], 0.0, OUTS, "sum")  # of this step: a place of its own
    writer.write_join([x, "before"], Map(size=4, channels=6), "join")
    writer.write_activation(x, "tanh", OUTS, "activation")
    writer.write_resized(x, OUTS, 7, "corners")
    _, *made = written(writer)
    assert [op.what for op in made] == [
        Sum(constant=0.5),
        Sum(),
        Concatenate(),
        Activate(name="tanh"),
        Resize(size=7, mode="corners"),
    ]
    assert made[-1].map == Map(size=7, channels=3)


def test_a_value_of_another_stage_or_step_gets_a_place_of_its_own(writer: Writer) -> None:
    x = writer.write(Frame(), [], OUTS, "frame")
    assert writer.write_own(x, OUTS, "output") == x
    writer.named["first"] = x
    writer.end_stage()
    assert writer.write_own(x, OUTS, "output") == 1
    assert writer.write_own("first", OUTS, "output") == 2
    _, other, before = written(writer)
    assert (other.what, other.operands) == (Pass(), (0,))
    assert (before.what, before.operands) == (Pass(), (~0,))


@pytest.mark.parametrize(
    ("what", "macs"),
    [
        (
            Convolve(weights="w", first=0, channels=5, kernel=3, padding=(1, 1), bias=True),
            16 * 135,
        ),
        (
            Convolve(
                weights="w", first=2, channels=5, kernel=1, stride=2, padding=(0, 0), bias=True
            ),
            16 * 15,
        ),
        (
            Separate(
                weights="w", first=0, channels=5, kernel=3, padding=(1, 1), repeat=False, bias=True
            ),
            16 * 5 * (9 + 3),
        ),
        (
            Separate(
                weights="w", first=0, channels=5, kernel=3, padding=(1, 1), repeat=True, bias=True
            ),
            16 * 5 * (18 + 3),
        ),
    ],
)
def test_multiply_adds_are_counted_by_the_result(what: Convolve | Separate, macs: int) -> None:
    assert what.macs(OUTS) == macs


def test_a_convolution_carries_its_work_and_its_part(writer: Writer) -> None:
    x = writer.write(Frame(), [], Map(size=4, channels=2), "frame")
    path = "stages.conv4.cell.states.out.drive.0"
    what = Convolve(weights=path, channels=2, kernel=3, padding=(1, 1), added=0.5)
    writer.write_convolution(what, x, OUTS)
    norms = Normalise(
        weights=f"{path}.norm",
        kind="batch",
        groups=1,
        interleaved=False,
        epsilon=0.1,
        momentum=0.1,
    )
    writer.write_norm(1, norms, OUTS)
    _, convolution, norm = written(writer)
    assert convolution.macs == convolution.literal_macs == 16 * 9 * 2 * 3
    assert convolution.part == norm.part == "cell.states.out.drive.0" == part_of(path)
    assert norm.what.weights == f"{path}.norm"  # type: ignore[union-attr]


def test_operations_that_compute_the_same_are_equal() -> None:
    assert Zeros() == Zeros()
    assert len({Sum(), Sum(constant=0.0), Sum(constant=1.0), Sum(wide=True)}) == 3
