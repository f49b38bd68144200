"""A small space for tests of what fits a map: its one choice is the kernel of a cell."""

from typing import Any


def document(**cell: Any) -> dict[str, Any]:
    """A space of one choice: kernels that do not fit every map."""
    term = {"of": "input", "kernel": {"choice": [3, 5], "name": "kernel"}}
    states = {"out": {"drive": {"edges": [{"add": term}]}}}
    return {
        "name": "kernels",
        "genome": {
            "clock": {"steps": 4},
            "stages": [
                {"name": "a", "convolution": {"width": 4}, "pool": {}},
                {"name": "b", "convolution": {"width": 4}, "cell": "c"},
            ],
            "cells": {"c": {"output": "out", "states": states} | cell},
        },
    }
