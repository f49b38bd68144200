"""What stands around a cell: joins of inputs, shortcuts, batch norms, residual networks."""

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor

from models.build import build
from models.reference_weights import published_state_dict
from space.errors import GenomeError
from space.genome import Genome
from space.unroll.cost import cost
from tests.support.drawing import PUBLISHED_CELLS, small_document, small_genome
from tests.support.networks import images_for, randomised


def genome_of(
    stages: list[dict[str, Any]], feedback: dict[str, bool], clock: dict[str, int] | None = None
) -> Genome:
    document = small_document(PUBLISHED_CELLS["rgc_median"], stages=stages)
    changes = {"clock": clock} if clock else {}
    return Genome.parse(document | {"feedback": feedback} | changes)


# Joins


def joined(join: Any, **changes: Any) -> Genome:
    """Four stages; conv2 reads conv1 (4 channels) and the feedback of conv3 (6) and conv4 (4)."""
    stages: list[dict[str, Any]] = [
        {"name": "conv1", "convolution": {"width": 4}, "pool": {}},
        {"name": "conv2", "convolution": {"width": 6}, "join": join, "pool": {}},
        {"name": "conv3", "convolution": {"width": 6}},
        {"name": "conv4", "convolution": {"width": 4}, "pool": {}},
    ]
    stages[1] |= changes
    return genome_of(stages, {"conv3->conv2": True, "conv4->conv2": True})


def resized(x: Tensor) -> Tensor:
    return functional.interpolate(x, size=(6, 6), mode="bilinear", align_corners=True)


@pytest.mark.parametrize("kind", ["add", "multiply"])
def test_inputs_are_resized_projected_and_joined(kind: str) -> None:
    """Only those whose channels differ from the feedforward input's are projected."""
    network = randomised(joined(kind))
    names = {n for n, _ in network.named_parameters() if "join" in n}
    assert names == {f"stages.conv2.join.conv3.{part}" for part in ("kernel", "bias")}
    with torch.no_grad():
        trace = network.trace(
            images_for(network.genome), ["conv1", "conv2.input", "conv3", "conv4"]
        )
        kernel, bias = (
            network.get_parameter(f"stages.conv2.join.conv3.{p}") for p in ("kernel", "bias")
        )
        first = trace["conv1"][3]
        third = functional.conv2d(resized(trace["conv3"][3]), kernel, bias)
        fourth = resized(trace["conv4"][3])
        x = first + third + fourth if kind == "add" else first * third * fourth
        part = network.stages["conv2"]
        expected = functional.conv2d(
            x,
            part.get_parameter("convolution.kernel"),
            part.get_parameter("convolution.bias"),
            padding=1,
        )
    assert torch.allclose(trace["conv2.input"][4], expected)


@pytest.mark.parametrize("kind", ["add", "multiply"])
def test_a_join_may_have_channels_of_its_own(kind: str) -> None:
    network = randomised(joined({"kind": kind, "channels": 6}))
    names = {n.split(".")[3] for n, _ in network.named_parameters() if "join" in n}
    assert names == {"conv1", "conv4"}
    assert network.get_parameter("stages.conv2.convolution.kernel").shape == (6, 6, 3, 3)
    assert sum(p.numel() for p in network.parameters()) == cost(network.genome).parameters


def test_the_joined_input_is_the_residual_and_no_feedback_reaches_the_cell() -> None:
    genome = joined("add", cell="motif", residual=True)
    network = randomised(genome)
    names = [n for n, _ in network.named_parameters()]
    assert "stages.conv2.cell.states.out.drive.2.kernel" not in names  # the cell's feedback
    with torch.no_grad():
        trace = network.trace(
            images_for(genome), ["conv1", "conv2", "conv2.out", "conv3", "conv4"]
        )
        kernel, bias = (
            network.get_parameter(f"stages.conv2.join.conv3.{p}") for p in ("kernel", "bias")
        )
        x = trace["conv1"][3] + resized(trace["conv4"][3])
        x = x + functional.conv2d(resized(trace["conv3"][3]), kernel, bias)
        shortcut = functional.conv2d(x, network.get_parameter("stages.conv2.residual.kernel"))
        expected = functional.max_pool2d(trace["conv2.out"][4] + shortcut, 2)
    assert torch.allclose(trace["conv2"][4], expected)


