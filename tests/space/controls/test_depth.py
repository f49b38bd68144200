"""The depth-matched control: as many layers as the longest chain in time, each on its own."""

import pytest

from space.controls.depth import count_by_stage, count_layers, match_depth
from space.genome import Genome
from space.network.architecture import Stage
from space.recurrence import recurrence
from space.step.parameters import parameters
from space.zoo import cells as published
from tests.support.drawing import small_genome


def rnn(steps: int, **changes: object) -> Genome:
    return small_genome(published.simple_rnn(), feedback=False, clock={"steps": steps}, **changes)


@pytest.mark.parametrize("steps", [4, 6, 9])
def test_a_step_more_is_a_layer_more(steps: int) -> None:
    """A SimpleRNN is one layer a step; its longest chain has all steps but the read-out's."""
    network = rnn(steps)
    assert count_layers(network) == steps - 1
    control = match_depth(network)
    assert count_layers(control) == len(control.stages) == steps - 1


def test_a_chain_through_feedback_counts_at_the_stages_that_it_passes() -> None:
    network = small_genome(published.feedforward(), clock={"steps": 8})
    document = network.document()
    document["stages"][1]["convolution"]["reads_feedback"] = True
    fed = Genome.parse(document)
    assert recurrence(fed) == "feedback"
    layers = count_by_stage(fed)
    assert layers.total() > count_layers(network) == 3
    assert layers[1] > 1
    assert layers[2] > 1
    assert count_layers(match_depth(fed)) == layers.total()


def test_the_added_layers_share_no_weights_and_keep_the_map() -> None:
    network = rnn(7)
    control = match_depth(network)
    paths = [tensor.path for tensor in parameters(control).parameters]
    assert len(paths) == len(set(paths))
    assert [stage.pool is not None for stage in control.stages].count(True) == 2
    added = [stage for stage in control.stages if stage.shortcut is not None]
    assert len(added) == len(control.stages) - len(network.stages)
    assert all(_adds_its_input(stage) for stage in added)


def _adds_its_input(stage: Stage) -> bool:
    return stage.convolution.stride == 1 and stage.activation != "identity"


def test_names_that_are_taken_are_not_given_again() -> None:
    document = rnn(7).document()
    document["feedback"], document["stages"][2]["name"] = {}, "conv2_2"
    control = match_depth(Genome.parse(document))
    assert len({stage.name for stage in control.stages}) == len(control.stages) == 6
