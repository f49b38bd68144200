"""The zoo: published counts, cells, initial values and scores."""

import json
from pathlib import Path
from typing import Any

import pytest

from space import zoo
from space.errors import InputError
from space.genome import Genome
from space.network.grammar import Cell, Initial, Weights, as_document
from space.space import Space
from space.step.parameters import parameters
from space.unroll.cost import cost
from space.zoo import cells as published
from space.zoo import reciprocal_gated as reciprocal

GOLDEN = Path(__file__).parents[2] / "models/golden/zoo_params.json"
PUBLISHED: dict[str, Any] = json.loads(GOLDEN.read_text())["models"]
DECODER = ("probs", "alpha", "normalize", "decoder_threshold")

# Top-1 and top-5 in percent, from the table of the released models.
SCORES = {
    "timedecay_shallow": (50.06, 72.97),
    "simplernn_shallow": (61.11, 83.15),
    "gru_shallow": (62.16, 84.02),
    "lstm_shallow": (63.43, 84.89),
    "intersectionrnn_shallow": (65.42, 86.02),
    "ugrnn_shallow": (60.82, 83.23),
    "rgc_shallow": (66.97, 87.02),
    "timedecay_intermediate": (67.52, 87.80),
    "simplernn_intermediate": (70.47, 89.48),
    "gru_intermediate": (69.81, 89.25),
    "lstm_intermediate": (69.57, 89.18),
    "intersectionrnn_intermediate": (68.98, 88.67),
    "ugrnn_intermediate": (69.78, 89.21),
    "ugrnn_intermediate_t30": (70.09, 89.29),
    "ugrnn_intermediate_t30_dthresh": (69.30, 88.97),
    "ugrnn_intermediate_t30_tmaxconf": (70.04, 89.29),
    "rgc_intermediate": (73.0, 91.16),
    "rgc_intermediate_dthresh": (71.81, 90.16),
    "rgc_intermediate_tmaxconf": (72.29, 90.52),
    "rgc_intermediate_t22_tmaxconf": (72.98, 90.80),
}


def genome(name: str) -> Genome:
    return zoo.model(name).genome


def by_node(found: Genome) -> dict[str, int]:
    """Trainable parameters of every node; the decoder's are its own node."""
    counts: dict[str, int] = {}
    for tensor in parameters(found).parameters:
        node = tensor.path.removeprefix("stages.").split(".")[0]
        counts[node] = counts.get(node, 0) + tensor.numbers
    return counts


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_the_published_ones_in_all_and_by_node(name: str) -> None:
    theirs = PUBLISHED[name]
    found = genome(name)
    assert cost(found).parameters == theirs["trainable"]
    counts, nodes = by_node(found), dict(theirs["trainable_by_node"])
    decoder = sum(nodes.pop(key, 0) for key in DECODER)
    head = nodes.pop("imnetds")
    stages = {stage.name: counts.get(stage.name, 0) for stage in found.stages}
    assert stages == nodes
    assert counts["head"] == head
    assert counts.get("decoder", 0) == decoder


@pytest.mark.parametrize("name", PUBLISHED)
def test_clock_decoder_edges_and_scores_are_the_published_ones(name: str) -> None:
    theirs, model = PUBLISHED[name], zoo.model(name)
    clock = model.genome.clock
    assert (clock.steps, clock.image_off) == (theirs["timesteps"], theirs["image_off"])
    assert (clock.image_on, clock.blank) == (0, 0.5)
    assert model.genome.decoder.form == theirs["decoder"]
    assert model.genome.decoder.trainable == (theirs["decoder"] == "max_conf")
    edges = {(edge.sender, edge.receiver) for edge in model.genome.edges}
    assert edges == {tuple(edge) for edge in theirs["feedback_edges"]}
    assert (model.top1, model.top5) == SCORES[name]


CELLS: dict[str, dict[str, Cell]] = {
    "timedecay_shallow": {"decay": published.time_decay()},
    "timedecay_intermediate": {"decay": published.time_decay()},
    "simplernn_shallow": {
        "rnn128": published.simple_rnn(layer_norm=True, depth=128),
        "rnn256": published.simple_rnn(layer_norm=True, depth=256),
    },
    "simplernn_intermediate": {"rnn": published.simple_rnn()},
    "gru_shallow": {"gru": published.conv_gru()},
    "gru_intermediate": {"gru": published.conv_gru()},
    "lstm_intermediate": {"lstm": published.conv_lstm()},
    "ugrnn_shallow": {"ugrnn": published.ugrnn()},
    "ugrnn_intermediate": {"ugrnn": published.ugrnn()},
    "intersectionrnn_shallow": {"intersection": published.intersection_rnn()},
    "intersectionrnn_intermediate": {"intersection": published.intersection_rnn()},
    "rgc_intermediate": {"rgc": reciprocal.rgc_median()},
    "rgc_shallow": {"rgc": reciprocal.rgc_shallow()},
}


