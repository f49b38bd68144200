"""Published cells from the reference's own options: what is kept, spellings, refusals.

The numbers of every option are compared in tests/workers/reference/test_cells.py.
"""

from typing import Any

import pytest

from space.errors import InputError
from space.network.grammar import as_document
from space.zoo.reference_cells import RGC_A, RGC_B, from_options


@pytest.mark.parametrize(
    ("variant", "options", "message"),
    [
        ("A", {"tau_filtersize": 3}, r'no such option; did you mean "tau_filter_size"'),
        ("B", {"cell_activation": "crelu"}, "crelu"),
        ("A", {"batch_norm": True}, "class A has no such option"),
        ("B", {"input_to_cell": False}, "nothing drives the cell state"),
        ("B", {"tau_filter_size": [3, 5]}, "not square"),
        ("B", {"recurrent_keep_prob": 0.9}, "drops out states"),
        ("A", {"gate_filter_size": 0, "input_to_gate": True}, "0 leaves no kernel"),
        ("A", {"feedback_entry": "gate"}, "not a place"),
        ("A", {"tau_nonlinearity": "sigmoidd"}, 'did you mean "sigmoid"'),
        ("A", {"layer_norm": 1}, "neither true nor false"),
    ],
)
def test_what_cannot_be_had_is_refused(
    variant: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        from_options(f"RGC variant {variant}", {"input_to_cell": True} | options)


def test_training_options_are_kept_and_do_not_change_the_cell() -> None:
    cell = from_options(
        "RGC variant A (median)",
        {
            "input_to_cell": True,
            "kernel_initializer": "variance_scaling",
            "kernel_initializer_kwargs": {"scale": 0.5, "seed": 0},
            "weight_decay": 2e-4,
            "shape": [4, 4],
        },
    )
    assert cell.weights.initial is not None
    assert cell.weights.initial.scale == 0.5
    assert (cell.weights.decay, cell.weights.bias_decay) == (2e-4, 0.0)


def test_sizes_are_truncated_and_squared() -> None:
    cells = [from_options("GRU", {"filter_size": size}) for size in (4, 4.9, [4, 4])]
    assert cells[0] == cells[1] == cells[2]
    assert cells[0].gates["reset"].terms[0].kernel == 4


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("vanilla", "SimpleRNN", "ConvNormBasicCell"), "vanilla"),
        (("LSTM", "ConvLSTM", "ConvLSTMCell", "lstm"), "LSTM"),
        (("time decay", "timedecay"), "time decay"),
        (("RGC variant A (median)", "RGC class A", "rgc median", "RGC variant A"), RGC_A),
        (("RGC variant B (shallow)", "reciprocal gated cell, class B", "rgc shallow"), RGC_B),
    ],
)
def test_a_kind_may_be_called_by_several_names(words: tuple[str, ...], kind: str) -> None:
    options: dict[str, Any] = {"input_to_cell": True} if kind in (RGC_A, RGC_B) else {}
    assert {str(as_document(from_options(word, options))) for word in words} == {
        str(as_document(from_options(kind, options)))
    }


def test_without_a_residual_input_its_routes_are_left_out() -> None:
    routes = {"out_residual": True, "residual_to_out_gate": True, "input_to_cell": True}
    bare = from_options("RGC class A", {"input_to_cell": True})
    assert from_options("RGC class A", routes, residual=False) == bare
    assert from_options("RGC class A", routes).reads("residual")


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("lsmt", {}, 'no published cell is called "lsmt"'),
        ("UGRNN", {"layer_norm": True}, "cannot run"),
        ("LSTM", {"filter_sise": 3}, 'did you mean "filter_size"'),
        ("LSTM", {"kernel_initializer": "xavierr"}, 'did you mean "xavier"'),
        ("LSTM", {"kernel_initializer_kwargs": {"scale": 2}}, "scale cannot be set"),
        ("GRU", {"forget_bias": "1"}, "is not a number"),
        ("time decay", {"filter_size": 3}, "no such option"),
    ],
)
def test_a_wrong_option_is_named(kind: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        from_options(kind, options)
