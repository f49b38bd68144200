"""The literal execution: what reads what, when the image arrives, and what is there before it."""

import copy

import pytest
import torch
import torch.nn.functional as functional
from hypothesis import given, settings
from torch import Tensor

from models.build import Network, build
from models.literal import StageModule, StageStep
from models.operations import Setting
from space.errors import InputError
from space.genome import Genome
from space.network.sizes import layout
from space.unroll.plan import Unroll
from space.zoo import cells as published
from tests.support.drawing import PUBLISHED_CELLS, genomes, small_genome
from tests.support.networks import images_for, randomised, ten_stages


class Recursion:
    """What every node puts out at every step, as a function of what stood at the step before:
    section 3 of the science, with the modules of the network's stages for what an arrow computes.
    """

    def __init__(self, network: Network, images: Tensor) -> None:
        self.genome, self.network, self.images = network.genome, network, images
        self.names = [stage.name for stage in network.genome.stages]
        self.layout = {shape.stage.name: shape for shape in layout(network.genome).stages}
        self.setting = Setting(like=images, layout=torch.contiguous_format, defers=False)
        self.known: dict[tuple[str, int], StageStep] = {}

    def node(self, name: str, t: int) -> StageStep:
        if (name, t) not in self.known:
            self.known[name, t] = self.computed(name, t)
        return self.known[name, t]

    def senders(self, name: str) -> list[str]:
        """The stages that stand before a stage, feedforward and feedback."""
        place = self.names.index(name)
        edges = [key.split("->") for key, there in self.genome.feedback.items() if there]
        fed = sorted(sender for sender, receiver in edges if receiver == name)
        return [*([self.names[place - 1]] if place else []), *fed]

    def computed(self, name: str, t: int) -> StageStep:
        module, place = self.network.stages[name], self.names.index(name)
        assert isinstance(module, StageModule)
        shape, clock = self.layout[name], self.genome.clock
        masked = self.genome.start == "masked" and t < clock.image_on + place
        if t < 0 or masked:
            depths = {} if shape.cell is None else shape.cell.depths
            states = {state: self.zeros(shape.convolution.size, d) for state, d in depths.items()}
            zeros = self.zeros(shape.output.size, shape.output.channels)
            return StageStep(input=zeros, states=states, output=zeros)
        off = clock.steps if clock.image_off is None else clock.image_off
        on = clock.image_on <= t < off
        frame = self.images if on else torch.full_like(self.images, clock.blank)
        given: dict[str | None, Tensor] = {} if place else {None: frame}
        given |= {sender: self.node(sender, t - 1).output for sender in self.senders(name)}
        states = self.node(name, t - 1).states
        own = {f"{name}.{state}": value for state, value in states.items()}
        assert set(module.reads) <= {*given, *own}
        # A cell need not read feedback that arrives; its convolution reads what is before it.
        assert (self.names[place - 1] if place else None) in module.reads
        inputs = [(given | own)[read] for read in module.reads]
        step: StageStep = module.compute(*inputs, ready=module.prepare(self.setting))
        return step

    def zeros(self, size: int, channels: int) -> Tensor:
        return self.images.new_zeros(len(self.images), channels, size, size)

    def logits(self, t: int) -> Tensor:
        head = self.network.head
        read = self.node(self.names[-1], t - 1).output
        answer: Tensor = head.compute(read, ready=head.prepare(self.setting))
        unreached = t < self.genome.clock.image_on + len(self.names)
        masked = self.genome.start == "masked" and unreached
        return torch.zeros_like(answer) if masked else answer


@settings(max_examples=25, deadline=None)
@given(genome=genomes())
def test_the_unroll_reads_the_step_before(genome: Genome) -> None:
    network, images = randomised(genome), images_for(genome)
    with torch.no_grad():
        ours = network.step_logits(images)
        trace = network.trace(images)
        assert torch.allclose(network(images), ours[:, -1], rtol=1e-12, atol=1e-12)
        recursion = Recursion(network, images)
        for t in range(genome.clock.steps):
            assert torch.allclose(ours[:, t], recursion.logits(t), rtol=1e-9, atol=1e-9)
            for name, steps in trace.items():
                assert torch.allclose(steps[t], recursion.node(name, t).output, rtol=1e-9)


