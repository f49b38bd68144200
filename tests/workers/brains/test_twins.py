from __future__ import annotations

import pytest
import torch

from space.errors import GenomeError
from space.parts import list_parts
from tests.support.networks import images_for, randomised, ten_stages
from workers.brains.agreement import compare_dynamics
from workers.brains.twins import lesion_network, trace_stages


def test_a_twin_without_a_gate_has_other_dynamics() -> None:
    network = randomised(ten_stages()).eval()
    images = images_for(network.genome, batch=12)
    # A gate that reads one source is an edge that multiplies.
    gates = [part.name for part in list_parts(network.genome) if part.name.endswith(" times")]
    twin = lesion_network(network, gates[0])
    whole, without = (trace_stages(one, images, ["conv5", "conv3"]) for one in (network, twin))
    first = network.first_valid_step("conv5")
    assert whole["conv5"].shape[:2] == (12, network.genome.clock.steps - first)
    step = first + 2
    expected = network.trace(images, ["conv5"], [step])["conv5"][step].flatten(1)
    assert whole["conv5"][:, 2] == pytest.approx(expected.detach().numpy())
    # What stands before the cells is the same in both, what they do is not.
    assert without["conv3"] == pytest.approx(whole["conv3"])
    apart = compare_dynamics(whole["conv5"], without["conv5"], rank=4, draws=20)
    itself = compare_dynamics(whole["conv5"], whole["conv5"], rank=4, draws=20)
    assert itself.distance == pytest.approx(0, abs=1e-6)
    assert apart.distance > 0.01
    assert apart.low < apart.high


def test_a_twin_keeps_the_other_weights_and_their_precision() -> None:
    network = randomised(ten_stages())
    edge = next(part.name for part in list_parts(network.genome) if part.kind == "feedback")
    twin = lesion_network(network, edge)
    whole, left = network.state_dict(), twin.state_dict()
    assert set(left) < set(whole)
    name = next(name for name in left if name.startswith("stages.conv1."))
    assert torch.equal(left[name], whole[name])
    assert left[name].dtype == torch.float64
    with pytest.raises(GenomeError, match="conv1->conv9: is no part of this network; "):
        lesion_network(network, "conv1->conv9")