def test_convolutions_of_a_join_start_as_published_and_are_not_decayed() -> None:
    network = build(joined("add"))
    decays = network.decays()
    assert decays["stages.conv2.join.conv3.kernel"] == decays["stages.conv2.join.conv3.bias"] == 0
    assert not network.get_parameter("stages.conv2.join.conv3.bias").any()
    kernel = network.get_parameter("stages.conv2.join.conv3.kernel")
    limit = (6 / (6 + 4)) ** 0.5  # Glorot uniform
    assert 0.5 * limit < kernel.detach().abs().max().item() <= limit


def test_a_join_takes_the_published_variables() -> None:
    genome = joined("multiply")
    generator = torch.Generator().manual_seed(0)
    kernel = torch.randn(1, 1, 6, 4, generator=generator)
    variables = {
        "conv2/conv_to_conv_harbor_for_conv3/weights": kernel.numpy(),
        "conv2/conv_to_conv_harbor_for_conv3/bias": torch.ones(4).numpy(),
    }
    state = published_state_dict(genome, variables)
    assert torch.equal(state["stages.conv2.join.conv3.kernel"][:, :, 0, 0], kernel[0, 0].T)
    assert state["stages.conv2.join.conv3.bias"].tolist() == [1.0] * 4


def test_a_convolution_that_reads_feedback_takes_a_published_kernel_for_each_input() -> None:
    """The feedforward input's first, then those of the feedback in string order."""
    genome = joined("concat", convolution={"width": 6, "reads_feedback": True})
    parts = [torch.full((3, 3, ins, 6), float(ins)).numpy() for ins in (4, 6, 3)]
    names = ("weights_0", "weights_basenet", "weights_1")
    published = {f"conv2/pre_0/{n}": parts[i] for n, i in zip(names, (1, 0, 2), strict=True)}
    kernel = published_state_dict(genome, published)["stages.conv2.convolution.kernel"]
    assert kernel[0, :, 0, 0].tolist() == [4.0] * 4 + [6.0] * 6 + [3.0] * 3


def test_a_join_without_feedback_is_the_input_itself() -> None:
    plain, summed = (
        Genome.parse(joined(join).document() | {"feedback": {}}) for join in ("concat", "add")
    )
    first, second = build(plain, dtype=torch.float64), build(summed, dtype=torch.float64)
    second.load_state_dict(first.state_dict())
    with torch.no_grad():
        assert torch.equal(first(images_for(plain)), second(images_for(plain)))


@pytest.mark.parametrize(
    ("join", "changes", "message"),
    [
        ("concatenate", {}, r"stages\[1\]\.join"),
        ({"kind": "concat", "channels": 3}, {}, "the channels of its inputs"),
        (
            "add",
            {"convolution": {"width": 6, "reads_feedback": True}},
            "reads the feedback already",
        ),
    ],
)
def test_joins_that_cannot_be_are_refused(join: Any, changes: Any, message: str) -> None:
    with pytest.raises(GenomeError, match=message):
        joined(join, **changes)


# Shortcuts


def block(residual: Any, **changes: Any) -> Genome:
    stages: list[dict[str, Any]] = [
        {"name": "conv1", "convolution": {"width": 4}},
        {
            "name": "conv2",
            "convolution": {"width": 4, "stride": 2, "activation": "relu"},
            "second": {"width": 4},
            "residual": residual,
            "activation": "relu",
        },
    ]
    stages[1] |= changes
    return genome_of(stages, {}, {"steps": 4})


