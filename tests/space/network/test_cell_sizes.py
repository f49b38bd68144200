"""The sizes of a cell's terms and gates, and where they do not fit."""

from typing import Any

import pytest

from space.errors import GenomeError
from space.genome import Genome
from space.network.cell_sizes import CellShape, cell_shape, gate_key, kernel_on, multiplying
from space.network.grammar import Cell, Term, as_document
from space.network.maps import Map
from space.network.sizes import layout
from space.zoo import cells as published
from space.zoo import reciprocal_gated as reciprocal
from tests.support.drawing import small_document


def test_kernel_beyond_the_map_needs_clipping() -> None:
    document = small_document(published.simple_rnn(kernel=5))
    document["cells"]["motif"]["clip_kernels"] = False
    with pytest.raises(GenomeError, match=r"5 exceeds the 3x3 map .* clip_kernels: true"):
        Genome.parse(document)
    document["cells"]["motif"]["clip_kernels"] = True
    shape = layout(Genome.parse(document))["conv3"].cell
    assert shape is not None
    assert [term.kernel for term in shape.drives["hidden"]] == [3, 3]


@pytest.mark.parametrize(
    ("clips", "clip", "op", "side"),
    [
        (True, None, "convolution", 3),
        (True, False, "convolution", 5),
        (False, True, "convolution", 3),
        (False, None, "convolution", 5),
        ("separable", None, "convolution", 5),
        ("separable", None, "separable", 3),
        ("separable", True, "convolution", 3),
    ],
)
def test_a_kernel_is_cut_where_term_or_cell_say_so(
    clips: bool | str, clip: bool | None, op: str, side: int
) -> None:
    cell = Cell.model_validate({"states": {"a": {}}, "output": "a", "clip_kernels": clips})
    term = Term.model_validate({"of": "input", "op": op, "kernel": 5, "clip": clip})
    assert kernel_on(cell, term, 3) == side
    assert kernel_on(cell, term, 9) == 5


def test_an_op_without_a_kernel_has_a_side_of_one() -> None:
    cell = Cell.model_validate({"states": {"a": {}}, "output": "a"})
    assert kernel_on(cell, Term.model_validate({"of": "input"}), 9) == 1


def test_a_cell_alone_takes_its_width_from_the_input() -> None:
    sources = {"input": Map(size=5, channels=4), "residual": Map(size=9, channels=3)}
    shape = cell_shape(reciprocal.rgc_median(cell_depth=3), sources)
    assert shape.depths == {"used": 4, "cell": 3, "out": 4}
    assert shape.output == Map(size=5, channels=4)
    lacking = {"input": Map(size=5, channels=4)}
    assert len(cell_shape(reciprocal.rgc_median(cell_depth=3), lacking).drives["out"]) < len(
        shape.drives["out"]
    )


def test_a_gate_is_shared_by_parts_of_one_depth_alone() -> None:
    cell = as_document(published.ugrnn()) | {"output": "wide"}
    update = {"shared": next(iter(cell["gates"]))}
    cell["states"] = {
        "wide": {"carry": {"gate": update}, "drive": {"edges": [{"add": {"of": "input"}}]}},
        "narrow": {"depth": 2, "carry": {"gate": update}},
    }
    cell["gates"][update["shared"]]["terms"] = [{"of": "input", "kernel": 1}]
    with pytest.raises(GenomeError, match="acts on 6 and on 2 channels in stage conv2"):
        Genome.parse(small_document(published.ugrnn()) | {"cells": {"motif": cell}})


def test_absent_feedback_leaves_its_gate_out() -> None:
    cell = published.feedforward()
    document = as_document(cell)
    document["states"]["out"]["drive"]["edges"].append(
        {"multiply": {"terms": [{"of": "feedback", "kernel": 1}]}}
    )
    fed, unfed = (
        Genome.parse(small_document(cell, feedback=there) | {"cells": {"motif": document}})
        for there in (True, False)
    )
    for stage, terms in (("conv2", 1), ("conv3", 0)):
        shape = layout(fed)[stage].cell
        assert shape is not None
        assert len(shape.gates["out/1"]) == terms
    # What is absent adds nothing to the gate's argument: the gate is sigmoid(0).
    document["states"]["out"]["drive"]["edges"][-1] = {"multiply": {"offset": 0.5, "scale": 0.0}}
    constant = Genome.parse(small_document(cell) | {"cells": {"motif": document}})
    assert unfed.digest == constant.digest


