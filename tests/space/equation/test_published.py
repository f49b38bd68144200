"""Published cells are known by what they compute."""

import pytest

from space import zoo
from space.equation.published import find_published
from space.network.grammar import Cell
from space.zoo import cells as published

ZOO = {
    "gru_shallow": "ConvGRU",
    "lstm_intermediate": "ConvLSTM",
    "ugrnn_shallow": "UGRNN",
    "intersectionrnn_shallow": "IntersectionRNN",
    "rgc_intermediate": "median reciprocal gated cell",
    "rgc_shallow": "reciprocal gated cell without feedback",
    "timedecay_2018": "time decay",
}


@pytest.mark.parametrize("name", ZOO)
def test_cells_of_the_zoo_have_their_published_names(name: str) -> None:
    assert {find_published(cell) for cell in zoo.model(name).genome.cells.values()} == {ZOO[name]}


def test_a_cell_is_known_by_its_identity() -> None:
    """Not by the names of its states; and one of another kernel is none."""
    text = published.conv_gru().model_dump_json()
    renamed = Cell.model_validate_json(text.replace('"hidden', '"memory'))
    assert find_published(renamed) == "ConvGRU"
    assert find_published(published.conv_gru(kernel=5)) == ""


def test_a_cell_that_fits_no_network_of_reference_has_no_name() -> None:
    narrow = {"depth": 3, "drive": {"edges": [{"add": {"of": "input"}}]}}
    cell = Cell.model_validate({"states": {"out": narrow}, "output": "out"})
    assert find_published(cell) == ""
