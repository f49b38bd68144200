"""The table of tensors: shapes, fans, decays and starts, as the part that they belong to says."""

import math
from typing import Any

import pytest

from space import zoo
from space.genome import Genome
from space.network.architecture import Decoder
from space.network.grammar import Initial
from space.network.maps import Map
from space.network.sizes import Arrival
from space.step.parameters import (
    Buffer,
    Table,
    Trainable,
    decoder_parameters,
    join_parameters,
    parameters,
)
from tests.support.drawing import PUBLISHED_CELLS, small_document, small_genome

OUT = "stages.conv2.cell.states.out.drive.0"


def one_cell(term: dict[str, Any], **cell: Any) -> dict[str, Trainable]:
    """The tensors of a network whose cell is one adding term, by path."""
    document = small_document(PUBLISHED_CELLS["feedforward"])
    state = {"drive": {"edges": [{"add": term}]}}
    document["cells"] = {"motif": {"states": {"out": state}, "output": "out"} | cell}
    return {p.path: p for p in parameters(Genome.parse(document)).parameters}


@pytest.mark.parametrize("name", zoo.names())
def test_paths_are_unique_and_numbers_are_their_shapes(name: str) -> None:
    table = parameters(zoo.model(name).genome)
    assert len(table.shapes) == len(table.entries)
    assert table.numbers == sum(math.prod(p.shape) for p in table.parameters)


@pytest.mark.parametrize(
    ("term", "shapes"),
    [
        ({"of": "input"}, {}),
        ({"of": "input", "kernel": 3}, {"kernel": (6, 6, 3, 3), "bias": (6,)}),
        ({"of": "input", "kernel": 3, "bias": False}, {"kernel": (6, 6, 3, 3)}),
        (
            {"of": ["input", "residual"], "op": "separable", "kernel": 3, "repeat": True},
            {
                "depthwise": (10, 1, 3, 3),
                "depthwise_first": (10, 1, 3, 3),
                "pointwise": (6, 10, 1, 1),
                "bias": (6,),
            },
        ),
        ({"of": "input", "op": "scalar"}, {"scalar": (1,)}),
        ({"of": "input", "op": "position"}, {"position": (6, 6, 6)}),
        ({"of": "residual", "op": "match"}, {"kernel": (6, 4, 1, 1)}),
        ({"of": "input", "op": "match"}, {}),
        (
            {"of": "input", "kernel": 1, "norm": "layer"},
            {"kernel": (6, 6, 1, 1), "bias": (6,), "norm.gain": (6,), "norm.shift": (6,)},
        ),
    ],
)
def test_a_term_has_the_tensors_of_its_op(
    term: dict[str, Any], shapes: dict[str, tuple[int, ...]]
) -> None:
    found = {p: e.shape for p, e in one_cell(term).items() if p.startswith(f"{OUT}.")}
    assert found == {f"{OUT}.{name}": shape for name, shape in shapes.items()}


def test_fans_are_those_of_the_whole_kernel_and_a_depthwise_one_counts_all_channels() -> None:
    """Trap 9."""
    found = one_cell({"of": "input", "op": "separable", "kernel": 3})
    depthwise, pointwise = found[f"{OUT}.depthwise"].start, found[f"{OUT}.pointwise"].start
    assert (depthwise.fan_in, depthwise.fan_out) == (9 * 6, 9)
    assert (pointwise.fan_in, pointwise.fan_out) == (6, 6)
    kernel = one_cell({"of": "input", "kernel": 3})[f"{OUT}.kernel"].start
    assert (kernel.fan_in, kernel.fan_out) == (9 * 6, 9 * 6)


def test_what_is_decayed_is_as_published_unless_the_term_says_so() -> None:
    found = one_cell({"of": "input", "kernel": 3, "norm": "layer"})
    assert found[f"{OUT}.kernel"].start.decay == found[f"{OUT}.bias"].start.decay == 1e-4
    assert found[f"{OUT}.norm.gain"].start.decay == found[f"{OUT}.norm.shift"].start.decay == 0.0
    for op, name in (("scalar", "scalar"), ("position", "position"), ("match", "kernel")):
        term = {"of": "residual" if op == "match" else "input", "op": op}
        assert one_cell(term)[f"{OUT}.{name}"].start.decay == 0.0
        said = one_cell(term | {"weights": {"decay": 0.5}})
        assert said[f"{OUT}.{name}"].start.decay == 0.5


