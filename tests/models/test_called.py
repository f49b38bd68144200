"""Hooks: they fire once for each step, see and may change the values, and numbers stay equal."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor, nn

from models.build import Network, build
from models.parameters import Part
from space.errors import InputError
from space.genome import Genome
from space.genomes import find_genome
from tests.support.drawing import any_genomes, genomes
from tests.support.networks import images_for, randomised, ten_stages


@pytest.fixture(scope="module")
def network() -> Network:
    return randomised(ten_stages(), seed=1).eval()


def part(network: Network, path: str) -> nn.Module:
    return network.get_submodule(path)


PARTS = {
    "stages.conv2.convolution": "conv2.input",
    "stages.conv7.cell": "conv7.out",
    "stages.conv7.cell.states.cell": "conv7.cell",
    "stages.conv7": "conv7",
    "head": "head",
}


@pytest.mark.parametrize(("path", "name"), PARTS.items())
def test_a_hook_fires_once_for_each_step_and_sees_what_is_traced(
    network: Network, path: str, name: str
) -> None:
    images, seen = images_for(network.genome), dict[int | None, Tensor]()
    without = network.step_logits(images)
    traced = network.trace(images, [name])[name]

    def hook(module: Part, _inputs: Any, output: Tensor) -> None:
        assert module is part(network, path)
        assert module.current_step == network.current_step
        assert module.current_step not in seen
        seen[module.current_step] = output

    handle = part(network, path).register_forward_hook(hook)
    try:
        torch.testing.assert_close(network.step_logits(images), without)
    finally:
        handle.remove()
    assert list(seen) == [*range(network.genome.clock.steps)]
    for step, value in seen.items():
        assert step is not None
        torch.testing.assert_close(value, traced[step])
    seen.clear()
    assert torch.equal(network.step_logits(images), without)  # planned again
    assert not seen
    assert network.current_step is None


def called_parts(network: Network, images: Tensor) -> dict[str, int]:
    """How often each part is called, in a forward pass in which all have hooks."""
    counts: dict[str, int] = {}

    def count(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, inputs: tuple[object, ...], output: object) -> None:
            assert isinstance(output, Tensor)
            assert all(isinstance(value, Tensor) for value in inputs)
            counts[name] = counts.get(name, 0) + 1

        return hook

    parts = {n: module for n, module in network.named_modules() if isinstance(module, Part)}
    handles = [module.register_forward_hook(count(name)) for name, module in parts.items()]
    network.step_logits(images)
    for handle in handles:
        handle.remove()
    return counts


def check_all_parts(genome: Genome) -> None:
    """Every part with parameters is called at every step that it has, and outputs are equal."""
    network, images = randomised(genome).eval(), images_for(genome)
    with torch.no_grad():
        plain, called = network.step_logits(images), network.hooked().step_logits(images)
        torch.testing.assert_close(called, plain, rtol=1e-9, atol=1e-9)
        counts = called_parts(network, images)
    steps = genome.clock.steps
    for name, module in network.named_modules():
        if not isinstance(module, Part) or name.startswith("decoder"):
            continue
        is_state = name.rpartition(".")[0].endswith("cell.states")
        if module.starts or is_state or name.count(".") == 1:
            first = network.first_valid_step(name.split(".")[1] if "." in name else name)
            skipped = first if genome.start == "masked" else 0
            assert counts.get(name, 0) == steps - skipped, name


@settings(max_examples=15, deadline=None)
@given(genome=genomes())
def test_every_part_of_a_usual_network_is_called_and_its_outputs_stay_equal(
    genome: Genome,
) -> None:
    check_all_parts(genome)


@settings(max_examples=15, deadline=None)
@given(genome=any_genomes())
def test_every_part_of_any_network_is_called_and_its_outputs_stay_equal(genome: Genome) -> None:
    check_all_parts(genome)


@pytest.mark.parametrize("name", ["search_128_lstm", "search_128_rgc"])
def test_a_published_network_with_hooks_puts_out_what_it_does_without(name: str) -> None:
    genome = find_genome(name).with_images(size=16, channels=3, classes=4)
    network = build(genome).eval()
    images = images_for(genome, batch=1).float()
    with torch.no_grad():
        without = network(images)
        torch.testing.assert_close(network.hooked()(images), without, rtol=1e-4, atol=1e-4)
        counts = called_parts(network, images)
    holders = {name.rpartition(".")[0] for name, _ in network.named_parameters()}
    assert {name for name in holders if not name.startswith("decoder")} <= set(counts)


def test_the_gradients_with_hooks_are_those_without(network: Network) -> None:
    images = images_for(network.genome).requires_grad_()
    tensors = [images, *network.parameters()]
    without = torch.autograd.grad(network(images).square().sum(), tensors)
    hooked = torch.autograd.grad(network.hooked()(images).square().sum(), tensors)
    for a, b in zip(without, hooked, strict=True):
        torch.testing.assert_close(a, b)


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


def test_hooks_on_all_modules_see_the_network_as_it_runs_and_the_parts_of_a_view(
    network: Network,
) -> None:
    """A profiler's hooks count what is really computed: the planned unroll."""
    modules: list[nn.Module] = []
    note: Callable[..., None] = lambda module, *_: modules.append(module)  # noqa: E731
    images, view = images_for(network.genome), network.hooked()
    handle = nn.modules.module.register_module_forward_hook(note)
    try:
        network(images)
        assert network in modules
        assert not {*modules} & {*network.stages.modules(), network.head}
        modules.clear()
        view(images)
    finally:
        handle.remove()
    steps = network.genome.clock.steps
    assert view in modules
    assert modules.count(part(network, "stages.conv7.cell")) == steps
    assert modules.count(part(network, "stages.conv7.cell.states.out.drive.0")) == steps


