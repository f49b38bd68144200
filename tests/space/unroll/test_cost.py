"""Parameters and multiply-adds by arithmetic, against published counts."""

import pytest

from space import zoo
from space.unroll.cost import cost
from space.zoo import cells as published
from tests.support.drawing import small_genome


@pytest.mark.parametrize(
    ("name", "gigamacs"),
    [("rgc_intermediate", 71.5), ("ugrnn_intermediate", 155.3), ("lstm_intermediate", 257.5)],
)
def test_multiply_adds_of_the_literal_unroll(name: str, gigamacs: float) -> None:
    assert cost(zoo.model(name).genome).macs / 1e9 == pytest.approx(gigamacs, abs=0.05)


def test_steps_multiply_the_work_and_not_the_parameters() -> None:
    cell = published.ugrnn()
    short = cost(small_genome(cell, clock={"steps": 5}))
    long = cost(small_genome(cell, clock={"steps": 10}))
    assert long.macs == 2 * short.macs
    assert long.parameters == short.parameters
