"""Short names of cells: unique among the published ones, readable for a motif."""

from space import published
from space.grammar import Cell
from space.summary import MAX_LENGTH, cell_name, short_name
from tests.drawing import PUBLISHED_CELLS, small_genome


def test_published_cells_are_recognised() -> None:
    assert short_name(small_genome(published.conv_gru())) == "ConvGRU +1 feedback"
    assert short_name(small_genome(published.feedforward(), feedback=False)) == "feedforward"
    assert cell_name(published.rgc_median()) == "median reciprocal gated cell"
    names = {cell_name(cell) for cell in PUBLISHED_CELLS.values()}
    assert len(names) == len(PUBLISHED_CELLS)


def test_networks_without_recurrence_are_told_apart() -> None:
    cell = {"output": "out", "states": {"out": {"drive": {"edges": [{"add": {"of": ["input"]}}]}}}}
    plain = Cell.model_validate(cell)
    assert short_name(small_genome(plain, feedback=False)) == "feedforward"
    cell["states"]["out"]["drive"]["edges"][0]["add"]["kernel"] = 5  # type: ignore[index]
    wider = Cell.model_validate(cell)
    assert short_name(small_genome(wider, feedback=False)) == "feedforward, out: in5"


def test_a_motif_is_written_edge_by_edge() -> None:
    cell = Cell.model_validate(
        {
            "states": {
                "hidden": {"drive": {"edges": [{"add": {"of": ["input"], "kernel": 3}}]}},
                "out": {
                    "carry": {
                        "gate": {"terms": [{"of": ["out"], "op": "separable", "kernel": 7}]}
                    },
                    "drive": {
                        "edges": [
                            {"add": {"of": ["input"]}},
                            {"add": {"of": ["residual"], "op": "match"}},
                            {
                                "multiply": {
                                    "nonlinearity": "tanh",
                                    "terms": [{"of": ["hidden"], "kernel": 5}],
                                }
                            },
                        ]
                    },
                },
            },
            "output": "out",
        }
    )
    assert cell_name(cell) == "out: in + res * tanh(hid5) ~ sig(out7s); hid: in3"
    assert len(cell_name(cell)) <= MAX_LENGTH
