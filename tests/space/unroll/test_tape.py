"""What the backward pass of an operation keeps, against what PyTorch keeps for it."""

import pytest

from space.network.grammar import Cell
from space.unroll.memory import (
    training_memory,
)
from space.unroll.plan import Unroll, plan
from space.unroll.planned_memory import planned_memory
from tests.support.drawing import small_genome
from tests.support.held_memory import measured

CELLS = {
    "interleaved": {
        "of": "input",
        "kernel": 3,
        "norm": {"kind": "group", "groups": 2, "interleaved": True},
    },
    "repeated": {"of": "input", "kernel": 3, "op": "separable", "repeat": True},
    "even": {"of": "input", "kernel": 2},
}


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("unroll", ["literal", "planned"])
@pytest.mark.parametrize("name", CELLS)
def test_what_an_operation_keeps_is_what_pytorch_keeps(
    name: str, unroll: Unroll, half: bool
) -> None:
    """Twenty edges of one kind are most of this network, also in bfloat16."""
    edges = [{"add": CELLS[name] | {"activation": "tanh"}} for _ in range(20)]
    state = {"carry": {"gate": None}, "drive": {"edges": edges}}
    cell = Cell.model_validate({"states": {"out": state}, "output": "out"})
    genome = small_genome(cell, feedback=False)

    def forecast(half: bool) -> int:
        if unroll == "literal":
            return training_memory(genome, 32, half=half)
        return planned_memory(plan(genome), 32, half=half)

    assert forecast(half) == pytest.approx(measured(genome, 32, unroll, half=half), rel=0.2)
    assert forecast(half=True) < 0.95 * forecast(half=False)
