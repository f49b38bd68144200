"""An energy model in the grammar: squares of two filters, added up.

Adelson & Bergen (1985): the response of a complex cell is the sum of the squared outputs of two
filters in quadrature.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as functional

from models.build import build
from space.equation.names import short_name
from space.errors import GenomeError
from space.genome import Genome
from space.unroll.cost import cost

ENERGY: dict[str, Any] = {
    "image": {"size": 8, "channels": 1},
    "classes": 3,
    "clock": {"steps": 3},
    "stages": [{"name": "v1", "convolution": {"width": 1, "kernel": 1}, "cell": "complex"}],
    "cells": {
        "complex": {
            "output": "out",
            "states": {
                "out": {
                    "depth": 2,
                    "drive": {
                        "edges": [
                            {"add": {"of": "input", "kernel": 5, "bias": False, "squared": True}},
                            {"add": {"of": "input", "kernel": 5, "bias": False, "squared": True}},
                        ]
                    },
                }
            },
        }
    },
}


def without_squares() -> dict[str, Any]:
    document = Genome.parse(ENERGY).document()
    for edge in document["cells"]["complex"]["states"]["out"]["drive"]["edges"]:
        del edge["add"]["squared"]
    return document


@pytest.mark.parametrize("unroll", ["planned", "literal"])
def test_the_energy_of_two_filters(unroll: Any) -> None:
    network = build(Genome.parse(ENERGY), seed=1, unroll=unroll, dtype=torch.float64)
    images = torch.randn(2, 1, 8, 8, dtype=torch.float64)
    trace = network.trace(images, ["v1.input", "v1"], [1])
    weights = dict(network.named_parameters())
    filters = [weight for name, weight in weights.items() if "cell" in name]
    even, odd = filters
    x = trace["v1.input"][1]
    expected = (
        functional.conv2d(x, even, padding=2).square()
        + functional.conv2d(x, odd, padding=2).square()
    )
    torch.testing.assert_close(trace["v1"][1], expected, rtol=1e-12, atol=1e-14)


def test_a_square_is_another_network_of_the_same_cost_with_a_name_that_says_so() -> None:
    squared, plain = Genome.parse(ENERGY), Genome.parse(without_squares())
    assert squared.digest != plain.digest
    assert cost(squared) == cost(plain)
    assert short_name(squared) != short_name(plain)
    assert "square(" in short_name(squared)


def test_a_square_is_true_or_false() -> None:
    document = without_squares()
    document["cells"]["complex"]["states"]["out"]["drive"]["edges"][0]["add"]["squared"] = 2
    with pytest.raises(GenomeError, match="squared"):
        Genome.parse(document)


def test_a_squared_input_is_not_the_input() -> None:
    document = without_squares()
    document["cells"]["complex"]["states"]["out"] = {
        "drive": {"edges": [{"add": {"of": "input", "squared": True}}]}
    }
    assert "square(" in short_name(Genome.parse(document))