def alone(term: dict[str, Any], **sources: Map) -> CellShape:
    """A cell of one state of 4 channels that `term` drives, on a map of 5 x 5."""
    state = {"depth": 4, "carry": {"gate": None}, "drive": {"edges": [{"add": term}]}}
    cell = Cell.model_validate({"states": {"a": state}, "output": "a", "clip_kernels": False})
    return cell_shape(cell, {"input": Map(size=5, channels=4)} | sources)


@pytest.mark.parametrize(
    ("residual", "projects"),
    [
        (Map(size=5, channels=4), False),
        (Map(size=5, channels=3), True),  # other channels
        (Map(size=9, channels=4), True),  # another map
    ],
)
def test_a_match_has_its_projection_and_norm_only_where_maps_differ(
    residual: Map, projects: bool
) -> None:
    term = {"of": "residual", "op": "match", "norm": {"kind": "layer"}}
    (shape,) = alone(term, residual=residual).drives["a"]
    assert shape.projects is projects
    assert (shape.norm is not None) is projects
    assert shape.sources == (residual,)


def test_sources_that_are_there_are_joined_and_the_others_left_out() -> None:
    term = {"of": ["input", "residual", "feedback"], "kernel": 1}
    (both,) = alone(term, residual=Map(size=9, channels=3)).drives["a"]
    assert both.reads == Map(size=5, channels=7)
    (one,) = alone(term).drives["a"]
    assert one.reads == Map(size=5, channels=4)
    assert alone({"of": "feedback", "kernel": 1}).drives["a"] == ()


@pytest.mark.parametrize(
    ("term", "message"),
    [
        (
            {"of": "residual"},
            r"drive\.edges\[0\]\.add\.of: residual has 3 channels in stage alone, where 4 are",
        ),
        ({"of": "residual", "kernel": 1, "skip": True}, r"add\.skip: residual has 3 channels"),
        ({"of": "input", "kernel": 7}, r"add\.kernel: 7 exceeds the 5x5 map of stage alone"),
    ],
)
def test_a_term_that_does_not_fit_is_refused_at_its_field(
    term: dict[str, Any], message: str
) -> None:
    with pytest.raises(GenomeError, match=message):
        alone(term, residual=Map(size=5, channels=3))


def test_a_carry_is_of_a_source_of_the_state_s_own_depth() -> None:
    state = {"depth": 4, "carry": {"gate": None, "of": "residual"}}
    cell = Cell.model_validate({"states": {"a": state}, "output": "a"})
    sources = {"input": Map(size=5, channels=2)}
    assert cell_shape(cell, sources | {"residual": Map(size=5, channels=4)}).depths == {"a": 4}
    with pytest.raises(GenomeError, match=r"states\.a\.carry\.of: residual has 3 channels"):
        cell_shape(cell, sources | {"residual": Map(size=5, channels=3)})


def test_gates_that_multiply_have_keys_in_order_and_the_place_of_their_edge() -> None:
    gate = {"multiply": {"terms": [{"of": "input", "kernel": 1}]}}
    edges = [{"add": {"of": "input"}}, gate, {"add": {"of": "a"}}, gate]
    state = {"drive": {"edges": edges}}
    cell = Cell.model_validate({"states": {"a": state}, "output": "a"})
    drive = cell.states["a"].drive
    assert [(key, place) for key, place, _ in multiplying("a", drive)] == [("a/1", 1), ("a/2", 3)]
    assert gate_key("a", 0) == "a/0"
    shape = cell_shape(cell, {"input": Map(size=5, channels=2)})
    assert shape.gates.keys() >= {"a/1", "a/2"}
