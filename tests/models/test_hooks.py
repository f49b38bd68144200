"""Hooks: they fire once for each step, see and may change the values, and numbers stay equal."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from models.build import Network, build
from space.errors import InputError
from space.genome import Genome
from tests.support.networks import images_for, randomised, ten_stages


@pytest.fixture(scope="module")
def network() -> Network:
    return randomised(ten_stages(), seed=1).eval()


def part(network: Network, path: str) -> nn.Module:
    return network.get_submodule(path)


PARTS = ["stages.conv2.convolution", "stages.conv7.cell", "stages.conv7", "head"]


@pytest.mark.parametrize("path", PARTS)
def test_a_hook_fires_once_for_each_step_and_sees_what_is_traced(
    network: Network, path: str
) -> None:
    images, seen = images_for(network.genome), []
    without = network.step_logits(images)
    stage, kind = path.split(".")[1] if "." in path else "head", path.rpartition(".")[2]
    name = {"convolution": f"{stage}.input", "cell": f"{stage}.out"}.get(kind, stage)
    traced = network.trace(images, [name])[name]

    def hook(module: nn.Module, _inputs: Any, output: Any) -> None:
        assert module is part(network, path)
        if isinstance(output, Tensor):
            seen.append(output)
        else:
            seen.append(output["out"] if isinstance(output, dict) else output.output)

    handle = part(network, path).register_forward_hook(hook)
    try:
        torch.testing.assert_close(network.step_logits(images), without)
    finally:
        handle.remove()
    assert len(seen) == network.genome.clock.steps
    for step, value in enumerate(seen):
        torch.testing.assert_close(value, traced[step])
    seen.clear()
    assert torch.equal(network.step_logits(images), without)  # planned again
    assert not seen


def test_a_hook_may_change_what_is_put_out_and_what_goes_in(network: Network) -> None:
    images = images_for(network.genome)
    head = part(network, "head")
    handle = head.register_forward_hook(lambda *_: torch.ones(2, 4, dtype=torch.float64))
    assert (network.step_logits(images) == 1).all()
    handle.remove()
    handle = head.register_forward_pre_hook(lambda _, given: (given[0] * 0, *given[1:]))
    bias = head.get_parameter("bias")
    torch.testing.assert_close(network.step_logits(images)[:, -1], bias.expand(2, 4))
    handle.remove()


def test_backward_hooks_fire(network: Network) -> None:
    images, seen = images_for(network.genome), []
    convolution = part(network, "stages.conv2.convolution")
    handle = convolution.register_full_backward_hook(lambda *_: seen.append("back"))
    network(images.requires_grad_()).sum().backward()
    handle.remove()
    network.zero_grad()
    assert seen


def test_hooks_on_all_modules_see_the_network_as_it_runs(network: Network) -> None:
    """A profiler's hooks count what is really computed: the planned unroll."""
    kinds: set[str] = set()
    found: Callable[..., None] = lambda module, *_: kinds.add(type(module).__name__)  # noqa: E731
    handle = nn.modules.module.register_module_forward_hook(found)
    network(images_for(network.genome))
    handle.remove()
    assert "Network" in kinds
    assert not {"CalledPart", "CellPart", "StageModule"} & kinds


def test_a_part_that_is_never_called_refuses_its_hook(network: Network) -> None:
    cell = part(network, "stages.conv7.cell")
    name, term = next((n, m) for n, m in cell.named_modules() if n.endswith("drive.0"))
    handle = term.register_forward_hook(lambda *_: None)
    try:
        with pytest.raises(InputError, match=rf"stages\.conv7\.cell\.{name}: .*never called"):
            network(images_for(network.genome))
    finally:
        handle.remove()


def test_a_copy_has_hooks_of_its_own(network: Network) -> None:
    other, seen = copy.deepcopy(network), []
    part(other, "stages.conv2").register_forward_hook(lambda *_: seen.append(1))
    network(images_for(network.genome))
    assert not seen
    other(images_for(network.genome))
    assert seen


def test_a_state_that_a_hook_changed_is_what_the_stage_puts_out_and_the_next_step_reads() -> None:
    """Also where another state passes it on."""
    edges = [{"add": {"of": "input"}}, {"add": {"of": "memory"}}]
    memory = {"drive": {"edges": [{"add": {"of": "new.out"}}]}}
    cell = {"states": {"out": {"drive": {"edges": edges}}, "memory": memory}, "output": "out"}
    stage = {"name": "v1", "convolution": {"width": 2}, "cell": "kept"}
    document = {"image": {"size": 4, "channels": 1}, "classes": 3, "clock": {"steps": 3}}
    genome = Genome.parse(document | {"stages": [stage], "cells": {"kept": cell}})
    network = build(genome, seed=0, dtype=torch.float64)
    images = torch.rand(2, 1, 4, 4, dtype=torch.float64)

    def lesion(_module: nn.Module, _given: Any, states: dict[str, Tensor]) -> dict[str, Tensor]:
        return states | {"out": 0 * states["out"]}

    plain = network.trace(images, ["v1"], [0])["v1"]
    assert plain[0].abs().sum() > 0
    handle = part(network, "stages.v1.cell").register_forward_hook(lesion)
    lesioned = network.trace(images, ["v1", "v1.memory"], [0, 1])
    handle.remove()
    assert lesioned["v1"][0].abs().sum() == 0
    assert lesioned["v1"][1].abs().sum() == 0
    assert lesioned["v1.memory"][0].abs().sum() > 0
