"""What a genome must be able to say, item by item (science: section 8.5, a to p)."""

from typing import Any

import pytest

from space import zoo
from space.genome import Genome
from space.network.grammar import Cell, as_document
from space.network.maps import same_padding
from space.network.sizes import layout
from space.space import Space
from space.step.parameters import parameters
from space.unroll.cost import cost
from space.zoo import cells as published
from space.zoo import reciprocal_gated as reciprocal
from space.zoo.reciprocal_gated import ReciprocalGated, reciprocal_gated


def genome(cell: Cell | None = None, **changes: Any) -> Genome:
    """Three stages of 16-pixel images; conv2 and conv3 carry the cell."""
    document: dict[str, Any] = {
        "image": {"size": 16, "channels": 3},
        "classes": 10,
        "clock": {"steps": 6},
        "stages": [
            {"name": "conv1", "convolution": {"width": 4}, "pool": {}},
            {"name": "conv2", "convolution": {"width": 6}, "cell": "cell"},
            {"name": "conv3", "convolution": {"width": 8}, "cell": "cell", "pool": {}},
        ],
        "cells": {"cell": as_document(cell or published.ugrnn())},
    }
    return Genome.parse(document | changes)


def of_class_a(**options: Any) -> Cell:
    return reciprocal_gated(ReciprocalGated(input_to_cell=True, cell_depth=5, **options))


def numbers(found: Genome, path: str) -> int:
    """How many parameters the part at `path` has."""
    return parameters(found).under(path).numbers


def test_a_each_stage_has_its_own_cell_or_none() -> None:
    cells = {"one": published.conv_gru(), "two": published.conv_lstm(depth=3)}
    documents = {name: as_document(cell) for name, cell in cells.items()}
    stages = genome().document()["stages"]
    stages[1]["cell"], stages[2]["cell"] = "one", "two"
    shapes = layout(genome(stages=stages, cells=documents)).stages
    states = [None if shape.cell is None else list(shape.cell.depths) for shape in shapes]
    assert states == [None, ["hidden"], ["cell", "hidden"]]


def test_b_a_cell_stands_after_the_only_convolution_or_between_two() -> None:
    after = zoo.model("rgc_intermediate").genome.stages[4]
    between = zoo.model("gru_intermediate").genome.stages[4]
    assert after.cell is not None
    assert after.second is None
    assert between.cell is not None
    assert between.second is not None
    shape = layout(zoo.model("gru_intermediate").genome)["conv5"]
    assert shape.cell is not None
    assert shape.second is not None
    assert shape.cell.output.size == shape.second.size == 28


def test_c_width_kernel_stride_activation_before_the_cell_and_pool_after_it() -> None:
    stages = genome().document()["stages"]
    stages[1] |= {
        "convolution": {"width": 7, "kernel": 5, "stride": 2, "activation": "elu"},
        "pool": {"kernel": 3, "stride": 2},
    }
    shape = layout(genome(stages=stages))["conv2"]
    assert (shape.convolution.size, shape.convolution.channels, shape.output.size) == (4, 7, 2)
    off = layout(genome())["conv2"]
    assert (off.convolution.size, off.convolution.channels, off.output.size) == (8, 6, 8)


@pytest.mark.parametrize(("kernel", "padding"), [(2, (0, 1)), (4, (1, 2)), (8, (3, 4))])
def test_d_even_kernels(kernel: int, padding: tuple[int, int]) -> None:
    shape = layout(genome(published.conv_gru(kernel=kernel)))["conv2"].cell
    assert shape is not None
    assert shape.drives["hidden"][0].kernel == kernel
    assert same_padding(8, kernel, 1) == padding


def test_e_a_cell_puts_out_other_channels_than_it_reads() -> None:
    shapes = layout(zoo.model("simplernn_shallow").genome)
    found = [
        (shapes[n].convolution.channels, shapes[n].output.channels) for n in ("conv3", "conv5")
    ]
    assert found == [(256, 128), (512, 256)]


def test_f_the_cell_state_has_another_depth_than_the_output() -> None:
    shape = layout(zoo.model("rgc_intermediate").genome)["conv9"].cell
    assert shape is not None
    assert (shape.depths["cell"], shape.depths["out"]) == (64, 512)


