"""Short names of cells: unique among the published ones, readable for a motif."""

from hypothesis import given, settings

from space.cell_names import FEEDFORWARD, MAX_LENGTH, cell_name, name_network, short_name
from space.genome import Genome
from space.network.grammar import Cell
from space.recurrence import recurrence
from space.zoo import cells as published
from space.zoo import reciprocal_gated as reciprocal
from tests.support.drawing import PUBLISHED_CELLS, any_genomes, genomes, small_genome


def test_published_cells_are_recognised() -> None:
    median = small_genome(reciprocal.rgc_median())
    assert short_name(median) == "median reciprocal gated cell +1 feedback"
    assert short_name(small_genome(published.feedforward(), feedback=False)) == "feedforward"
    assert cell_name(reciprocal.rgc_median()) == "median reciprocal gated cell"
    names = {cell_name(cell) for cell in PUBLISHED_CELLS.values()}
    assert len(names) == len(PUBLISHED_CELLS)


def test_feedback_that_no_cell_reads_is_not_named() -> None:
    assert short_name(small_genome(published.conv_gru())) == "ConvGRU"
    assert short_name(small_genome(published.feedforward())) == "feedforward"


def test_feedback_that_comes_too_late_is_not_named() -> None:
    clock = {"steps": 5}  # conv3 is at conv2 at step 3, and at the head at step 5
    late = small_genome(reciprocal.rgc_median(cell_depth=3), clock=clock)
    assert "feedback" not in short_name(late)


def test_a_network_that_only_feedback_makes_recurrent_is_not_called_feedforward() -> None:
    cell = {"states": {"out": {"drive": {"edges": [{"add": {"of": "input"}}]}}}, "output": "out"}
    network = small_genome(Cell.model_validate(cell))
    document = network.document()
    document["stages"][1]["convolution"]["reads_feedback"] = True
    assert short_name(Genome.parse(document)) == "convolutions +1 feedback only"


def test_terms_of_feedback_that_is_not_there_are_not_named() -> None:
    gate = {"offset": 1.0, "scale": -0.5, "terms": [{"of": "feedback", "kernel": 1}]}
    edges = [{"add": {"of": "input"}}, {"add": {"of": "feedback", "kernel": 3}}]
    state = {"carry": {}, "drive": {"edges": [*edges, {"multiply": gate}]}}
    cell = Cell.model_validate({"states": {"out": state}, "output": "out"})
    assert short_name(small_genome(cell)) == "out: in + fb3 * sig(fb1) ~ 1 +1 feedback"
    # Of the gate a constant is left: 1 - 0.5 * sigmoid(0).
    assert short_name(small_genome(cell, feedback=False)) == "out: in * 0.75 ~ 1"


@settings(max_examples=60, deadline=None)
@given(genome=genomes() | any_genomes())
def test_a_name_says_what_goes_round(genome: Genome) -> None:
    name, kind = name_network(genome)
    assert (name, kind) == (short_name(genome), recurrence(genome))
    assert name.startswith(FEEDFORWARD) == (kind == "none")
    assert name.endswith(" feedback only") == (kind == "feedback")
    assert name.endswith(" feedback") == (kind == "both")


def test_no_two_words_of_a_cell_are_alike() -> None:
    """A gate called reset is not the residual, and `hidden` is not `hide`."""
    adds = [{"add": {"of": source}} for source in ("input", "residual * reset", "hidden", "hide")]
    states = {
        "hidden": {"drive": {"edges": [{"add": {"of": "input", "kernel": 1}}]}},
        "hide": {"drive": {"edges": [{"add": {"of": "hidden", "kernel": 1}}]}},
        "out": {"drive": {"edges": adds}},
    }
    gates = {"reset": {"terms": [{"of": "out", "kernel": 1}]}}
    cell = Cell.model_validate({"states": states, "gates": gates, "output": "out"})
    assert cell_name(cell) == (
        "out: in + residual.reset + hidden + hide; hidden: in1; hide: hidden1"
    )


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
