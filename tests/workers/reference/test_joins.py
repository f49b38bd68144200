"""Joins of inputs: resized, then summed, multiplied or concatenated."""

from pathlib import Path

import numpy as np
import pytest
import torch

from models import arithmetic
from workers.reference.comparison import error, to_numpy, to_torch
from workers.reference.files import (
    read_arrays,
)
from workers.reference.replay import verify_entry

GOLDEN = Path(__file__).parents[2] / "models" / "golden"


def test_a_half_pixel_resize_is_seen() -> None:
    arrays = read_arrays(GOLDEN / "cells/harbor_concat.npz")
    resized = arithmetic.resize(to_torch(arrays["in/conv10"], torch.float64), 7, "half_pixel")
    assert error(to_numpy(resized), arrays["out"][..., 4:9]) > 1e-3


@pytest.mark.parametrize("kind", ["add", "multiply"])
def test_inputs_are_summed_or_multiplied_in_the_receivers_channels(kind: str) -> None:
    """conv6 feeds conv7 (4 channels); conv10 and conv9 are resized, and conv9 is projected."""
    rng = np.random.default_rng(3)
    shapes = {"conv6": (2, 7, 7, 4), "conv9": (2, 3, 3, 3), "conv10": (2, 4, 4, 4)}
    arrays = {f"in/{k}": rng.normal(size=shape).astype(np.float32) for k, shape in shapes.items()}
    kernel = rng.normal(size=(1, 1, 3, 4)).astype(np.float32)
    bias = rng.normal(size=4).astype(np.float32)
    scope = "w/conv7/conv_to_conv_harbor_for_conv9"
    on_map = {
        name: torch.nn.functional.interpolate(
            to_torch(arrays[f"in/{name}"], torch.float64),
            size=7,
            mode="bilinear",
            align_corners=True,
        ).permute(0, 2, 3, 1)
        for name in shapes
    }
    on_map["conv9"] = on_map["conv9"] @ torch.from_numpy(kernel[0, 0]).double() + torch.from_numpy(
        bias
    )
    values = [on_map[name].numpy() for name in ("conv6", "conv10", "conv9")]
    out = sum(values) if kind == "add" else values[0] * values[1] * values[2]
    arrays |= {f"{scope}/weights": kernel, f"{scope}/bias": bias, "out": np.asarray(out)}
    entry = {"file": f"cells/harbor_{kind}.npz"}
    assert verify_entry("join", "drawn", entry, arrays).passed
    other = {"file": f"cells/harbor_{'multiply' if kind == 'add' else 'add'}.npz"}
    assert not verify_entry("join", "drawn", other, arrays).passed


def test_the_shallowest_input_leads_unless_another_is_named() -> None:
    """By the number in its name; its map is that of the join, and its channels come first."""
    rng = np.random.default_rng(4)
    deep, shallow = (rng.normal(size=(1, 4, 4, n)).astype(np.float32) for n in (1, 2))
    arrays = {"in/conv10": deep, "in/conv9": shallow}
    for first, second, entry in (
        (shallow, deep, {}),
        (deep, shallow, {"feedforward": "conv10"}),
        (deep, shallow, {"options": {"feedforward": "conv10"}}),
    ):
        out = np.concatenate([first, second], axis=-1)
        assert verify_entry("join", "drawn", entry, arrays | {"out": out}).passed
        wrong = np.concatenate([second, first], axis=-1)
        assert not verify_entry("join", "drawn", entry, arrays | {"out": wrong}).passed


def test_an_input_that_is_not_there_cannot_lead() -> None:
    result = verify_entry(
        "join",
        "drawn",
        {"feedforward": "conv8"},
        {"in/conv9": np.ones((1, 2, 2, 1)), "out": np.ones((1, 2, 2, 1))},
    )
    assert not result.passed
    assert 'feedforward: "conv8" is not an input; did you mean "conv9"' in result.problem