def test_an_arrow_is_a_step() -> None:
    """A chain of identities hands the frame on by one stage a step; the first has no delay."""
    stage = {"convolution": {"width": 1, "kernel": 1, "bias": False}}
    genome = Genome.parse(
        {
            "image": {"size": 4, "channels": 1},
            "classes": 2,
            "clock": {"steps": 5, "image_off": 1},
            "stages": [{"name": f"s{i}"} | stage for i in range(3)],
        }
    )
    network, images = build(genome, dtype=torch.float64), images_for(genome)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.startswith("stages"):
                parameter.fill_(1.0)
        trace = network.trace(images)
    for i in range(3):
        for t in range(5):
            expected = images if t == i else torch.full_like(images, 0.5 if t > i else 0.0)
            assert torch.equal(trace[f"s{i}"][t], expected), (i, t)


def test_masked_start_holds_nodes_at_zero_until_the_image_arrives() -> None:
    network = randomised(ten_stages(start="masked"))
    images = images_for(network.genome)
    with torch.no_grad():
        trace = network.trace(images, ["conv4", "conv4.out", "conv9", "head"])
    for name, first in (("conv4", 3), ("conv4.out", 3), ("conv9", 8), ("head", 10)):
        for t in range(17):
            assert bool((trace[name][t] == 0).all()) == (t < first), (name, t)


@pytest.mark.parametrize("start", ["zeros", "masked"])
@pytest.mark.parametrize("image_on", [0, 2])
def test_first_valid_step_is_the_first_that_depends_on_the_image(
    start: str, image_on: int
) -> None:
    clock = {"steps": 14, "image_on": image_on, "image_off": 12}
    network = randomised(ten_stages(start=start, clock=clock))
    images = images_for(network.genome)
    names = [stage.name for stage in network.genome.stages] + ["head"]
    with torch.no_grad():
        trace, other = network.trace(images, names), network.trace(images + 0.5, names)
    for place, name in enumerate(names):
        depends = [t for t in range(14) if not torch.equal(trace[name][t], other[name][t])]
        assert depends[0] == network.first_valid_step(name) == image_on + place


def test_feedback_arrives_one_step_after_it_was_put_out() -> None:
    """Without the edge conv2 is the same until conv3's first output has reached it."""
    on, off = (small_genome(PUBLISHED_CELLS["rgc_median"], feedback=f) for f in (True, False))
    first, second = randomised(on), build(off, dtype=torch.float64)
    weights = first.state_dict()
    second.load_state_dict({name: weights[name] for name in second.state_dict()})
    with torch.no_grad():
        for name, parameter in first.named_parameters():
            if name.endswith("out.drive.2.bias"):
                parameter.zero_()  # the edge's own bias acts from step 0
        with_edge = first.trace(images_for(on), ["conv2"])["conv2"]
        without = second.trace(images_for(off), ["conv2"])["conv2"]
    assert torch.equal(with_edge[0], without[0])
    assert not torch.allclose(with_edge[1], without[1])


def test_trace_gives_states_and_what_the_cell_reads() -> None:
    network = randomised(small_genome(PUBLISHED_CELLS["conv_lstm"]))
    images = images_for(network.genome)
    with torch.no_grad():
        trace = network.trace(images, ["conv3", "conv3.hidden", "conv3.cell", "conv3.input"], [5])
    assert torch.equal(trace["conv3"][5], trace["conv3.hidden"][5])
    assert trace["conv3.cell"][5].shape == (2, 6, 3, 3)
    assert trace["conv3.input"][5].shape == (2, 6, 3, 3)
    assert not torch.equal(trace["conv3.cell"][5], trace["conv3.hidden"][5])


def test_trace_refuses_what_does_not_exist() -> None:
    network = build(small_genome(PUBLISHED_CELLS["conv_lstm"]))
    images = images_for(network.genome).float()
    with pytest.raises(InputError, match="no stage"):
        network.trace(images, ["conv7"])
    with pytest.raises(InputError, match="input, cell, hidden"):
        network.trace(images, ["conv2.memory"])
    with pytest.raises(InputError, match="6 steps"):
        network.trace(images, ["conv2"], [6])
    with pytest.raises(InputError, match="give 1 or later"):
        network.trace(images, ["conv2"], [0], informed=True)
    assert list(network.trace(images, ["conv2"], informed=True)["conv2"]) == [1, 2, 3, 4, 5]