def test_a_view_shares_parts_weights_and_names(network: Network) -> None:
    view = network.hooked()
    assert dict(view.named_modules()).keys() == dict(network.named_modules()).keys()
    assert view.stages is network.stages
    for name, tensor in network.state_dict().items():
        assert view.state_dict()[name].data_ptr() == tensor.data_ptr()


def test_a_hook_of_a_part_that_is_never_called_is_refused_unless_all_have_one(
    network: Network,
) -> None:
    images = images_for(network.genome)
    handle = part(network, "stages.conv7.cell.states").register_forward_hook(lambda *_: None)
    try:
        with pytest.raises(InputError, match=r"stages\.conv7\.cell\.states: .*never called"):
            network(images)
        assert called_parts(network, images)["stages.conv7.cell"] > 0
    finally:
        handle.remove()


def test_a_part_is_not_called_by_others_than_its_network(network: Network) -> None:
    with pytest.raises(InputError, match="nothing outside of its network"):
        part(network, "stages.conv2")(images_for(network.genome))


def test_a_pass_that_breaks_off_leaves_no_step(network: Network) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("of the hook")

    handle = part(network, "stages.conv3").register_forward_hook(fail)
    with pytest.raises(RuntimeError, match="of the hook"):
        network(images_for(network.genome))
    handle.remove()
    assert network.current_step is None


def test_a_copy_has_hooks_of_its_own(network: Network) -> None:
    other, seen = copy.deepcopy(network), []
    part(other, "stages.conv2").register_forward_hook(lambda *_: seen.append(1))
    network(images_for(network.genome))
    assert not seen
    other(images_for(network.genome))
    assert seen


def test_a_state_that_a_hook_changed_is_what_the_stage_puts_out_and_the_next_step_reads() -> None:
    """Also where another state passes it on: that reads the state, not what the cell puts out."""
    edges = [{"add": {"of": "input"}}, {"add": {"of": "memory"}}]
    memory = {"drive": {"edges": [{"add": {"of": "new.out"}}]}}
    cell = {"states": {"out": {"drive": {"edges": edges}}, "memory": memory}, "output": "out"}
    stage = {"name": "v1", "convolution": {"width": 2}, "cell": "kept"}
    document = {"image": {"size": 4, "channels": 1}, "classes": 3, "clock": {"steps": 3}}
    genome = Genome.parse(document | {"stages": [stage], "cells": {"kept": cell}})
    network = build(genome, seed=0, dtype=torch.float64)
    images = torch.rand(2, 1, 4, 4, dtype=torch.float64)

    def lesion(_module: nn.Module, _given: Any, value: Tensor) -> Tensor:
        return 0 * value

    plain = network.trace(images, ["v1"], [0])["v1"]
    assert plain[0].abs().sum() > 0
    for path, others_pass_on in (("states.out", 0), ("", 1)):
        changed = part(network, f"stages.v1.cell.{path}".rstrip("."))
        handle = changed.register_forward_hook(lesion)
        lesioned = network.trace(images, ["v1", "v1.memory"], [0, 1])
        handle.remove()
        assert lesioned["v1"][0].abs().sum() == 0
        assert lesioned["v1"][1].abs().sum() == 0
        assert (lesioned["v1.memory"][0].abs().sum() > 0) == others_pass_on