@pytest.mark.parametrize("by", ["resize", "stride"])
def test_a_shortcut_across_a_stride_is_convolved(by: str) -> None:
    """Also where the channels are the same, as in the reference and in a ResNet."""
    network = randomised(block({"by": by}))
    kernel = network.get_parameter("stages.conv2.residual.kernel")
    assert kernel.shape == (4, 4, 1, 1)
    with torch.no_grad():
        trace = network.trace(images_for(network.genome), ["conv1", "conv2"])
        part, before = network.stages["conv2"], trace["conv1"][1]
        x = functional.pad(before, (0, 1, 0, 1))
        x = functional.conv2d(x, part.get_parameter("convolution.kernel"),
                              part.get_parameter("convolution.bias"), stride=2).relu()  # fmt: skip
        x = functional.conv2d(x, part.get_parameter("second.kernel"),
                              part.get_parameter("second.bias"), padding=1)  # fmt: skip
        if by == "stride":
            shortcut = functional.conv2d(before, kernel, stride=2)
        else:
            shortcut = functional.conv2d(resized(before), kernel)
    assert torch.allclose(trace["conv2"][2], (x + shortcut).relu())


def test_true_is_the_published_shortcut() -> None:
    plain, written = block(True), block({"by": "resize"})
    first, second = randomised(plain), randomised(written)
    with torch.no_grad():
        assert torch.equal(first(images_for(plain)), second(images_for(plain)))
    assert plain.digest == written.digest != block({"by": "stride"}).digest
    assert Genome.parse(block({"by": "stride", "norm": "batch"}).document()).stages[1].shortcut


# Batch norm


def normed(**norm: Any) -> Genome:
    batch = {"kind": "batch"} | norm
    return block(
        {"by": "stride", "norm": batch},
        convolution={"width": 4, "stride": 2, "norm": batch, "activation": "relu"},
        second={"width": 4, "norm": {"kind": "batch", "gain": 0.0}},
    )


def test_each_step_moves_the_running_averages_and_evaluation_reads_them() -> None:
    """conv2 runs at every step, on zeros and biases before the image: all of them count."""
    genome = normed()
    network, images = randomised(genome), images_for(genome)
    network.train()
    trace = network.trace(images, ["conv1"])
    mean = torch.zeros(4, dtype=torch.float64)
    variance = torch.ones(4, dtype=torch.float64)
    kernel = network.get_parameter("stages.conv2.residual.kernel")
    for t in range(genome.clock.steps):
        before = trace["conv1"][t - 1] if t else torch.zeros_like(trace["conv1"][0])
        x = functional.conv2d(before, kernel, stride=2)
        mean = 0.9 * mean + 0.1 * x.mean((0, 2, 3))
        variance = 0.9 * variance + 0.1 * x.var((0, 2, 3))
    buffers = dict(network.named_buffers())
    assert torch.allclose(buffers["stages.conv2.residual.norm.running_mean"], mean)
    assert torch.allclose(buffers["stages.conv2.residual.norm.running_variance"], variance)
    network.eval()
    kept = {name: value.clone() for name, value in buffers.items()}
    with torch.no_grad():
        whole = network(images)
        single = torch.cat([network(image[None]) for image in images])
    assert torch.allclose(whole, single)
    assert all(torch.equal(value, kept[name]) for name, value in network.named_buffers())


def test_a_masked_stage_averages_over_the_steps_that_the_image_has_reached() -> None:
    """conv2 sees the image from step 1 on; a constant one, at each of the three steps."""
    document = normed().document() | {"start": "masked", "clock": {"steps": 4}}
    network = randomised(Genome.parse(document)).train()
    images = images_for(network.genome)
    before = network.trace(images, ["conv1"])["conv1"][0]
    x = functional.conv2d(before, network.get_parameter("stages.conv2.residual.kernel"), stride=2)
    found = dict(network.named_buffers())["stages.conv2.residual.norm.running_mean"]
    assert torch.allclose(found, (1 - 0.9**3) * x.mean((0, 2, 3)))


def test_running_averages_are_in_the_state_dict_and_are_no_parameters() -> None:
    network = randomised(normed())
    network.train()(images_for(network.genome))
    names = {name for name in network.state_dict() if "running" in name}
    assert len(names) == 6
    assert names.isdisjoint(dict(network.named_parameters()))
    assert sum(p.numel() for p in network.parameters()) == cost(network.genome).parameters
    twin = build(network.genome, dtype=torch.float64)
    twin.load_state_dict(copy.deepcopy(network.state_dict()))
    images = images_for(network.genome)
    with torch.no_grad():
        assert torch.equal(twin.eval()(images), network.eval()(images))


