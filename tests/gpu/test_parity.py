"""A network's logits and gradients on a GPU beside the CPU's, by both executions."""

from __future__ import annotations

import pytest
import torch

from models.build import build
from space.unroll.plan import Unroll
from tests.support.networks import network_with

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("norm", ["group", "layer", "batch"])
@pytest.mark.parametrize(
    ("unroll", "recompute"), [("planned", False), ("planned", True), ("literal", False)]
)
def test_logits_and_gradients_are_the_cpu_s(
    device: torch.device, norm: str, unroll: Unroll, recompute: bool
) -> None:
    genome = network_with(norm)
    images = torch.randn(8, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    exact = build(genome, dtype=torch.float64, unroll="literal", seed=0)
    ours = build(genome, seed=0, unroll=unroll, recompute=recompute)
    ours.load_state_dict(exact.state_dict())
    ours.to(device)
    expected, found = exact(images.double()), ours(images.to(device))
    torch.testing.assert_close(found.double().cpu(), expected, rtol=1e-3, atol=1e-4)
    expected.square().mean().backward(), found.square().mean().backward()
    slopes = dict(exact.named_parameters())
    for name, parameter in ours.named_parameters():
        slope = slopes[name].grad
        if slope is not None:
            assert parameter.grad is not None
            torch.testing.assert_close(parameter.grad.double().cpu(), slope, rtol=1e-2, atol=1e-3)
