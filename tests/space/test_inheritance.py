"""What is left of a trained network computes what the whole one did without the part."""

from __future__ import annotations

import random

import pytest
import torch

from models.build import Network, build
from space import zoo
from space.errors import GenomeError
from space.genome import Genome
from space.inheritance import lesion
from space.lesions import lesion_parts
from space.space import Space
from space.zoo import cells
from tests.space.test_lesions import MODELS, part_of, with_cell
from tests.support.networks import images_for, randomised, ten_stages
from workers.lesions import take_weights


def lesioned(whole: Network, name: str) -> Network:
    """What is left of a network without a part, with the whole one's weights."""
    left = lesion(whole.genome, part_of(whole.genome, name))
    network = build(left.genome, dtype=torch.float64)
    network.load_state_dict(take_weights(whole.state_dict(), left.weights))
    return network.eval()


def silence(whole: Network, path: str, channels: slice) -> None:
    """Set the weights of some of the channels that a kernel reads to 0."""
    whole.get_parameter(path)[:, channels] = 0


def saturate(whole: Network, path: str) -> None:
    """Make a sigmoid exactly 1 (in double precision), whatever it reads."""
    whole.get_parameter(f"{path}.kernel").zero_()
    whole.get_parameter(f"{path}.bias").fill_(60.0)


def check_equal(whole: Network, name: str) -> None:
    """The lesion answers as the whole network does, after its part was silenced."""
    left = lesioned(whole, name)
    images = images_for(whole.genome)
    torch.testing.assert_close(left.step_logits(images), whole.step_logits(images))


@pytest.mark.parametrize("model", MODELS)
def test_every_tensor_of_a_published_lesion_is_one_of_the_whole(model: str) -> None:
    genome = zoo.model(model).genome
    for part in lesion_parts(genome):
        assert lesion(genome, part).weights  # checked by shape, or GenomeError


@pytest.mark.parametrize("seed", range(2))
def test_every_lesion_of_a_sample_runs_with_the_trained_weights(seed: int) -> None:
    space = Space.load("motifs-small").with_images(size=8, channels=1, classes=4)
    whole = randomised(space.sample(random.Random(seed)).genome).eval()
    images = images_for(whole.genome)
    with torch.no_grad():
        expected = whole(images)
        for part in lesion_parts(whole.genome):
            left = lesioned(whole, part.name)
            same = left.genome.digest == whole.genome.digest
            assert torch.allclose(left(images), expected) == same, part


@pytest.mark.parametrize(
    ("name", "kernel", "channels"),
    [
        ("hidden->hidden", "states.hidden.drive.0.kernel", slice(4, 8)),
        ("input->hidden", "states.hidden.drive.0.kernel", slice(0, 4)),
        ("hidden->update", "gates.update.terms.0.kernel", slice(4, 8)),
        ("input->reset", "gates.reset.terms.0.kernel", slice(0, 4)),
    ],
)
@torch.no_grad()
def test_a_removed_source_is_one_whose_weights_are_zero(
    name: str, kernel: str, channels: slice
) -> None:
    whole = randomised(with_cell(cells.conv_gru())).eval()
    for stage in ("low", "high"):
        silence(whole, f"stages.{stage}.cell.{kernel}", channels)
    check_equal(whole, name)


@torch.no_grad()
def test_what_moves_up_keeps_its_weights() -> None:
    """The first edge goes, so that the names of the others' weights change."""
    gate = {"terms": [{"of": "residual", "kernel": 1}], "offset": 1.0, "scale": 0.5}
    edges = [
        {"add": {"of": "input", "kernel": 3}},
        {"multiply": gate},
        {"add": {"of": ["residual", "out"], "op": "separable", "kernel": 3}},
        {"add": {"of": "feedback", "kernel": 1}},
    ]
    drive = {"edges": edges, "activation": "elu"}
    whole = randomised(with_cell({"states": {"out": {"drive": drive}}, "output": "out"})).eval()
    for stage in ("low", "high"):
        for tensor in ("kernel", "bias"):
            whole.get_parameter(f"stages.{stage}.cell.states.out.drive.0.{tensor}").zero_()
    check_equal(whole, "input->out")


@torch.no_grad()
def test_a_source_of_a_separable_convolution_goes_with_its_channels() -> None:
    edges = [{"add": {"of": ["input", "out"], "op": "separable", "kernel": 3, "repeat": True}}]
    cell = {"states": {"out": {"drive": {"edges": edges}, "activation": "elu"}}, "output": "out"}
    whole = randomised(with_cell(cell)).eval()
    for stage in ("low", "high"):
        path = f"stages.{stage}.cell.states.out.drive.0.pointwise"
        silence(whole, path, slice(0, 4))
    check_equal(whole, "input->out")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("hidden times", "states.hidden.drive.1.terms.0"),
        ("cell keep", "states.cell.carry.terms.0"),
    ],
)
@torch.no_grad()
def test_a_removed_gate_is_one_that_is_exactly_one(name: str, path: str) -> None:
    whole = randomised(with_cell(cells.conv_lstm())).eval()
    for stage in ("low", "high"):
        saturate(whole, f"stages.{stage}.cell.{path}")
    check_equal(whole, name)


@torch.no_grad()
def test_a_removed_feedback_edge_is_one_whose_channels_are_zero() -> None:
    """Of two edges that are joined at a stage one goes: its channels are the second ones."""
    whole = randomised(ten_stages()).eval()
    genome = whole.genome
    assert genome.senders("conv6") == ("conv7", "conv9")
    edges = genome.cells["rgc"].states["out"].drive.edges
    (place,) = (i for i, edge in enumerate(edges) if edge.add and edge.add.of == ("feedback",))
    silence(whole, f"stages.conv6.cell.states.out.drive.{place}.kernel", slice(5, 11))
    check_equal(whole, "conv9->conv6")


@torch.no_grad()
def test_feedback_that_a_convolution_reads_goes_with_its_channels() -> None:
    stages = [
        {"name": "low", "convolution": {"width": 4, "reads_feedback": True}},
        {"name": "high", "convolution": {"width": 5, "activation": "elu"}},
    ]
    document = {"image": {"size": 8}, "classes": 3, "clock": {"steps": 5}, "stages": stages}
    genome = Genome.parse({**document, "feedback": {"high->low": True}})
    whole = randomised(genome).eval()
    silence(whole, "stages.low.convolution.kernel", slice(3, 8))
    check_equal(whole, "high->low")


def test_weights_that_the_whole_network_does_not_have_are_not_made_up() -> None:
    """Two senders of half the channels match as they are; what is left of them needs a kernel."""
    edges = [{"add": {"of": "input"}}, {"add": {"of": "feedback", "op": "match"}}]
    widths = {"low": 8, "middle": 4, "high": 4}
    cell = {"states": {"out": {"drive": {"edges": edges}}}, "output": "out"}
    stages = [
        {"name": name, "convolution": {"width": width}} | ({"cell": "cell"} if width == 8 else {})
        for name, width in widths.items()
    ]
    genome = with_cell(
        cell,
        stages=stages,
        clock={"steps": 6},
        feedback={"middle->low": True, "high->low": True},
    )
    with pytest.raises(GenomeError, match="train the network without it"):
        lesion(genome, part_of(genome, "high->low"))
