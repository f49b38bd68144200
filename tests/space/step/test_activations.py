"""The table of activations: the names of the grammar, and what is known of each holds."""

from typing import get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.arithmetic import ACTIVATIONS as TENSORS
from models.arithmetic import activate
from space.network.grammar import Activation
from space.step.activations import ACTIVATIONS

NUMBERS = st.floats(-30, 30, width=32)


def test_every_table_has_the_names_of_the_grammar() -> None:
    assert set(get_args(Activation)) == set(ACTIVATIONS) == set(TENSORS)


@pytest.mark.parametrize("name", ACTIVATIONS)
@given(x=NUMBERS)
def test_what_is_known_of_an_activation_holds(name: str, x: float) -> None:
    known = ACTIVATIONS[name]
    y = known.value(x)
    number = torch.tensor(x, dtype=torch.float64)
    assert y == pytest.approx(float(activate(number, name)), rel=1e-8, abs=1e-12)
    assert not known.never_negative or y >= 0
    assert not known.keeps_positive or x < 0 or y == x
    assert not known.rectifies or max(y, 0.0) == max(x, 0.0)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_what_the_table_denies_of_an_activation_is_not_so(name: str) -> None:
    known, points = ACTIVATIONS[name], (-2.0, -0.5, 0.5, 2.0)
    values = [known.value(x) for x in points]
    assert known.keeps_zero == (known.value(0.0) == 0.0)
    assert known.never_negative == (min(values) >= 0)
    assert known.keeps_positive == (values[2:] == list(points[2:]))
    assert known.rectifies == ([max(y, 0.0) for y in values] == [max(x, 0.0) for x in points])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_backward_pass_keeps_what_pytorchs_does(name: str) -> None:
    kept: list[torch.Tensor] = []
    x = torch.linspace(-2, 2, 5, requires_grad=True)

    def keep(value: torch.Tensor) -> torch.Tensor:
        kept.append(value)
        return value

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
        y = activate(x * 1, name)
    if name != "identity":
        assert ACTIVATIONS[name].own_gradient == any(torch.equal(t, y) for t in kept)
