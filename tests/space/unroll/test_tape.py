"""What the backward pass of an operation keeps, against what PyTorch keeps for it."""

from dataclasses import replace

import pytest

from space.network.grammar import Cell
from space.step.operations import Activate, Multiply, Sum, What
from space.unroll.memory import (
    training_memory,
)
from space.unroll.plan import Unroll, plan
from space.unroll.planned_memory import planned_memory
from space.unroll.tape import FLOAT, HALF, StoredValue, Tape, Use
from tests.support.drawing import PUBLISHED_CELLS, small_genome
from tests.support.held_memory import measured

CELLS = {
    "interleaved": {
        "of": "input",
        "kernel": 3,
        "norm": {"kind": "group", "groups": 2, "interleaved": True},
    },
    "repeated": {"of": "input", "kernel": 3, "op": "separable", "repeat": True},
    "even": {"of": "input", "kernel": 2},
    "squared": {"of": "input", "kernel": 3, "activation": "identity", "squared": True},
}


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("unroll", ["literal", "planned"])
@pytest.mark.parametrize("name", CELLS)
def test_what_an_operation_keeps_is_what_pytorch_keeps(
    name: str, unroll: Unroll, half: bool
) -> None:
    """Twenty edges of one kind are most of this network, also in bfloat16."""
    edges = [{"add": {"activation": "tanh"} | CELLS[name]} for _ in range(20)]
    state = {"carry": {"gate": None}, "drive": {"edges": edges}}
    cell = Cell.model_validate({"states": {"out": state}, "output": "out"})
    genome = small_genome(cell, feedback=False)

    def forecast(half: bool) -> int:
        if unroll == "literal":
            return training_memory(genome, 32, half=half)
        return planned_memory(plan(genome), 32, half=half)

    assert forecast(half) == pytest.approx(measured(genome, 32, unroll, half=half), rel=0.2)
    assert forecast(half=True) < 0.95 * forecast(half=False)


NUMBERS = 1000


def keep(what: What, *operands: StoredValue, half: bool = False) -> tuple[Use, StoredValue]:
    """What one operation without kernels does to memory, and its result of 1,000 numbers."""
    tape = Tape(small_genome(PUBLISHED_CELLS["ugrnn"]), half=half)
    result = tape.compute([what], operands, "result", NUMBERS, side=5)
    return tape.uses[-1], result


LEARNED = StoredValue("x", NUMBERS, side=5, learned=True)
GIVEN = StoredValue("image", NUMBERS, side=5)


@pytest.mark.parametrize(("name", "kept"), [("relu", "result"), ("elu", "x"), ("tanh", "result")])
def test_a_nonlinearity_keeps_its_result_or_what_it_reads(name: str, kept: str) -> None:
    use, result = keep(Activate(name=name), LEARNED)
    assert use.keeps == {kept}
    assert use.makes == {"result": result.bytes}
    # Without a gradient to hand back nothing is kept.
    use, result = keep(Activate(name=name), GIVEN)
    assert use.keeps == set()
    assert not result.learned


def test_a_product_keeps_a_factor_only_for_the_gradient_of_another() -> None:
    assert keep(Multiply(), LEARNED, GIVEN)[0].keeps == {"image"}
    other = replace(LEARNED, key="y")
    assert keep(Multiply(), LEARNED, other)[0].keeps == {"x", "y"}
    # A product of three is made by way of one of two, which stays.
    assert keep(Multiply(), LEARNED, other, GIVEN)[0].besides == NUMBERS * FLOAT
    assert keep(Multiply(), LEARNED, other)[0].besides == 0


def test_a_square_keeps_what_it_is_made_of_once() -> None:
    assert keep(Multiply(), LEARNED, LEARNED)[0].keeps == {"x"}
    assert keep(Multiply(), LEARNED, replace(LEARNED))[0].keeps == {"x"}
    assert keep(Multiply(), GIVEN, GIVEN)[0].keeps == set()


def test_a_sum_keeps_nothing_and_hands_its_gradient_on() -> None:
    two, _ = keep(Sum(), LEARNED, GIVEN)
    assert (two.keeps, two.hands_on, set(two.makes)) == (set(), True, {"result"})
    three, _ = keep(Sum(), LEARNED, GIVEN, GIVEN)
    assert three.makes == dict.fromkeys(["result", ("sum", "result")], NUMBERS * FLOAT)


def test_a_number_under_autocast_has_the_width_of_its_operands_or_of_its_operation() -> None:
    narrow = replace(LEARNED, width=HALF)
    assert keep(Multiply(), narrow, narrow, half=True)[1].width == HALF
    assert keep(Multiply(), narrow, LEARNED, half=True)[1].width == FLOAT
    assert keep(Activate(name="softplus"), narrow, half=True)[1].width == FLOAT
    assert keep(Sum(wide=True), narrow, narrow, half=True)[1].bytes == NUMBERS * FLOAT
