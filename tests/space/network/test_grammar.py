"""The words of the grammar: short forms, documents without defaults, and what they mean."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from space.network.grammar import (
    PUBLISHED_WEIGHTS,
    Cell,
    Drive,
    Gate,
    Norm,
    Term,
    TermSource,
    Weights,
    as_document,
    parse_source,
)
from tests.support.drawing import PUBLISHED_CELLS, any_cells

FLOATS = st.none() | st.sampled_from([0.0, 0.5, 1e-4])
INITIAL = st.none() | st.sampled_from([{"scheme": "constant", "scale": 2.0}, {"scale": 0.1}])
WEIGHTS = st.fixed_dictionaries(
    {"initial": INITIAL, "bias_initial": FLOATS, "decay": FLOATS, "bias_decay": FLOATS}
).map(Weights.model_validate)


@given(any_cells())
@settings(max_examples=40, deadline=None)
def test_a_document_holds_what_is_no_default_and_is_read_as_it_was(document: Any) -> None:
    cell = Cell.model_validate(document)
    written = as_document(cell)
    assert Cell.model_validate(written) == cell
    assert as_document(Cell.model_validate(written)) == written


def test_defaults_are_left_out_and_what_is_required_stands() -> None:
    assert as_document(Gate()) == {}
    assert as_document(Term(of=("input",))) == {"of": ["input"]}
    assert as_document(Term.model_validate({"of": "input", "kernel": 3, "norm": "layer"})) == {
        "of": ["input"],
        "kernel": 3,
        "norm": {},
    }


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ({"of": "input"}, {"of": ["input"]}),
        ({"of": "input", "norm": "batch"}, {"of": ["input"], "norm": {"kind": "batch"}}),
    ],
)
def test_short_forms_are_the_long_ones(short: Any, long: Any) -> None:
    assert Term.model_validate(short) == Term.model_validate(long)


@given(WEIGHTS, WEIGHTS, WEIGHTS)
def test_weights_are_inherited_from_outside(
    inner: Weights, middle: Weights, outer: Weights
) -> None:
    assert inner.over(middle.over(outer)) == inner.over(middle).over(outer)
    assert Weights().over(outer) == outer == outer.over(Weights())
    for field in Weights.model_fields:
        own = getattr(inner, field)
        assert getattr(inner.over(outer), field) == (getattr(outer, field) if own is None else own)


def test_a_decay_of_nothing_is_something_that_was_said() -> None:
    assert Weights(decay=0.0).over(PUBLISHED_WEIGHTS).decay == 0.0
    assert Weights(bias_initial=0.0).over(Weights(bias_initial=1.0)).bias_initial == 0.0


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("hidden", TermSource(name="hidden")),
        ("new.hidden", TermSource(name="hidden", new=True)),
        ("hidden * reset", TermSource(name="hidden", mask="reset")),
        ("new.hidden*reset", TermSource(name="hidden", new=True, mask="reset")),
    ],
)
def test_a_source_is_read_from_its_text(text: str, source: TermSource) -> None:
    assert parse_source(text) == source
    assert Term.model_validate({"of": text}).sources == (source,)


@pytest.mark.parametrize(
    ("term", "operation", "bias"),
    [
        ({}, "identity", False),
        ({"kernel": 3}, "convolution", True),
        ({"kernel": 3, "bias": False}, "convolution", False),
        ({"kernel": 3, "op": "separable"}, "separable", True),
        ({"op": "match"}, "match", False),
    ],
)
def test_an_op_that_is_not_given_follows_from_the_kernel(
    term: dict[str, Any], operation: str, bias: bool
) -> None:
    found = Term.model_validate({"of": "input"} | term)
    assert (found.operation, found.has_bias) == (operation, bias)


@pytest.mark.parametrize(
    ("acts", "op", "bias"),
    [
        ("always", "separable", 0.7),
        ("full", "convolution", 0.7),
        ("full", "separable", 0.0),
    ],
)
def test_a_published_bias_acts_beside_a_full_convolution(acts: str, op: str, bias: float) -> None:
    term = {"of": "input", "op": op, "kernel": 3}
    said = {"bias": 0.7, "bias_acts": acts}
    assert Gate.model_validate({"terms": [term]} | said).acting_bias == bias
    assert Drive.model_validate({"edges": [{"add": term}]} | said).acting_bias == bias


@pytest.mark.parametrize(
    ("norm", "epsilon"), [({}, 1e-12), ({"kind": "batch"}, 1e-5), ({"epsilon": 0.1}, 0.1)]
)
def test_the_epsilon_that_is_added_follows_the_kind(norm: Any, epsilon: float) -> None:
    assert Norm.model_validate(norm).added_epsilon == epsilon


def test_a_cell_knows_what_it_reads() -> None:
    recurrent = {name for name, cell in PUBLISHED_CELLS.items() if cell.recurrent}
    assert PUBLISHED_CELLS.keys() - recurrent == {"feedforward"}
    median = PUBLISHED_CELLS["rgc_median"]
    assert median.reads("residual")
    assert not PUBLISHED_CELLS["ugrnn"].reads("residual")
    assert all(median.reads(name) for name in median.states)
    gates = [gate for state in median.states.values() for gate in state.gates]
    written = sum(len(gate.terms) for gate in (*median.gates.values(), *gates))
    written += sum(len(state.drive.terms) for state in median.states.values())
    assert len(median.terms) == written


def test_a_state_that_reads_this_step_alone_is_not_recurrent() -> None:
    def cell(of: str) -> Cell:
        adds = {"drive": {"edges": [{"add": {"of": of}}]}}
        first = {"drive": {"edges": [{"add": {"of": "input"}}]}}
        return Cell.model_validate({"states": {"a": first, "b": adds}, "output": "b"})

    assert not cell("new.a").recurrent
    assert cell("a").recurrent


def test_a_gate_by_reference_is_the_cells() -> None:
    cell = PUBLISHED_CELLS["ugrnn"]
    name = next(iter(cell.gates))
    for gate in (Gate(shared=name), Gate(complement=name)):
        assert gate.reference == name
        assert cell.gate(gate) == cell.gates[name]
    assert cell.gate(Gate(offset=2.0)) == Gate(offset=2.0)
