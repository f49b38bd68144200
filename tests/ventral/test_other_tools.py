"""docs/other-tools.md is true: its blocks run, one after the other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

import ventral
from models.build import build
from space.zoo import cells as published
from tests.support.drawing import small_genome
from tests.support.exports import card
from workers.export import write

PAGE = Path(__file__).parents[2] / "docs" / "other-tools.md"


@pytest.mark.long
def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) == 10
    namespace: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), namespace)
    assert (tmp_path / "network.pt2").exists()


@pytest.mark.long
def test_captum_reads_an_exported_cell(tmp_path: Path) -> None:
    """Its activations and gradients are the network's own, and autograd's."""
    from captum.attr import IntegratedGradients, LayerActivation, Saliency

    made = build(small_genome(published.conv_gru()), seed=1)
    network = ventral.load(write(tmp_path / "cell", made.genome, made.state_dict(), card()))
    size = network.genome.image.size
    images = torch.randn(2, network.genome.image.channels, size, size)
    stage = network.genome.stages[-1].name
    last = network.genome.clock.steps - 1

    activation = LayerActivation(network, network.get_submodule(f"stages.{stage}"))
    expected = network.trace(images, [stage], [last])[stage][last]
    torch.testing.assert_close(activation.attribute(images), expected, atol=1e-5, rtol=1e-4)

    shown = images.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(network(shown)[:, 1].sum(), shown)
    saliency = Saliency(network).attribute(shown, target=1, abs=False)
    torch.testing.assert_close(saliency, gradient)

    alphas, total = (torch.arange(8) + 0.5) / 8, torch.zeros_like(images)
    for alpha in alphas:
        scaled = (alpha * images).requires_grad_()
        total += torch.autograd.grad(network(scaled)[:, 1].sum(), scaled)[0]
    attributed = IntegratedGradients(network).attribute(
        images, target=1, n_steps=8, method="riemann_middle"
    )
    torch.testing.assert_close(attributed, images * total / 8, atol=1e-5, rtol=1e-4)
