"""The named spaces: what they hold, and that the published median is a point of one."""

import random
from typing import Any

import pytest

from space import zoo
from space.equation.names import short_name
from space.space import Space
from space.unroll.cost import cost

MEDIAN: dict[str, Any] = {
    "hidden": "present",
    "feedback->input": False,
    "input.activation": "elu",
    "hidden.depth": 64,
    "hidden->hidden keep": True,
    "hidden->hidden keep.offset": 0.9219348064291611,
    "hidden->hidden keep.nonlinearity": "sigmoid",
    "hidden->hidden keep.bias": 4.147336708899556,
    "hidden->hidden keep.op": "separable",
    "hidden->hidden keep.kernel": 7,
    "hidden->hidden keep.input": False,
    "hidden->hidden keep.residual": False,
    "input->hidden.op": "convolution",
    "input->hidden.kernel": 2,
    "residual->hidden": False,
    "hidden->hidden": False,
    "feedback->hidden": False,
    "out->hidden": True,
    "out->hidden by": "times",
    "out->hidden.offset": 0.7006566684988862,
    "out->hidden.nonlinearity": "tanh",
    "out->hidden.bias": 2.776542926439013,
    "out->hidden.op": "separable",
    "out->hidden.kernel": 7,
    "out->hidden.input": False,
    "out->hidden.residual": False,
    "hidden.norm": False,
    "hidden.activation": "elu",
    "out->out keep": True,
    "out->out keep.offset": 0.9219348064291611,
    "out->out keep.nonlinearity": "sigmoid",
    "out->out keep.bias": 4.147336708899556,
    "out->out keep.op": "separable",
    "out->out keep.kernel": 7,
    "out->out keep.input": False,
    "out->out keep.residual": False,
    "input->out via": "kernel",
    "input->out.op": "convolution",
    "input->out.kernel": 3,
    "residual->out": True,
    "out->out": False,
    "hidden->out by": "times",
    "hidden->out.offset": 0.7006566684988862,
    "hidden->out.nonlinearity": "tanh",
    "hidden->out.bias": 2.776542926439013,
    "hidden->out.op": "separable",
    "hidden->out.kernel": 7,
    "hidden->out.input": False,
    "hidden->out.residual": False,
    "residual->out times": False,
    "feedback->out by": "add",
    "feedback->out.op": "convolution",
    "feedback->out.kernel": 1,
    "feedback->out.activation": "identity",
    "out.norm": False,
    "out.activation": "elu",
    "initial": "variance_scaling",
    "initial.scale": 0.6393378386273998,
    "decay": 0.0002033999204146308,
    "learning_rate": 0.01,
}


def test_the_published_median_is_a_point_of_motifs_2018() -> None:
    space = Space.load("motifs-2018")
    edges = [p.path for p in space.parameters if p.path.startswith("conv")]
    assert len(edges) == 45  # every later stage to every earlier one of ten
    published = zoo.model("rgc_intermediate").genome
    on = {f"{edge.sender}->{edge.receiver}" for edge in published.edges}
    sample = space.close({**{path: path in on for path in edges}, **MEDIAN})
    assert cost(sample.genome) == cost(published)
    assert sample.digest == published.digest
    assert short_name(sample.genome) == "median reciprocal gated cell +5 feedback"


@pytest.mark.parametrize("name", ["motifs-small", "motifs-2018"])
def test_every_drawn_sample_is_a_network_and_comes_back_from_its_flat_form(name: str) -> None:
    space = Space.load(name).with_images(size=32, channels=3, classes=7)
    rng = random.Random(5)
    digests = set()
    for _ in range(40):
        sample = space.sample(rng)
        assert space.close(sample.choices) == sample
        assert sample.genome.image.size == 32
        assert sample.genome.classes == 7
        digests.add(sample.digest)
    assert len(digests) > 35


@pytest.mark.parametrize("name", ["motifs-small", "motifs-2018"])
def test_the_control_has_no_memory_and_no_feedback(name: str) -> None:
    genome = Space.load(name).control("feedforward").genome
    assert short_name(genome) == "feedforward"
    assert not genome.edges
    assert not any(cell.recurrent for cell in genome.cells.values())


def test_every_choice_has_a_short_name() -> None:
    for name in Space.named():
        for parameter in Space.load(name).parameters:
            assert not parameter.path.startswith("genome."), parameter.path
