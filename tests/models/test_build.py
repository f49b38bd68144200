"""What a network is given: images of its own shape, type and place, or one error with the cure."""

from typing import Any

import numpy as np
import pytest
import torch

from models.build import build
from space.errors import InputError
from space.genome import Genome

NETWORK = build(
    Genome.parse(
        {
            "image": {"size": 8, "channels": 3},
            "classes": 4,
            "clock": {"steps": 3},
            "stages": [{"name": "conv1", "convolution": {"width": 4}}],
        }
    )
)
IMAGES = torch.rand(2, 3, 8, 8)


@pytest.mark.parametrize("call", ["forward", "step_logits", "trace"])
@pytest.mark.parametrize(
    ("images", "problem"),
    [
        (IMAGES.numpy(), r"a ndarray is not a tensor; give a tensor \[batch, 3, 8, 8\]"),
        ([[1.0]], "a list is not a tensor"),
        (IMAGES[0], r"shape \(3, 8, 8\) does not fit this network; give \[batch, 3, 8, 8\]"),
        (IMAGES.permute(0, 2, 3, 1), r"shape \(2, 8, 8, 3\) does not fit"),
        ((255 * IMAGES).byte(), "uint8 pixels are not normalised; use ventral.normalise"),
        (IMAGES.double(), r"they are torch.float64, the network is torch.float32; write images"),
        (IMAGES.to("meta"), "they are on meta, the network is on cpu"),
    ],
)
def test_other_images_are_refused(call: str, images: Any, problem: str) -> None:
    with pytest.raises(InputError, match=rf"images: {problem}"):
        getattr(NETWORK, call)(images)


def test_who_traces_by_symbols_learns_what_to_use() -> None:
    with pytest.raises(InputError, match=r"torch.fx .* use ventral.record_activations"):
        torch.fx.symbolic_trace(NETWORK)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"stages": "conv1"}, r'"conv1" is one name; give a list: \["conv1"\]'),
        ({"stages": ["conv2"]}, "no stage has that name"),
        ({"steps": 1}, r"1 is not a list; give a list of steps: \[0, 1\]"),
        ({"steps": [3]}, "the clock has 3 steps; give 0 to 2"),
        ({"steps": [-1]}, "the clock has 3 steps"),
        ({"steps": ["1"]}, "the clock has 3 steps"),
        ({"steps": [1.5]}, "the clock has 3 steps"),
    ],
)
def test_other_names_and_steps_are_refused(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        NETWORK.trace(IMAGES, **arguments)


def test_steps_may_come_from_numpy() -> None:
    assert set(NETWORK.trace(IMAGES, steps=np.arange(2))["conv1"]) == {0, 1}


def test_only_the_logits_of_all_steps_are_decoded() -> None:
    by_step = NETWORK.step_logits(IMAGES)
    torch.testing.assert_close(NETWORK.decode(by_step), NETWORK(IMAGES))
    with pytest.raises(InputError, match=r"step_logits: shape \(2, 4\).*give \[batch, 3, 4\]"):
        NETWORK.decode(by_step[:, -1])


def test_autocast_takes_images_of_the_networks_type() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert NETWORK(IMAGES).shape == (2, 4)