def test_g_each_role_has_its_own_kernel_and_separability() -> None:
    cell = of_class_a(
        tau_filter_size=7, tau_depth_separable=True, cell_tau_filter_size=5, gate_filter_size=4,
        ff_filter_size=2, in_out_filter_size=3, in_out_depth_separable=True, input_to_out=True,
        feedback_filter_size=1,
    )  # fmt: skip
    shape = layout(genome(cell, feedback={"conv3->conv2": True}))["conv2"].cell
    assert shape is not None
    terms = {
        "tau": shape.gates["out/0"][0],
        "cell_tau": shape.gates["cell/0"][0],
        "gate": shape.gates["out/1"][0],
        "ff": shape.drives["cell"][0],
        "in_out": shape.drives["out"][0],
        "feedback": shape.drives["out"][1],
    }
    assert {role: (term.kernel, term.term.operation) for role, term in terms.items()} == {
        "tau": (7, "separable"),
        "cell_tau": (5, "separable"),
        "gate": (4, "convolution"),
        "ff": (2, "convolution"),
        "in_out": (3, "separable"),
        "feedback": (1, "convolution"),
    }


def test_h_offsets_and_multipliers_are_numbers_tied_in_sign_and_inert_biases_are_kept() -> None:
    gate = {
        "offset": {"uniform": [0.5, 1.0], "name": "offset"},
        "scale": {"same_as": "offset", "times": -1},
        "terms": [{"of": "hidden", "kernel": 3}],
    }
    cell = {"states": {"hidden": {"carry": {"gate": gate},
                                  "drive": {"edges": [{"add": {"of": "input"}}]}}},
            "output": "hidden"}  # fmt: skip
    document = genome().document() | {"cells": {"cell": cell}}
    space = Space.parse({"name": "tied", "genome": document})
    carry = space.close({"offset": 0.75}).genome.cells["cell"].states["hidden"].carry
    assert carry is not None
    assert carry.gate is not None
    assert (carry.gate.offset, carry.gate.scale) == (0.75, -0.75)
    median = reciprocal.rgc_median().states["out"].carry
    assert median is not None
    assert median.gate is not None
    assert median.gate.bias == reciprocal.MEDIAN_TAU_BIAS
    assert median.gate.acting_bias == 0.0


@pytest.mark.parametrize(
    ("route", "where"),
    [
        ("out_residual", "out.drive.1"),
        ("cell_residual", "cell.drive.0"),
        ("residual_to_cell_tau", "cell.carry.terms.1"),
        ("residual_to_cell_gate", "cell.drive.1.terms.1"),
        ("residual_to_out_tau", "out.carry.terms.1"),
        ("residual_to_out_gate", "out.drive.2.terms.1"),
    ],
)
def test_i_the_stages_input_goes_to_the_output_to_the_cell_or_into_a_gate(
    route: str, where: str
) -> None:
    plain, routed = genome(of_class_a()), genome(of_class_a(**{route: True}))
    outs = 6 if where.startswith("out") else 5
    reads = 4 * outs * (1 if route == "out_residual" else 9)
    biases = outs if route == "cell_residual" else 0
    assert numbers(routed, f"stages.conv2.cell.states.{where}") == reads + biases
    added = numbers(routed, "stages.conv2") - numbers(plain, "stages.conv2")
    assert added == reads + biases


def test_j_the_cell_adds_to_the_output_instead_of_gating_it() -> None:
    gated, added = genome(of_class_a()), genome(of_class_a(cell_to_out=True))
    assert cost(gated).parameters == cost(added).parameters
    out = added.cells["cell"].states["out"]
    assert [term.of for term in out.drive.terms] == [("new.used",), ("cell",), ("feedback",)]
    assert out.drive.gates[0].terms == ()
    assert gated.digest != added.digest


def test_k_one_convolution_merges_several_feedback_edges() -> None:
    """conv6 of the published network: 256 + 512 channels through one 1x1 kernel."""
    found = numbers(zoo.model("rgc_intermediate").genome, "stages.conv6.cell.states.out.drive.2")
    assert found == (256 + 512) * 256 + 256