def test_gains_start_where_they_are_told_to_and_are_not_decayed() -> None:
    network = build(normed(gain=0.1, shift=0.2))
    first = network.get_parameter("stages.conv2.convolution.norm.gain")
    assert torch.equal(first, torch.full((4,), 0.1))
    assert torch.equal(
        network.get_parameter("stages.conv2.convolution.norm.shift"), torch.full((4,), 0.2)
    )
    assert not network.get_parameter("stages.conv2.second.norm.gain").any()
    assert {d for n, d in network.decays().items() if "norm" in n} == {0.0}


def test_a_cell_with_batch_norm_learns_and_is_evaluated() -> None:
    cell = {
        "states": {
            "hidden": {
                "carry": {"gate": {"terms": [{"of": "hidden", "kernel": 3, "norm":
                                              {"kind": "batch", "gain": 0.1}, "bias": False}]}},
                "drive": {"edges": [{"add": {"of": "input"}}]},
                "norm": "batch",
                "activation": "elu",
            }
        },
        "output": "hidden",
    }  # fmt: skip
    document = small_genome(PUBLISHED_CELLS["ugrnn"]).document()
    genome = Genome.parse(document | {"cells": {"motif": cell}})
    network, images = randomised(genome), images_for(genome)
    network.train()(images).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
    with torch.no_grad():
        trained, evaluated = network(images), network.eval()(images)
    assert not torch.allclose(trained, evaluated)


@pytest.mark.parametrize(
    "norm",
    [{"kind": "batch", "groups": 2}, {"kind": "layer", "interleaved": True}, {"kind": "bath"},
     {"kind": "batch", "momentum": 0.0}],
)  # fmt: skip
def test_norms_that_cannot_be_are_refused(norm: Any) -> None:
    with pytest.raises(GenomeError):
        block(True, second={"width": 4, "norm": norm})


# Residual networks


def resnet(blocks: tuple[int, int, int, int]) -> Genome:
    """torchvision's layout, a basic block a stage. Padding is SAME: of a stride of 2 on an even
    map it is (0, 1) where torchvision pads (1, 1); counts are the same.
    """
    batch = {"bias": False, "norm": "batch"}
    stages: list[dict[str, Any]] = [
        {
            "name": "conv1",
            "convolution": {"width": 64, "kernel": 7, "stride": 2, "activation": "relu"} | batch,
            "pool": {"kernel": 3, "stride": 2},
        }
    ]
    for level, count in enumerate(blocks):
        for place in range(count):
            width, stride = 64 * 2**level, 2 if level and not place else 1
            stages.append(
                {
                    "name": f"block{level}_{place}",
                    "convolution": {"width": width, "stride": stride, "activation": "relu"}
                    | batch,
                    "second": {"width": width} | batch,
                    "residual": {"by": "stride", "norm": "batch"},
                    "activation": "relu",
                }
            )
    return Genome.parse({"stages": stages, "clock": {"steps": len(stages) + 1}})


@pytest.mark.parametrize(
    ("blocks", "parameters", "macs"),
    [((2, 2, 2, 2), 11_689_512, 1_814_073_344), ((3, 4, 6, 3), 21_797_672, 3_663_761_408)],
    ids=["resnet18", "resnet34"],
)
def test_a_residual_network_has_torchvisions_parameters(
    blocks: tuple[int, int, int, int], parameters: int, macs: int
) -> None:
    genome = resnet(blocks)
    assert cost(genome).parameters == parameters
    assert cost(genome).macs == genome.clock.steps * macs  # the literal unroll: every step


def test_a_residual_network_is_built_with_these_parameters() -> None:
    network = build(resnet((2, 2, 2, 2)))
    assert sum(p.numel() for p in network.parameters()) == 11_689_512
    assert network.stages["block1_0"].get_parameter("residual.kernel").shape == (128, 64, 1, 1)
    assert [
        n for n, _ in network.named_parameters() if n.startswith("stages.block0_0.residual")
    ] == []