def test_images_of_another_shape_are_refused() -> None:
    network = build(small_genome(PUBLISHED_CELLS["ugrnn"]))
    with pytest.raises(InputError, match=r"give \[batch, 2, 12, 12\]"):
        network(torch.zeros(1, 2, 16, 16))


def test_the_network_knows_its_images() -> None:
    network = build(small_genome(PUBLISHED_CELLS["ugrnn"]))
    assert (network.image_size, network.image_channels, network.classes) == (12, 2, 5)
    assert network.genome == small_genome(PUBLISHED_CELLS["ugrnn"])


@pytest.mark.parametrize("name", PUBLISHED_CELLS)
def test_gradients_reach_every_parameter(name: str) -> None:
    network = randomised(small_genome(PUBLISHED_CELLS[name]))
    network(images_for(network.genome)).square().sum().backward()
    for parameter_name, parameter in network.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.abs().max() > 0, parameter_name


def test_gradients_are_those_of_finite_differences() -> None:
    network = randomised(small_genome(PUBLISHED_CELLS["conv_lstm_full"]))
    images = images_for(network.genome)
    network(images).square().sum().backward()
    parameter = dict(network.named_parameters())["stages.conv2.cell.states.cell.drive.0.kernel"]
    assert parameter.grad is not None
    with torch.no_grad():
        values = []
        for shift in (1e-6, -2e-6):
            parameter[1, 2, 0, 1] += shift
            values.append(float(network(images).square().sum()))
    slope = (values[0] - values[1]) / 2e-6
    assert float(parameter.grad[1, 2, 0, 1]) == pytest.approx(slope, rel=1e-4)


@pytest.mark.parametrize("form", ["mean_linear", "convolution_mean", "flatten_linear"])
def test_head_forms(form: str) -> None:
    network = randomised(small_genome(PUBLISHED_CELLS["ugrnn"], head={"form": form, "kernel": 2}))
    images = images_for(network.genome)
    with torch.no_grad():
        trace = network.trace(images, ["conv3", "head"], [4, 5])
    kernel, bias = (network.get_parameter(f"head.{part}") for part in ("kernel", "bias"))
    x, k = trace["conv3"][4].permute(0, 2, 3, 1), kernel.detach()
    if form == "mean_linear":
        expected = x.mean((1, 2)) @ k.T
    elif form == "flatten_linear":
        expected = x.reshape(2, -1) @ k.T
    else:
        patches = [x[:, i : i + 2, j : j + 2] for i in range(2) for j in range(2)]
        expected = torch.stack([torch.einsum("bhwc,nchw->bn", p, k) for p in patches]).mean(0)
    assert torch.allclose(trace["head"][5], expected + bias.detach())


@pytest.mark.parametrize("name", ["conv_lstm_full", "conv_gru", "rgc_median"])
def test_autocast_keeps_integrating_states_and_logits_in_their_type(name: str) -> None:
    network = build(small_genome(PUBLISHED_CELLS[name]))
    images = images_for(network.genome).float()
    with torch.no_grad():
        plain = network.step_logits(images)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = network.step_logits(images)
        kept = {"conv_lstm_full": "cell", "conv_gru": "hidden", "rgc_median": "out"}[name]
        state = network.trace(images, [f"conv3.{kept}"], [5])[f"conv3.{kept}"][5]
    assert logits.dtype == state.dtype == torch.float32
    assert torch.allclose(logits.detach(), plain, atol=0.05 * float(plain.abs().max()))
    logits.square().sum().backward()
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in network.parameters())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", PUBLISHED_CELLS)
def test_a_gpu_gives_the_same_numbers_in_every_layout(name: str) -> None:
    network = build(small_genome(PUBLISHED_CELLS[name])).cuda()
    images = images_for(network.genome).float().cuda()
    last = images.to(memory_format=torch.channels_last)
    with torch.no_grad():
        plain = network(images)
        assert torch.allclose(network.cpu()(images.cpu()), plain.cpu(), atol=1e-4)
        network.cuda()
        assert torch.allclose(network(last), plain, atol=1e-4)
    with torch.autocast("cuda", dtype=torch.bfloat16):
        logits = network(last)
    assert logits.dtype == torch.float32
    assert torch.allclose(logits.detach(), plain, atol=0.05 * plain.abs().max().item())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_layouts_give_the_same_numbers(dtype: torch.dtype) -> None:
    network = build(small_genome(PUBLISHED_CELLS["rgc_median"]), dtype=dtype)
    images = images_for(network.genome).to(dtype)
    with torch.no_grad():
        plain = network(images)
        last = network(images.to(memory_format=torch.channels_last))
    assert torch.allclose(plain, last, atol=1e-6)