@pytest.mark.parametrize(
    ("entry", "state", "depth"), [("input", "used", 6), ("cell", "cell", 5), ("out", "out", 6)]
)
def test_l_feedback_enters_at_the_input_the_cell_or_the_output(
    entry: str, state: str, depth: int
) -> None:
    cell = of_class_a(feedback_entry=entry, feedback_activation="elu", feedback_filter_size=1)
    shape = layout(genome(cell, feedback={"conv3->conv2": True}))["conv2"].cell
    assert shape is not None
    fed = {
        name: (term.term.activation, term.writes.channels)
        for name, terms in shape.drives.items()
        for term in terms
        if term.term.of == ("feedback",)
    }
    assert fed == {state: ("elu", depth)}


def test_m_each_layer_has_its_own_l2_starts_forget_bias_peephole_and_norm() -> None:
    cells = zoo.model("lstm_shallow").genome.cells
    found = {}
    for name, cell in cells.items():
        carry, weights = cell.states["cell"].carry, cell.weights
        assert carry is not None
        assert carry.gate is not None
        assert weights.initial is not None
        peeps = any(term.operation == "position" for term in carry.gate.terms)
        normed = carry.gate.norm is not None and carry.gate.norm.kind == "layer"
        found[name] = (weights.decay, weights.initial.scale, weights.bias_initial, carry.gate.bias,
                       peeps, normed)  # fmt: skip
    assert found == {
        "lstm3": (5.434329000564743e-06, 0.7008842622125534, 1.6427688907776656,
                  1.3561755203084322, False, True),
        "lstm4": (7.612613874483112e-06, 1.8314561102978617, -1.166018906771675,
                  0.977962918535079, True, True),
        "lstm5": (3.038054940623377e-06, 0.8937636886958731, -1.3495015766804237,
                  0.9249280259963113, False, True),
    }  # fmt: skip


def test_n_steps_image_off_decoder_and_the_start_of_its_window() -> None:
    clock = {"steps": 9, "image_on": 1, "image_off": 5}
    found = genome(clock=clock, decoder={"form": "thresh", "threshold": 0.8})
    assert [found.clock.shows_image(t) for t in (0, 1, 4, 5)] == [False, True, True, False]
    assert found.window == range(5, 9)
    later = genome(clock=clock, decoder={"form": "thresh", "threshold": 0.8, "start": 7})
    assert later.window == range(7, 9)
    assert len({found.digest, later.digest, genome(clock=clock).digest}) == 3


def test_o_the_classifier_is_a_convolution_and_a_mean_or_a_pool_and_a_linear_map() -> None:
    shallow, intermediate = (zoo.model(f"ugrnn_{n}").genome for n in ("shallow", "intermediate"))
    assert (shallow.head.form, shallow.head.kernel) == ("convolution_mean", 2)
    assert numbers(shallow, "head") == 2 * 2 * 512 * 1000 + 1000
    assert intermediate.head.form == "mean_linear"
    assert intermediate.head.weights.bias_initial == 1.0
    assert numbers(intermediate, "head") == 512 * 1000 + 1000


@pytest.mark.parametrize(
    ("clip", "kernels"), [(True, (2, 2)), ("separable", (7, 2)), ("neither", (7, 7))]
)
def test_p_kernels_are_cut_to_the_map_by_a_rule(clip: Any, kernels: tuple[int, int]) -> None:
    """All of them, only separable ones, or, term by term, none."""
    own = {"clip": False} if clip == "neither" else {}
    cell = {
        "states": {
            "out": {
                "drive": {
                    "edges": [
                        {"add": {"of": "input", "kernel": 7} | own},
                        {"add": {"of": "out", "kernel": 7, "op": "separable"} | own},
                    ]
                }
            }
        },
        "output": "out",
        "clip_kernels": True if clip == "neither" else clip,
    }
    document = genome().document() | {"cells": {"cell": cell}}
    small = Genome.parse(document).with_images(size=4, channels=3, classes=10)
    shape = layout(small)["conv2"].cell
    assert shape is not None
    assert tuple(term.kernel for term in shape.drives["out"]) == kernels
    large = layout(Genome.parse(document))["conv2"].cell
    assert large is not None
    assert [term.kernel for term in large.drives["out"]] == [7, 7]
