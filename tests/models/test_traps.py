"""The ten traps of a re-implementation, one test each (science: section 9).

Each is a mistake that runs without an error and gives other numbers.
"""

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor

from models.build import Network, build
from models.literal import CellModule
from space import zoo
from space.genome import Genome
from space.network.grammar import Cell, Norm, State, Term, as_document
from space.network.maps import Map, same_padding
from space.network.sizes import layout
from space.unroll.cost import cost
from space.zoo import cells as published
from space.zoo import reciprocal_gated as reciprocal
from tests.support.networks import images_for, randomised, ten_stages

SIZE, DEPTH = 5, 4
INPUT = {"input": Map(size=SIZE, channels=DEPTH)}
RESIDUAL = {"residual": Map(size=SIZE, channels=DEPTH)}


def made(cell: Cell, sources: dict[str, Map] | None = None) -> CellModule:
    module = CellModule(cell, INPUT if sources is None else sources, dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(0.4 * torch.randn(parameter.shape, generator=generator))
    return module


def drawn(module: CellModule) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Sources and states of a step."""
    generator = torch.Generator().manual_seed(1)

    def value(channels: int) -> Tensor:
        return torch.randn((2, channels, SIZE, SIZE), generator=generator, dtype=torch.float64)

    sources = {name: value(m.channels) for name, m in module.sources.items()}
    return sources, {name: value(depth) for name, depth in module.shape.depths.items()}


def stepped(cell: Cell, sources: dict[str, Map] | None = None) -> dict[str, Tensor]:
    module = made(cell, sources)
    with torch.no_grad():
        return module.step(*drawn(module))


def test_trap_1_same_padding_is_asymmetric() -> None:
    """The odd pixel comes after, and a pool pads with minus infinity."""
    assert same_padding(224, 7, 2) == same_padding(128, 7, 2) == (2, 3)
    assert same_padding(7, 2, 2) == same_padding(32, 3, 2) == same_padding(14, 2, 1) == (0, 1)
    assert (same_padding(14, 4, 1), same_padding(14, 8, 1)) == ((1, 2), (3, 4))
    first = {"width": 1, "kernel": 7, "stride": 2, "bias": False}
    genome = Genome.parse(
        {
            "image": {"size": 14, "channels": 1},
            "stages": [{"name": "conv1", "convolution": first, "pool": {}}],
            "clock": {"steps": 2},
        }
    )
    network = build(genome, dtype=torch.float64)
    with torch.no_grad():
        network.get_parameter("stages.conv1.convolution.kernel").fill_(1.0)
        ones = -torch.ones(1, 1, 14, 14, dtype=torch.float64)
        trace = network.trace(ones, ["conv1", "conv1.input"], [0])
    counted = trace["conv1.input"][0][0, 0]  # how many pixels lie under each kernel
    assert [counted[i, i].item() for i in (0, 3, -1)] == [-25, -49, -16]
    assert trace["conv1"][0].shape[-1] == 4
    assert trace["conv1"][0][0, 0, -1, -1] == -16  # a padded zero would win


def test_trap_2_biases_that_stand_in_the_configuration_and_do_not_act() -> None:
    """The median's 4.147 and 2.777 are inert; each of its convolutions but the residual 1x1 has
    one bias, separable ones too; the shallow model's have none; the classifier's starts at 1.
    """
    cell = reciprocal.rgc_median(cell_depth=3)
    sources = INPUT | {"residual": Map(size=SIZE, channels=3)}
    document = as_document(cell)
    for state in ("cell", "out"):
        constant = document["states"][state]["carry"]["gate"].pop("bias")
        assert constant == reciprocal.MEDIAN_TAU_BIAS
        edge = document["states"][state]["drive"]["edges"][-1]["multiply"]
        assert edge.pop("bias") == reciprocal.MEDIAN_GATE_BIAS
    silent = stepped(Cell.model_validate(document), sources)
    assert all(torch.equal(silent[k], v) for k, v in stepped(cell, sources).items())
    names = [name.rpartition(".") for name, _ in made(cell, sources).named_parameters()]
    biased = {term for term, _, last in names if last == "bias"}
    assert {term for term, _, _ in names} - biased == {"states.out.drive.1"}  # the residual
    assert len(biased) == sum(last == "bias" for _, _, last in names) == 6
    shallow = made(reciprocal.rgc_shallow(), INPUT | RESIDUAL)
    assert not any(name.endswith("bias") for name, _ in shallow.named_parameters())
    head = zoo.model("rgc_intermediate").genome.head
    assert head.weights.bias_initial == 1.0


def test_trap_3_separable_kernels_are_cut_to_the_map() -> None:
    """One genome has other shapes at another image size: 7x7 is 4x4 in conv8-10 at 128 px."""
    network = zoo.model("rgc_intermediate").genome
    kernels = {}
    for size in (224, 128):
        shapes = layout(network.with_images(size=size, channels=3, classes=1000)).stages
        kernels[size] = [s.cell.gates["out/0"][0].kernel for s in shapes if s.cell is not None]
    assert kernels == {224: [7] * 7, 128: [7] * 4 + [4] * 3}
    small = network.with_images(size=64, channels=3, classes=1000)
    assert (cost(network).parameters, cost(small).parameters) == (15_445_800, 15_292_200)
    full = {"input": Map(size=2, channels=DEPTH)}
    lstm = CellModule(published.conv_lstm(kernel=3), full)  # full kernels are not cut
    assert lstm.get_parameter("states.cell.drive.0.kernel").shape[-1] == 3


def test_trap_4_both_halves_are_updated_at_once_from_old_values() -> None:
    """The output of a step does not depend on the cell state of that step; the LSTM's output
    peephole reads the old c, and the normed c is the one that is kept.
    """
    module = made(reciprocal.rgc_median(cell_depth=3))
    sources, states = drawn(module)
    with torch.no_grad():
        before = module.step(sources, states)
        module.get_parameter("states.cell.drive.0.kernel").add_(1.0)  # moves c' only
        after = module.step(sources, states)
    assert not torch.allclose(before["cell"], after["cell"])
    assert torch.equal(before["out"], after["out"])

    module = made(published.conv_lstm(peepholes=True, layer_norm=True))
    sources, states = drawn(module)
    with torch.no_grad():
        module.get_parameter("states.cell.norm.gain").fill_(1.0)
        module.get_parameter("states.cell.norm.shift").fill_(0.0)
        now = module.step(sources, states)
        assert torch.allclose(now["cell"].var((1, 2, 3), correction=0), torch.ones(2).double())
        open_gate = now["hidden"] / torch.tanh(now["cell"])  # sigmoid(o + w_o c)
        module.get_parameter("states.hidden.drive.1.terms.1.position").zero_()
        plain = module.step(sources, states)["hidden"] / torch.tanh(now["cell"])
    assert torch.allclose(
        torch.logit(open_gate) - torch.logit(plain), _peephole() * states["cell"]
    )


def _peephole() -> Tensor:
    module = made(published.conv_lstm(peepholes=True, layer_norm=True))
    return module.get_parameter("states.hidden.drive.1.terms.1.position").detach()


def saturated(cell: Cell) -> dict[str, Tensor]:
    """A step of a cell all of whose gates have the argument 50."""
    document = as_document(cell)

    def flood(node: Any) -> None:
        if isinstance(node, dict):
            if "terms" in node:
                node |= {"bias": 50.0, "bias_acts": "always", "terms": []}
            for child in node.values():
                flood(child)
        if isinstance(node, list):
            for child in node:
                flood(child)

    flood(document)
    return stepped(Cell.model_validate(document), INPUT | RESIDUAL)


def test_trap_5_the_sense_of_every_gate() -> None:
    """GRU and UGRNN: the gate keeps the old state. Reciprocal: near 1 it closes, and tanh gates
    reach 1.40. GRU's forget bias is the reset gate's only. Time decay is not squashed.
    """
    for cell in (published.ugrnn(), published.conv_gru()):
        _, states = drawn(made(cell, INPUT | RESIDUAL))
        assert torch.allclose(saturated(cell)["hidden"], states["hidden"])
    median = reciprocal.rgc_median(cell_depth=3)
    closed = saturated(median)
    assert torch.allclose(closed["out"], torch.zeros_like(closed["out"]))
    assert torch.allclose(closed["cell"], torch.zeros_like(closed["cell"]))
    gate = median.states["out"].drive.gates[0]
    assert gate.offset + gate.scale * math.tanh(-50.0) == pytest.approx(1.4013, abs=1e-4)
    assert gate.offset + gate.scale * math.tanh(50.0) == pytest.approx(0.0)
    gru = published.conv_gru()
    assert (gru.gates["reset"].bias, gru.gates["update"].bias) == (1.0, 0.0)
    assert gru.gates["update"].terms[0].weights.bias_initial == 1.0
    intersection = published.intersection_rnn()
    acts = {name: state.drive.activation for name, state in intersection.states.items()}
    assert acts == {"out": "relu", "hidden": "tanh"}
    decay = made(published.time_decay())
    _, states = drawn(decay)
    with torch.no_grad():
        decay.get_parameter("states.hidden.drive.0.scalar").fill_(1.7)
        nothing = torch.zeros_like(states["hidden"])
        kept = decay.step({"input": nothing}, states)["hidden"]
    assert torch.allclose(kept, 1.7 * states["hidden"])


def test_trap_6_nodes_run_on_zeros_from_the_first_step_and_the_blank_is_one_half() -> None:
    """Biases move outputs and states long before the image arrives; nothing is masked. The blank
    is 0.5 in the units of the images, and a decoder starts one step after the first informed one.
    """
    genome = ten_stages(clock={"steps": 17, "image_off": 3})
    network, images = randomised(genome), images_for(genome)
    names = ["conv9", "conv9.cell", "head"]
    with torch.no_grad():
        trace, other = (
            network.trace(images, names, [0, 3]),
            network.trace(images + 1, names, [0, 3]),
        )
        blank = network.trace(images, ["conv1"], [3])["conv1"][3]
        shown = network.trace(torch.full_like(images, 0.5), ["conv1"], [0])["conv1"][0]
    for name, steps in trace.items():
        for t, value in steps.items():
            assert value.abs().max() > 1e-3, (name, t)
            assert torch.equal(value, other[name][t]), (name, t)
    assert not torch.allclose(trace["conv9"][0], trace["conv9"][3])
    assert torch.equal(blank, shown)
    assert network.first_valid_step("head") == 10
    assert ten_stages(decoder="max_conf").window.start == 11


def test_trap_7_feedback_is_pooled_resized_on_its_corners_and_joined_in_string_order() -> None:
    """conv10 stands before conv9, and both after the feedforward input."""
    stages: list[dict[str, Any]] = [
        {"name": f"conv{i}", "convolution": {"width": 2 + i % 3}} for i in range(1, 11)
    ]
    stages[0] |= {"pool": {}}
    stages[5]["convolution"]["reads_feedback"] = True
    stages[8] |= {"pool": {"kernel": 2}}
    stages[9] |= {"pool": {"kernel": 2}}
    genome = ten_stages(
        stages=stages,
        clock={"steps": 14},
        feedback={"conv9->conv6": True, "conv10->conv6": True},
    )
    network = randomised(genome)
    with torch.no_grad():
        trace = network.trace(images_for(genome), ["conv5", "conv6.input", "conv9", "conv10"])
        assert [trace[name][12].shape[-1] for name in ("conv5", "conv9", "conv10")] == [8, 4, 2]
        fed = [
            functional.interpolate(trace[name][12], size=8, mode="bilinear", align_corners=True)
            for name in ("conv10", "conv9")
        ]
        part = network.stages["conv6"]
        expected = functional.conv2d(
            torch.cat((trace["conv5"][12], *fed), 1),
            part.get_parameter("convolution.kernel"),
            part.get_parameter("convolution.bias"),
            padding=1,
        )
    assert torch.allclose(trace["conv6.input"][13], expected)


def test_trap_8_a_layer_norm_spans_the_map_and_a_batch_norm_is_torchs_of_momentum_a_tenth() -> (
    None
):
    """An epsilon of 1e-12, statistics over height, width and channels, gain and shift a channel.
    A batch norm: 1e-5 and 0.1. A group: channels of equal index modulo the groups.
    """
    edge = {"add": {"of": "input"}}
    cell = Cell(
        states={"out": State.model_validate({"drive": {"edges": [edge]}, "norm": "layer"})},
        output="out",
    )
    module = made(cell)
    sources, states = drawn(module)
    gain, shift = (module.get_parameter(f"states.out.norm.{p}") for p in ("gain", "shift"))
    for scale in (1.0, 1e-5):  # an epsilon of 1e-5 would swallow the second
        x = scale * sources["input"]
        with torch.no_grad():
            ours = module.step({"input": x}, states)["out"]
            plain = functional.layer_norm(x, x.shape[1:], eps=1e-12)
            expected = plain * gain[:, None, None] + shift[:, None, None]
        assert torch.allclose(ours, expected)
    batch = Norm(kind="batch")
    assert (batch.added_epsilon, batch.momentum) == (1e-5, 0.1)
    assert Norm(kind="group", groups=2, interleaved=True).added_epsilon == 1e-5


def _small_median() -> Network:
    genome = zoo.model("rgc_intermediate").genome
    return build(genome.with_images(size=32, channels=3, classes=10))


def test_trap_9_first_values_and_l2_by_role() -> None:
    """Fan-in of a depthwise kernel counts all channels; normals are cut at two deviations; trunk
    biases are decayed, the cell's, its residual 1x1 and learned scalars are not.
    """
    network = _small_median()
    decays = network.decays()
    cell = "stages.conv8.cell.states.out"
    depthwise = network.get_parameter(f"{cell}.carry.terms.0.depthwise").detach()
    side = depthwise.shape[-1]
    deviation = math.sqrt(reciprocal.MEDIAN_SCALE / (side * side * 256))
    assert depthwise.std().item() == pytest.approx(deviation, rel=0.1)
    kernel = network.get_parameter("stages.conv8.convolution.kernel").detach()
    assert kernel.std().item() == pytest.approx(math.sqrt(1 / (9 * 256)), rel=0.01)
    cut = 2 * math.sqrt(1 / (9 * 256)) / 0.87962566
    assert 0.98 * cut < kernel.abs().max().item() <= cut
    assert decays["stages.conv8.convolution.kernel"] == 1e-4
    assert decays["stages.conv8.convolution.bias"] == 1e-4
    assert decays["head.bias"] == 1e-4
    assert decays[f"{cell}.carry.terms.0.depthwise"] == reciprocal.MEDIAN_DECAY
    assert decays[f"{cell}.carry.terms.0.bias"] == 0.0
    assert decays["stages.conv9.cell.states.out.drive.1.kernel"] == 0.0  # the projection


def test_trap_10_graphs_that_look_alike() -> None:
    """One convolution a stage or a residual block; 128 or 64 channels; an ELU before the cell or
    none; and cells narrower than their convolution.
    """
    rgc = zoo.model("rgc_intermediate").genome
    block = zoo.model("ugrnn_intermediate").genome
    widths = [[s.convolution.width for s in genome.stages] for genome in (rgc, block)]
    assert [row[1:3] + row[7:8] for row in widths] == [[128, 128, 256], [64, 64, 512]]
    assert all(s.second is None and not s.residual for s in rgc.stages)
    assert all(s.second is not None and s.residual for s in block.stages[1:])
    assert {s.convolution.activation for s in rgc.stages[3:]} == {"identity"}
    assert {s.convolution.activation for s in block.stages[3:]} == {"elu"}
    shallow = {n: zoo.model(f"{n}_shallow").genome for n in ("rgc", "timedecay", "lstm")}
    acts = {n: {s.convolution.activation for s in g.stages[2:]} for n, g in shallow.items()}
    assert acts == {"rgc": {"elu"}, "timedecay": {"identity"}, "lstm": {"identity"}}
    shapes = layout(shallow["lstm"]).stages[2:]
    assert [(s.convolution.channels, s.output.channels) for s in shapes] == [
        (256, 128),
        (256, 256),
        (512, 256),
    ]


def test_the_last_read_out_at_17_steps_is_free_of_image_off_from_seven() -> None:
    """It has seen frames 0 to 6 only."""

    def last(image_off: int | None) -> Tensor:
        genome = ten_stages(clock={"steps": 17, "image_off": image_off})
        with torch.no_grad():
            return randomised(genome).forward(images_for(genome))

    expected = last(12)
    for image_off in (*range(7, 18), None):
        assert torch.equal(last(image_off), expected)
    assert not torch.allclose(last(6), expected)


def test_a_term_reads_this_steps_value_only_where_it_says_new() -> None:
    """Swapping two states: each becomes the other's old value."""
    terms = {"a": Term(of=("b",)), "b": Term(of=("a",))}
    document: dict[str, Any] = {
        "states": {n: {"drive": {"edges": [{"add": as_document(t)}]}} for n, t in terms.items()},
        "output": "b",
    }
    module = made(Cell.model_validate(document))
    sources, states = drawn(module)
    swapped = module.step(sources, states)
    assert torch.equal(swapped["a"], states["b"])
    assert torch.equal(swapped["b"], states["a"])
    document["states"]["b"]["drive"]["edges"][0]["add"]["of"] = "new.a"
    chained = made(Cell.model_validate(document)).step(sources, states)
    assert torch.equal(chained["b"], states["b"])
