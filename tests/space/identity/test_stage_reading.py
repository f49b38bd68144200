"""A stage's operations, read as sums of products."""

from typing import Any

import pytest

from space.genome import Genome
from space.identity.normal_form import describe_stage, stage_forms
from space.identity.stage_reading import StageReader
from space.zoo import cells as published
from tests.support.drawing import small_document

CONVOLVED: dict[str, Any] = {"of": "input", "kernel": 3}


def genome(states: dict[str, Any], output: str = "out", **fields: Any) -> Genome:
    cell = {"states": states, "output": output, **fields}
    document = small_document(published.feedforward(), feedback=False)
    return Genome.parse(document | {"cells": {"motif": cell}})


def drive(*terms: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"drive": {"edges": [{"add": term} for term in terms]}, **fields}


def labels(network: Genome) -> list[str]:
    """The labels of the second stage's graph, which carries the cell."""
    return StageReader(describe_stage(network, 1), relative=True).graph().labels


@pytest.mark.parametrize("bias", [True, False])
def test_a_constant_beside_a_convolution_is_a_constant_of_the_sum(bias: bool) -> None:
    """Whether the kernel's operation absorbs it or a sum adds it."""
    state = drive(CONVOLVED | {"bias": bias})
    with_constant = genome({"out": state | {"drive": state["drive"] | {"bias": 0.5}}})
    constant = {"drive": {"bias": 0.5}}
    by_a_state = genome(
        {"half": constant, "out": drive(CONVOLVED | {"bias": bias}, {"of": "new.half"})}
    )
    assert '["times","0.5"]' in labels(with_constant)
    assert with_constant.digest == by_a_state.digest


def test_states_that_are_equal_at_every_step_are_one() -> None:
    """Each reads the other: they are found equal only if taken for equal at first."""
    one = drive({"of": "input"}, {"of": "b"}, activation="tanh")
    other = drive({"of": "input"}, {"of": "a"}, activation="tanh")
    out = drive({"of": "new.a", "kernel": 3}, {"of": "b", "kernel": 1})
    twins = labels(genome({"a": one, "b": other, "out": out}))
    assert twins.count('["old"]') == 1
    distinct = labels(genome({"a": one, "b": other | {"activation": "elu"}, "out": out}))
    assert distinct.count('["old"]') == 2


def test_a_state_that_stays_zero_is_nothing() -> None:
    closed = {"multiply": {"offset": 0.0, "scale": 0.0}}
    out = drive(CONVOLVED, {"of": "it", "kernel": 3})
    shut = genome({"it": {"drive": {"edges": [{"add": {"of": "input"}}, closed]}}, "out": out})
    assert '["old"]' not in labels(shut)
    assert '["map","width"]' in labels(shut)
    assert '["old"]' in labels(genome({"it": drive({"of": "input"}), "out": out}))


def test_gates_that_cancel_exactly_are_no_gates() -> None:
    """1 - 0.8 is 0.2, and five of it are one."""
    multiply = [{"complement": "most"}, {"offset": 5.0, "scale": 0.0}]
    edges = [{"add": CONVOLVED}, *({"multiply": gate} for gate in multiply)]
    gates = {"most": {"offset": 0.8, "scale": 0.0}}
    gated = genome({"out": {"drive": {"edges": edges}}}, gates=gates)
    assert gated.digest == genome({"out": drive(CONVOLVED)}).digest


def test_weights_are_named_by_their_place_within_the_stage() -> None:
    network = genome({"out": drive(CONVOLVED, norm="layer")})
    parts = {"convolution", "cell.states.out.drive.0", "cell.states.out.norm"}
    assert set(stage_forms(network)[1].parts) == parts
