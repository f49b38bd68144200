"""The memory of planned training by arithmetic, against the tensors that one update holds."""

import pytest

from space.genome import Genome
from space.unroll.cost import cost
from space.unroll.plan import plan
from space.unroll.planned_memory import planned_evaluation_memory, planned_memory
from tests.support.drawing import PUBLISHED_CELLS, small_genome
from tests.support.held_memory import MODELS, measured, small


@pytest.mark.parametrize(("name", "size"), [("rgc_intermediate", 64), ("rgc_shallow", 96)])
def test_planned_memory_is_within_15_per_cent(name: str, size: int) -> None:
    check_planned(small(name, size), (1, 4))


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_planned_memory_is_within_15_per_cent_on_the_zoo(name: str) -> None:
    check_planned(small(name, 96), (2, 8))


@pytest.mark.parametrize("batch", [4, 16])
def test_recomputing_takes_the_memory_that_was_foretold(batch: int) -> None:
    genome = small("rgc_intermediate", 64)
    expected = planned_memory(plan(genome), batch, recompute=True)
    assert expected == pytest.approx(measured(genome, batch, recompute=True), rel=0.2)
    assert expected < planned_memory(plan(genome), batch)


def check_planned(genome: Genome, batches: tuple[int, int]) -> None:
    for batch in batches:
        expected = planned_memory(plan(genome), batch)
        assert expected == pytest.approx(measured(genome, batch, "planned"), rel=0.15)


@pytest.mark.parametrize("name", ["ugrnn", "rgc_median"])
def test_what_is_wanted_besides_adds_to_the_memory(name: str) -> None:
    """Images, copies of the parameters (an optimiser's), and the gradients of the last update."""
    planned = plan(small_genome(PUBLISHED_CELLS[name]))
    size = 4 * cost(planned.genome).parameters
    assert planned_memory(planned, 4, copies=3) == planned_memory(planned, 4, copies=1) + 2 * size
    one, two, three = (planned_memory(planned, batch) for batch in (1, 2, 3))
    assert one < two < three
    without, held = (planned_evaluation_memory(planned, 4, copies=copies) for copies in (0, 1))
    assert held - without == size
    assert held < planned_memory(planned, 4)
