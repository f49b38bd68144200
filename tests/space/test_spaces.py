"""The named spaces: what they hold, and that the published median is a point of one."""

import random
from typing import Any

import pytest

from space import zoo
from space.equation.names import short_name
from space.space import Space
from space.unroll.cost import cost

MEDIAN: dict[str, Any] = {
    "cell": "with_hidden",
    "two.feedback_to_input": False,
    "two.input_activation": "elu",
    "two.hidden.depth": 64,
    "two.hidden.keep": True,
    "two.hidden.keep.offset": 0.9219348064291611,
    "two.hidden.keep.nonlinearity": "sigmoid",
    "two.hidden.keep.bias": 4.147336708899556,
    "two.hidden.keep.op": "separable",
    "two.hidden.keep.kernel": 7,
    "two.hidden.keep.input": False,
    "two.hidden.keep.residual": False,
    "two.in_to_hidden.op": "convolution",
    "two.in_to_hidden.kernel": 2,
    "two.residual_to_hidden": False,
    "two.hidden_to_hidden": False,
    "two.feedback_to_hidden": False,
    "two.out_to_hidden": True,
    "two.out_to_hidden.by": "multiply",
    "two.out_to_hidden.multiply.offset": 0.7006566684988862,
    "two.out_to_hidden.multiply.nonlinearity": "tanh",
    "two.out_to_hidden.multiply.bias": 2.776542926439013,
    "two.out_to_hidden.multiply.op": "separable",
    "two.out_to_hidden.multiply.kernel": 7,
    "two.out_to_hidden.multiply.input": False,
    "two.out_to_hidden.multiply.residual": False,
    "two.hidden.layer_norm": False,
    "two.hidden.activation": "elu",
    "two.out.keep": True,
    "two.out.keep.offset": 0.9219348064291611,
    "two.out.keep.nonlinearity": "sigmoid",
    "two.out.keep.bias": 4.147336708899556,
    "two.out.keep.op": "separable",
    "two.out.keep.kernel": 7,
    "two.out.keep.input": False,
    "two.out.keep.residual": False,
    "two.in_to_out.by": "kernel",
    "two.in_to_out.op": "convolution",
    "two.in_to_out.kernel": 3,
    "two.residual_to_out": True,
    "two.out_to_out": False,
    "two.hidden_to_out": "multiply",
    "two.hidden_to_out.multiply.offset": 0.7006566684988862,
    "two.hidden_to_out.multiply.nonlinearity": "tanh",
    "two.hidden_to_out.multiply.bias": 2.776542926439013,
    "two.hidden_to_out.multiply.op": "separable",
    "two.hidden_to_out.multiply.kernel": 7,
    "two.hidden_to_out.multiply.input": False,
    "two.hidden_to_out.multiply.residual": False,
    "two.residual_to_gate": False,
    "two.feedback_to_out": "add",
    "two.feedback_to_out.add.op": "convolution",
    "two.feedback_to_out.add.kernel": 1,
    "two.feedback_to_out.add.activation": "identity",
    "two.out.layer_norm": False,
    "two.out.activation": "elu",
    "two.initial": "variance_scaling",
    "two.initial.scale": 0.6393378386273998,
    "two.decay": 0.0002033999204146308,
    "learning_rate": 0.01,
}


def test_the_published_median_is_a_point_of_motifs_2018() -> None:
    space = Space.load("motifs-2018")
    edges = [p.path for p in space.parameters if p.path.startswith("feedback.")]
    assert len(edges) == 45  # every later stage to every earlier one of ten
    published = zoo.model("rgc_intermediate").genome
    on = {f"feedback.{edge.sender}_to_{edge.receiver}" for edge in published.edges}
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