@pytest.mark.parametrize("name", CELLS)
def test_cells_are_those_of_the_published_options(name: str) -> None:
    """Also in initial values and L2: both are part of a genome's identity."""
    found = genome(name)
    cells = {key: as_document(cell) for key, cell in CELLS[name].items()}
    assert found.digest == Genome.parse(found.document() | {"cells": cells}).digest


def test_the_searched_lstm_differs_from_layer_to_layer() -> None:
    found = genome("lstm_shallow")
    assert [stage.cell for stage in found.stages[2:]] == ["lstm3", "lstm4", "lstm5"]
    for key, kernel, depth, bias, peepholes in (
        ("lstm3", 2, 128, 1.3561755203084322, False),
        ("lstm4", 3, 256, 0.977962918535079, True),
        ("lstm5", 4, 256, 0.9249280259963113, False),
    ):
        theirs = published.conv_lstm(
            kernel=kernel, depth=depth, forget_bias=bias, peepholes=peepholes, layer_norm=True
        )
        mine = found.cells[key].model_copy(update={"weights": theirs.weights})
        cells = {name: as_document(mine if name == key else c) for name, c in found.cells.items()}
        other = cells | {key: as_document(theirs)}
        document = found.document()
        one = Genome.parse(document | {"cells": cells})
        assert one.digest == Genome.parse(document | {"cells": other}).digest
    assert found.cells["lstm4"].weights == Weights(
        initial=Initial(scale=1.8314561102978617),
        bias_initial=-1.166018906771675,
        decay=7.612613874483112e-06,
        bias_decay=7.612613874483112e-06,
    )


def test_initial_values_and_decay_of_trunk_and_read_out() -> None:
    """Trap 9: trunk and read-out decay their biases too; the fc's bias starts at 1."""
    for name in PUBLISHED:
        found = genome(name)
        weights = found.stages[0].convolution.weights.over(found.base_weights)
        assert weights == Weights(
            initial=Initial(scheme="variance_scaling", scale=1.0),
            bias_initial=0.0,
            decay=1e-4,
            bias_decay=1e-4,
        )
        head = found.head.weights.over(found.base_weights)
        assert head.initial == Initial(scheme="normal", scale=0.01)
        assert head.bias_initial == (1.0 if "intermediate" in name else 0.0)
        assert (head.decay, head.bias_decay) == (1e-4, 1e-4)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("median_2018_t17", 14_822_056),
        ("basenet_2018", 12_863_976),
        ("search_128", 4_202_217),
        ("search_128_lstm", 32_517_865),
        ("search_128_rgc", 21_896_937),
        ("resnet18", 11_689_512),
        ("resnet34", 21_797_672),
    ],
)
def test_parameters_of_the_other_models(name: str, parameters: int) -> None:
    assert cost(genome(name)).parameters == parameters


@pytest.mark.parametrize(
    ("control", "network"),
    [
        ("basenet_2018_wider", "rgc_intermediate"),
        ("basenet_2018_deeper", "rgc_intermediate"),
        ("basenet_shallow_wider", "rgc_shallow"),
        ("basenet_shallow_deeper", "rgc_shallow"),
    ],
)
def test_a_control_has_no_memory_and_the_parameters_of_its_network(
    control: str, network: str
) -> None:
    found = genome(control)
    assert not found.cells
    assert not found.edges
    wanted = cost(genome(network)).parameters
    assert cost(found).parameters == pytest.approx(wanted, rel=0.02)
    assert "our own" in zoo.model(control).source


def test_the_zoo_holds_every_decoder_form() -> None:
    forms = {genome(name).decoder.form for name in zoo.names()}
    assert forms == {
        *("last", "simple", "simple_soft", "simple_linear", "max_conf", "thresh", "time_max"),
        *("w_avg", "w_avg_t", "w_time_avg", "mlp", "conv1d", "sum", "avg"),
    }


@pytest.mark.parametrize("name", zoo.names())
def test_every_file_is_called_by_its_name_and_says_its_source(name: str) -> None:
    model = zoo.model(name)
    text = (Path(zoo.__file__).parent / f"{name}.yaml").read_text()
    assert f"name: {name}\n" in text
    assert model.source
    assert Genome.parse(model.genome.document()) == model.genome
    assert len(text.splitlines()) < 100


def test_an_unknown_model_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InputError, match='did you mean "rgc_shallow"'):
        zoo.model("rgc_shalow")


def test_a_space_may_stand_on_a_model_of_the_zoo() -> None:
    space = Space.parse(
        {
            "name": "around",
            "genome": {
                "base": "rgc_intermediate",
                "choices": {"feedback.conv8->conv5": {"choice": [False, True], "name": "edge"}},
            },
        }
    )
    assert space.close({"edge": True}).genome == genome("rgc_intermediate")
    assert len(space.close({"edge": False}).genome.edges) == 4
