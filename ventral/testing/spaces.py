"""The space over which the suites hold samplers to their contract."""

from typing import Any

from space.space import Space

CONDITIONAL: dict[str, Any] = {
    "name": "conditional",
    "genome": {
        "clock": {"steps": {"integers": [2, 6], "name": "steps"}},
        "stages": [
            {
                "name": "conv1",
                "convolution": {
                    "width": {"logintegers": [1, 32], "name": "width"},
                    "kernel": {"choice": [3], "name": "only"},
                },
                "cell": "motif",
            }
        ],
        "cells": {
            "motif": {
                "output": "out",
                "states": {
                    "out": {
                        "drive": {
                            "edges": [
                                {"add": {"of": "input"}},
                                {
                                    "optional": {
                                        "choice": [
                                            {
                                                "add": {
                                                    "of": "out",
                                                    "op": "convolution",
                                                    "kernel": {"choice": [1, 3, 5], "name": "a"},
                                                }
                                            },
                                            {
                                                "multiply": {
                                                    "offset": {"uniform": [0.5, 1], "name": "b"},
                                                    "nonlinearity": {
                                                        "choice": ["tanh", "sigmoid"],
                                                        "weights": [1, 3],
                                                        "name": "c",
                                                    },
                                                    "terms": [{"of": "out"}],
                                                }
                                            },
                                        ],
                                        "name": "how",
                                    },
                                    "name": "edge",
                                },
                            ]
                        }
                    }
                },
            }
        },
    },
    "recipe": {"learning_rate": {"loguniform": [0.001, 0.1]}},
}
"""Branches inside branches, ties, weights, every kind of number, and a choice with one option."""


def make_space() -> Space:
    """The space, for grey images of 8 pixels in ten classes. Nothing of it is ever trained."""
    return Space.parse(CONDITIONAL).with_images(size=8, channels=1, classes=10)
