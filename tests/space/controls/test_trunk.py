"""The feedforward network of a recurrent one: the same stages, and no loop."""

from space import zoo
from space.controls.trunk import take_recurrence_away
from space.genome import Genome
from space.recurrence import recurrence
from space.unroll.plan import plan
from space.zoo import cells as published
from tests.support.drawing import small_document, small_genome


def test_the_trunk_of_a_published_network_is_its_published_control() -> None:
    network = zoo.model("rgc_shallow").genome
    trunk = take_recurrence_away(network)
    basenet = zoo.model("basenet_shallow").genome
    assert [stage.convolution.width for stage in trunk.stages] == [
        stage.convolution.width for stage in basenet.stages
    ]
    assert recurrence(trunk) == "none"
    assert (trunk.image, trunk.classes, trunk.head) == (
        network.image,
        network.classes,
        network.head,
    )


def test_its_stages_are_as_nonlinear_as_those_with_a_cell_were() -> None:
    trunk = take_recurrence_away(small_genome(published.simple_rnn(layer_norm=True)))
    assert [stage.cell for stage in trunk.stages] == [None] * 3
    assert all(stage.convolution.activation != "identity" for stage in trunk.stages)


def test_what_is_read_depends_on_the_image_also_where_the_image_went_off() -> None:
    """Three stages at six steps: the read-out sees the frame of the third, which was blank."""
    network = small_genome(published.conv_gru(), clock={"steps": 6, "image_off": 1})
    planned = plan(take_recurrence_away(network))
    assert all(planned.operations[place].image for place in planned.values.values())


def test_feedback_that_a_convolution_or_a_join_reads_is_gone() -> None:
    document = small_document(published.conv_gru())
    document["stages"][0]["convolution"]["reads_feedback"] = True
    document["stages"][1]["join"] = {"kind": "add", "channels": 5}
    document["feedback"] |= {"conv2->conv1": True}
    trunk = take_recurrence_away(Genome.parse(document))
    assert not trunk.edges
    assert {stage.join.kind for stage in trunk.stages} == {"concat"}


def test_an_output_of_another_depth_is_what_the_next_stage_reads() -> None:
    network = small_genome(published.conv_lstm(depth=5))
    trunk = take_recurrence_away(network)
    assert [stage.convolution.width for stage in trunk.stages] == [4, 5, 5]