def test_a_network_can_be_copied_and_saved() -> None:
    network = build(small_genome(PUBLISHED_CELLS["conv_gru"]))
    images = images_for(network.genome).float()
    twin = copy.deepcopy(network)
    with torch.no_grad():
        expected = network(images)
        for parameter in network.parameters():
            parameter.zero_()
        assert torch.equal(twin(images), expected)
        assert not torch.equal(network(images), expected)
        network.load_state_dict(twin.state_dict())
        assert torch.equal(network(images), expected)


def test_a_stage_with_everything_in_it() -> None:
    """Convolution, norm, activation; cell; second convolution, norm, activation; residual,
    resized and projected; activation; pool: in this order.
    """
    cell = published.feedforward("tanh")
    genome = small_genome(
        cell,
        stages=[
            {"name": "conv1", "convolution": {"width": 4, "kernel": 1}},
            {
                "name": "conv2",
                "convolution": {"width": 6, "stride": 2, "norm": "layer", "activation": "relu",
                                "reads_feedback": True},
                "cell": "motif",
                "second": {"width": 8, "kernel": 2, "norm": {"kind": "group", "groups": 2},
                           "activation": "elu"},
                "residual": True,
                "activation": "tanh",
                "pool": {"kernel": 3, "kind": "mean"},
            },
            {"name": "conv3", "convolution": {"width": 3}},
        ],
    )  # fmt: skip
    network = randomised(genome)
    weight = {name: value.detach() for name, value in network.named_parameters()}

    def of(part: str) -> Tensor:
        return weight[f"stages.conv2.{part}"]

    with torch.no_grad():
        trace = network.trace(images_for(genome))
        before, fed = trace["conv1"][2], trace["conv3"][2]
        fed = functional.interpolate(fed, size=(12, 12), mode="bilinear", align_corners=True)
        x = functional.pad(torch.cat((before, fed), 1), (0, 1, 0, 1))
        x = functional.conv2d(x, of("convolution.kernel"), of("convolution.bias"), stride=2)
        x = functional.group_norm(
            x, 1, of("convolution.norm.gain"), of("convolution.norm.shift"), 1e-12
        )
        x = functional.pad(torch.tanh(torch.relu(x)), (0, 1, 0, 1))
        x = functional.conv2d(x, of("second.kernel"), of("second.bias"))
        x = functional.group_norm(x, 2, of("second.norm.gain"), of("second.norm.shift"), 1e-5)
        small = functional.interpolate(before, size=(6, 6), mode="bilinear", align_corners=True)
        x = torch.tanh(functional.elu(x) + functional.conv2d(small, of("residual.kernel")))
        expected = functional.avg_pool2d(x, 3, 2, ceil_mode=True)
    assert torch.allclose(trace["conv2"][3], expected)


@pytest.mark.parametrize("unroll", ["literal", "planned"])
@pytest.mark.parametrize("absent", ["feedback", "out"])
def test_a_norm_of_what_is_absent_or_zero_has_a_backward_pass(unroll: Unroll, absent: str) -> None:
    """In float32 and channels-last, as a CPU trains."""
    terms = [{"of": absent, "kernel": 3}, {"of": "input", "after_norm": True}]
    drive = {"norm": "layer", "edges": [{"add": term} for term in terms]}
    cell = {"states": {"out": {"drive": drive}}, "output": "out"}
    stage = {"name": "v1", "convolution": {"width": 4}, "cell": "normed"}
    document = {"image": {"size": 6, "channels": 2}, "classes": 3, "clock": {"steps": 3}}
    genome = Genome.parse(document | {"stages": [stage], "cells": {"normed": cell}})
    network = build(genome, seed=0, unroll=unroll)
    network(torch.rand(4, 2, 6, 6)).sum().backward()
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    assert gradients
    assert all(bool(gradient.isfinite().all()) for gradient in gradients)