def test_what_a_term_says_stands_over_the_cell_and_that_over_the_genome() -> None:
    term = {"of": "input", "kernel": 1}
    plain = one_cell(term, weights={"decay": 0.25})
    assert plain[f"{OUT}.kernel"].start.decay == 0.25
    assert plain[f"{OUT}.bias"].start.decay == 1e-4
    own = one_cell(term | {"weights": {"decay": 0.5}}, weights={"decay": 0.25})
    assert own[f"{OUT}.kernel"].start.decay == 0.5
    document = small_document(PUBLISHED_CELLS["feedforward"], weights={"decay": 0.125})
    outer = {p.path: p for p in parameters(Genome.parse(document)).parameters}
    assert outer["stages.conv1.convolution.kernel"].start.decay == 0.125


def test_running_statistics_are_saved_and_not_trained() -> None:
    document = small_document(PUBLISHED_CELLS["feedforward"])
    document["stages"][0]["convolution"]["norm"] = {"kind": "batch", "gain": 0.1}
    table = parameters(Genome.parse(document)).under("stages.conv1.convolution.norm")
    gain, shift, mean, variance = table.entries
    assert isinstance(gain, Trainable)
    assert isinstance(shift, Trainable)
    assert gain.start.initial == Initial(scheme="constant", scale=0.1)
    assert mean == Buffer(path="running_mean", shape=(4,), value=0.0)
    assert variance == Buffer(path="running_variance", shape=(4,), value=1.0)
    assert table.numbers == 8


@pytest.mark.parametrize(
    ("head", "shape"),
    [
        ({"form": "mean_linear"}, (5, 6)),
        ({"form": "convolution_mean", "kernel": 2}, (5, 6, 2, 2)),
        ({"form": "flatten_linear"}, (5, 3 * 3 * 6)),
    ],
)
def test_the_head_has_the_kernel_of_its_form(head: dict[str, Any], shape: tuple[int, ...]) -> None:
    genome = small_genome(PUBLISHED_CELLS["feedforward"], head=head)
    table = parameters(genome).under("head")
    assert table.shapes == {"kernel": shape, "bias": (5,)}
    kernel = table.parameters[0].start
    assert kernel.fan_in == math.prod(shape[1:])


@pytest.mark.parametrize(
    ("decoder", "shapes"),
    [
        ({"form": "avg"}, {}),
        ({"form": "max_conf", "trainable": True}, {"beta": (1,)}),
        ({"form": "thresh", "trainable": True}, {"beta": (1,), "threshold": (1,)}),
        ({"form": "w_time_avg", "trainable": True}, {"beta": (1,), "time_beta": (1,)}),
        ({"form": "w_avg_t"}, {"weights": (7, 5)}),
        (
            {"form": "mlp", "layers": [3]},
            {"layer0.kernel": (3, 35), "layer0.bias": (3,)}
            | {"layer1.kernel": (5, 3), "layer1.bias": (5,)},
        ),
        (
            {"form": "conv1d", "windows": [2, 3], "filters": 4},
            {"window2.kernel": (4, 5, 2), "window2.bias": (4,)}
            | {"window3.kernel": (4, 5, 3), "window3.bias": (4,)}
            | {"linear.kernel": (5, 8), "linear.bias": (5,)},
        ),
    ],
)
def test_a_decoder_has_the_tensors_of_its_form(
    decoder: dict[str, Any], shapes: dict[str, tuple[int, ...]]
) -> None:
    table = decoder_parameters(Decoder.model_validate(decoder), 7, 5)
    assert table.shapes == shapes


def test_of_a_decoder_s_layers_the_last_alone_is_decayed() -> None:
    decoder = Decoder.model_validate({"form": "mlp", "layers": [3, 4]})
    decays = {p.path: p.start.decay for p in decoder_parameters(decoder, 7, 5).parameters}
    assert [name for name, decay in decays.items() if decay] == ["layer2.kernel", "layer2.bias"]


def test_inputs_of_other_channels_are_projected_under_their_sender_s_name() -> None:
    arrivals = [
        Arrival(name="image", map=Map(size=9, channels=4), projects=False),
        Arrival(name="conv3", map=Map(size=3, channels=6), projects=True),
    ]
    table = join_parameters(arrivals, 4)
    assert table.shapes == {"conv3.kernel": (4, 6, 1, 1), "conv3.bias": (4,)}
    assert {p.start.decay for p in table.parameters} == {0.0}


def test_a_part_that_is_not_there_is_empty() -> None:
    table = parameters(small_genome(PUBLISHED_CELLS["ugrnn"]))
    assert table.under("stages.conv9") == Table()
    assert {entry.path for entry in table.under("head").own} == {"kernel", "bias"}
    assert table.under("stages.conv1").own == ()
