"""Activations by name and step, recorded by hooks: they are those of the trace."""

import pytest
import torch

from models.build import Network
from models.recording import record_activations
from space.errors import InputError
from tests.support.networks import images_for, randomised, ten_stages

TRACED = {
    "stages.conv2.convolution": "conv2.input",
    "stages.conv5": "conv5",
    "stages.conv7.cell.states.cell": "conv7.cell",
    "head": "head",
}


@pytest.fixture(scope="module")
def network() -> Network:
    return randomised(ten_stages(), seed=2).eval()


def test_what_is_recorded_is_what_is_traced(network: Network) -> None:
    images = images_for(network.genome)
    recorded = record_activations(network, images, [*TRACED])
    traced = network.trace(images, [*TRACED.values()])
    assert list(recorded) == [*TRACED]
    for path, name in TRACED.items():
        assert list(recorded[path]) == [*range(network.genome.clock.steps)]
        for step, value in recorded[path].items():
            torch.testing.assert_close(value, traced[name][step])


def test_a_gate_is_recorded_as_it_multiplies(network: Network) -> None:
    gate = "stages.conv7.cell.states.out.carry"
    with torch.no_grad():
        values = record_activations(network, images_for(network.genome), [gate])[gate]
    assert len(values) == network.genome.clock.steps
    assert all(0 <= float(value.min()) <= float(value.max()) <= 1 for value in values.values())


def test_no_hook_is_left(network: Network) -> None:
    record_activations(network, images_for(network.genome), ["head"])
    with pytest.raises(InputError):
        record_activations(network, images_for(network.genome), ["head", "tail"])
    with pytest.raises(InputError):
        record_activations(network, images_for(network.genome)[:, :1], ["head"])
    assert not any(module._forward_hooks for module in network.modules())  # noqa: SLF001


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["stages.conv2.convolutions"], r"did you mean .stages\.conv2\.convolution.\?"),
        (["stages.conv7.cell.states"], "never called"),
        ("head", r"give a list"),
    ],
)
def test_what_cannot_be_recorded_is_refused(network: Network, names: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        record_activations(network, images_for(network.genome), names)
