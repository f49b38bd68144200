"""Cells replayed: what the options of both reciprocal gated classes mean, and what is kept."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from space import zoo
from space.network.grammar import Cell
from tests.support.reference_cells import B_FLAGS, FLAGS, results
from workers.reference.cells import stored_states
from workers.reference.files import (
    read_arrays,
    read_json,
)
from workers.reference.replay import verify_entry

GOLDEN = Path(__file__).parents[2] / "models" / "golden"


def test_weights_and_inputs_that_are_not_stored_follow_from_the_formula() -> None:
    index = read_json(GOLDEN / "index.json")
    entry = index["cells"]["rgc_median_feedback_projection"]
    arrays = read_arrays(GOLDEN / entry["file"])
    fewer = {key: value for key, value in arrays.items() if not key.startswith(("w/", "in/"))}
    assert verify_entry("cell", "drawn", entry, fewer).passed
    changed = entry | {"seed": entry["seed"] + 1}
    assert not verify_entry("cell", "drawn", changed, fewer).passed


@st.composite
def reciprocal_options(draw: st.DrawFn, variant: str) -> dict[str, Any]:
    options: dict[str, Any] = {flag: draw(st.booleans()) for flag in FLAGS}
    for role in ("tau", "gate", "ff", "in_out", "feedback"):
        options[f"{role}_filter_size"] = draw(st.sampled_from([1, 2, 3, 4, 7.0]))
    if draw(st.booleans()):
        options["cell_tau_filter_size"] = draw(st.sampled_from([1, 2, 5]))
    for role in ("tau", "gate"):
        options[f"{role}_nonlinearity"] = draw(st.sampled_from(["tanh", "sigmoid"]))
        options[f"{role}_offset"] = offset = draw(st.sampled_from([1.0, 0.7]))
        options[f"{role}_multiplier"] = -offset
        options[f"{role}_bias"] = draw(st.sampled_from([0.0, 1.3]))
    for name in ("input", "feedback", "cell", "out"):
        options[f"{name}_activation"] = draw(st.sampled_from(["identity", "elu", "tanh"]))
    options["feedback_entry"] = draw(st.sampled_from(["input", "cell", "out"]))
    if variant == "B":
        options |= {flag: draw(st.booleans()) for flag in B_FLAGS}
        if options["input_to_out"] and not options["in_out_depth_separable"]:
            # Both norms would be called out/post_conv_BN: the reference cannot make them.
            options["batch_norm_cell_out"] &= not options["batch_norm"]
    if draw(st.integers(0, 9)) == 0:  # no cell state; kernels of side 0 cannot be routed
        routes = ("input_to_gate", "residual_to_cell_gate", "residual_to_out_gate")
        options |= {"gate_filter_size": 0, **dict.fromkeys(routes, False)}
    return options


@pytest.mark.parametrize("variant", ["A", "B"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_every_option_of_the_reciprocal_gated_cell(variant: str, data: st.DataObject) -> None:
    options = data.draw(reciprocal_options(variant))
    out, cell = data.draw(st.sampled_from([(4, 3), (4, 4)]))
    residual = data.draw(st.sampled_from([None, 4, 3]))
    fed = data.draw(st.sampled_from([None, cell]))
    options["cell_residual"] &= residual is not None
    options["input_to_cell"] |= not options["cell_residual"]
    entry, arrays = results(
        variant,
        options,
        channels=(out, cell, residual, fed),
        size=data.draw(st.sampled_from([5, 7])),
        seed=data.draw(st.integers(1, 999)),
    )
    result = verify_entry("cell", "drawn", entry, arrays)
    assert result.passed, result


@pytest.mark.parametrize(
    ("variant", "flag"),
    [
        *(("A", flag) for flag in FLAGS if flag != "input_to_cell"),
        *(("B", flag) for flag in B_FLAGS),
    ],
)
def test_every_flag_is_seen(variant: str, flag: str) -> None:
    """The same arrays under other options do not pass: their weights have no place, or differ."""
    options = {"input_to_cell": True, "gate_depth_separable": variant == "B"}
    options["input_to_out"] = flag == "in_out_depth_separable"
    made: dict[str, Any] = {"channels": (4, 3, 3, 3), "size": 5, "seed": 7}
    entry, arrays = results(variant, options | {flag: not options.get(flag, False)}, **made)
    assert verify_entry("cell", "drawn", entry, arrays).passed
    assert not verify_entry("cell", "drawn", entry | {"options": options}, arrays).passed


def test_stored_states_are_in_the_references_order() -> None:
    def kept(name: str) -> tuple[str, ...]:
        cell: Cell = next(iter(zoo.model(name).genome.cells.values()))
        return stored_states(cell)

    assert kept("rgc_intermediate") == ("cell", "out")
    assert kept("lstm_intermediate") == ("cell", "hidden")
    assert kept("intersectionrnn_shallow") == ("hidden",)
    assert kept("timedecay_shallow") == ("hidden",)
