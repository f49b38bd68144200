"""The general reciprocal gated cell: where its parts start, and how its two classes differ."""

from typing import Any

import pytest

from space.errors import InputError
from space.network.grammar import Cell
from space.zoo.reciprocal_gated import (
    MEDIAN_GATE_BIAS,
    MEDIAN_TAU_BIAS,
    ReciprocalGated,
    reciprocal_gated,
    rgc_median,
    rgc_shallow,
)
from space.zoo.reference_cells import from_options


def cell(**options: Any) -> Cell:
    """A reciprocal gated cell whose cell state is driven by the input."""
    return reciprocal_gated(ReciprocalGated(**{"input_to_cell": True} | options))


def test_batch_norms_start_as_published() -> None:
    """0.1 on kernels of tau and gate, 0 on feedback without an activation, 1 elsewhere."""
    options = {"batch_norm": True, "input_to_cell": True, "residual_to_out_gate": True}
    cell = from_options("RGC variant B", options)
    out = cell.states["out"]
    assert out.carry is not None
    assert out.carry.gate is not None
    gains = {"tau": out.carry.gate.terms[0], "gate": out.drive.gates[0].terms[0]}
    gains |= {"residual": out.drive.gates[0].terms[1], "feedback": out.drive.terms[1]}
    gains |= {"input": cell.states["cell"].drive.terms[0]}
    found = {name: term.norm.gain for name, term in gains.items() if term.norm is not None}
    assert found == {"tau": 0.1, "gate": 0.1, "residual": 0.1, "feedback": 0.0, "input": 1.0}
    assert not any(term.has_bias for term in gains.values())
    active = from_options("RGC variant B", options | {"feedback_activation": "elu"})
    fed = active.states["out"].drive.terms[1]
    assert fed.norm is not None
    assert fed.norm.gain == 1.0


def test_separable_biases_of_class_b_start_at_random() -> None:
    """The reference hands no initialiser on to them; those of class A start as the cell's."""
    starts = [
        cell(variant=variant, ff_depth_separable=True).states["cell"].drive.terms[0].weights
        for variant in "AB"
    ]
    assert starts[0].bias_initial is None
    start = starts[1].bias_initial
    assert start is not None
    assert not isinstance(start, float)
    assert start.scheme == "glorot_uniform"


def test_full_kernels_have_biases_in_class_a_alone() -> None:
    for variant, has_bias in (("A", True), ("B", False)):
        (drive, *_) = cell(variant=variant).states["cell"].drive.terms
        assert drive.has_bias is has_bias


def test_which_kernels_are_cut_to_the_map() -> None:
    """Class A: separable ones; class B: all but a full input_to_out."""
    assert cell(variant="A").clip_kernels == "separable"
    assert cell(variant="B").clip_kernels is True
    for separable, clip in ((False, False), (True, None)):
        made = cell(variant="B", input_to_out=True, in_out_depth_separable=separable)
        assert made.states["out"].drive.terms[0].clip is clip


def test_a_gate_of_size_zero_leaves_the_cell_state_out() -> None:
    small = reciprocal_gated(ReciprocalGated(gate_filter_size=0))
    assert list(small.states) == ["used", "out"]
    assert small.states["out"].drive.gates[0].terms == ()
    assert list(cell().states) == ["used", "cell", "out"]


@pytest.mark.parametrize("variant", ["A", "B"])
@pytest.mark.parametrize("entry", ["input", "cell", "out"])
def test_feedback_enters_one_state_alone(entry: str, variant: str) -> None:
    made = cell(variant=variant, feedback_entry=entry)
    reads = {
        name
        for name, state in made.states.items()
        if any("feedback" in term.of for term in state.drive.terms)
    }
    assert reads == {"used" if entry == "input" else entry}
    (fed,) = (t for s in made.states.values() for t in s.drive.terms if "feedback" in t.of)
    # Class B: f(fb + conv(fb)), into the cell.
    assert fed.skip is (entry == "cell" and variant == "B")


def test_a_constant_of_a_gate_acts_beside_full_kernels_of_class_a_alone() -> None:
    def retention(**options: Any) -> tuple[float | None, str | None]:
        carry = cell(tau_bias=1.5, **options).states["out"].carry
        assert carry is not None
        assert carry.gate is not None
        return carry.gate.bias, carry.gate.bias_acts

    acting = retention()
    assert acting[0] == 1.5
    assert retention(tau_depth_separable=True) == (1.5, "full")
    # A full kernel of another route would wake it: it is not kept.
    assert retention(tau_depth_separable=True, residual_to_out_tau=True)[0] != 1.5
    assert retention(variant="B")[0] != 1.5


def test_the_median_keeps_the_constants_that_cannot_act() -> None:
    out = rgc_median().states["out"]
    assert out.carry is not None
    assert out.carry.gate is not None
    gates = (out.carry.gate, out.drive.gates[0])
    assert [gate.bias for gate in gates] == [MEDIAN_TAU_BIAS, MEDIAN_GATE_BIAS]
    assert {gate.bias_acts for gate in gates} == {"full"}
    assert all(term.operation == "separable" for gate in gates for term in gate.terms)


def test_the_shallow_cell_has_full_kernels_of_three_without_biases() -> None:
    states = rgc_shallow().states.values()
    gates = [gate for state in states for gate in state.drive.gates]
    terms = [term for state in states for term in state.drive.terms]
    terms += [term for gate in gates for term in gate.terms]
    kernels = [term for term in terms if term.kernel is not None]
    assert {(term.operation, term.kernel, term.has_bias) for term in kernels} == {
        ("convolution", 3, False)
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ds_repeat": True}, "ds_repeat: class A has no such option; write variant B"),
        ({"input_to_cell": False}, "input_to_cell: nothing drives the cell state"),
        ({"gate_filter_size": 0, "residual_to_out_gate": True}, "gate_filter_size: 0 leaves no"),
        ({"gate_filter_size": 0.9, "input_to_gate": True}, "gate_filter_size: 0 leaves no"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        cell(**options)
