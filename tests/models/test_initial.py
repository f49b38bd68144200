"""Initial values: their moments by scheme, and that they depend on the seed and the name only."""

import math

import pytest
import torch

from models.build import build
from models.initial import Start, draw
from space import published
from space.genome import Genome
from space.grammar import Initial, as_document

SHAPE = (64, 32, 5, 5)  # 51,200 numbers: moments within about one per cent
FANS = {"fan_in": 800, "fan_out": 1600}


def drawn(initial: Initial, **fans: int) -> torch.Tensor:
    return draw(SHAPE, Start(initial=initial, **(fans or FANS)), 7, "kernel")


def test_variance_scaling_is_a_truncated_normal_of_the_asked_variance() -> None:
    values = drawn(Initial(scheme="variance_scaling", scale=0.64))
    deviation = math.sqrt(0.64 / 800)
    assert abs(float(values.mean())) < 0.02 * deviation
    assert float(values.std()) == pytest.approx(deviation, rel=0.01)
    assert float(values.abs().max()) <= 2 * deviation / 0.8796 + 1e-9
    assert float(values.abs().max()) > 1.95 * deviation / 0.8796
    fourth = float((values / values.std()).pow(4).mean())
    assert fourth == pytest.approx(2.37, abs=0.05)  # of a normal cut at two deviations; 3 if whole


@pytest.mark.parametrize("parts", [1, 4])
def test_glorot_uniform_counts_all_parts_of_a_joined_kernel(parts: int) -> None:
    values = drawn(Initial(scheme="glorot_uniform", parts=parts))
    limit = math.sqrt(6 / (800 + parts * 1600))
    assert float(values.abs().max()) <= limit
    assert float(values.std()) == pytest.approx(limit / math.sqrt(3), rel=0.01)


def test_normal_uniform_and_constant() -> None:
    normal = drawn(Initial(scheme="normal", scale=0.01))
    assert float(normal.std()) == pytest.approx(0.01, rel=0.01)
    assert float((normal / normal.std()).pow(4).mean()) == pytest.approx(3, abs=0.1)
    assert torch.isfinite(normal).all()
    uniform = drawn(Initial(scheme="uniform", scale=2))
    assert 0 <= float(uniform.min()) < 0.01
    assert 1.99 < float(uniform.max()) < 2
    assert (drawn(Initial(scheme="constant", scale=-0.5)) == -0.5).all()


def test_values_depend_on_seed_and_name() -> None:
    start = Start(initial=Initial(), fan_in=4)
    assert torch.equal(draw((3, 4), start, 1, "a"), draw((3, 4), start, 1, "a"))
    assert not torch.equal(draw((3, 4), start, 1, "a"), draw((3, 4), start, 1, "b"))
    assert not torch.equal(draw((3, 4), start, 1, "a"), draw((3, 4), start, 2, "a"))


def genome(cell: str, **fields: object) -> Genome:
    made = published.rgc_median(cell_depth=6) if cell == "rgc" else published.conv_lstm(depth=6)
    return Genome.parse(
        {
            "image": {"size": 16, "channels": 3},
            "classes": 5,
            "clock": {"steps": 4},
            "stages": [
                {"name": "one", "convolution": {"width": 8}, "activation": "elu"},
                {"name": "two", "convolution": {"width": 8}, "cell": "c"},
            ],
            "cells": {"c": as_document(made)},
            "head": {
                "weights": {"initial": {"scheme": "normal", "scale": 0.01}, "bias_initial": 1.0}
            },
            **fields,
        }
    )


def test_the_same_seed_gives_the_same_network_in_either_float_type() -> None:
    first, second = build(genome("rgc"), seed=3), build(genome("rgc"), seed=3)
    wide = build(genome("rgc"), seed=3, dtype=torch.float64)
    for (name, a), b, c in zip(
        first.named_parameters(), second.parameters(), wide.parameters(), strict=True
    ):
        assert torch.equal(a, b), name
        assert torch.equal(a, c.float()), name


def test_another_seed_gives_other_kernels() -> None:
    first, second = build(genome("rgc"), seed=3), build(genome("rgc"), seed=4)
    name = "stages.two.convolution.kernel"
    assert not torch.equal(first.get_parameter(name), second.get_parameter(name))


def test_a_new_part_changes_no_other_tensor() -> None:
    plain, more = build(genome("rgc")), build(genome("rgc", feedback={"two->one": True}))
    stages = genome("rgc").document()["stages"]
    stages[0]["cell"] = "c"
    more = build(genome("rgc", stages=stages, feedback={"two->one": True}))
    kept = dict(more.named_parameters())
    assert len(kept) > len(dict(plain.named_parameters()))
    for name, value in plain.named_parameters():
        assert torch.equal(value, kept[name]), name


def test_published_starts_and_decays_by_role() -> None:
    """Trap 9: biases of the trunk are decayed, those of the median cell and its 1x1 are not."""
    network = build(genome("rgc"))
    decays = network.decays()
    cell = "stages.two.cell.states"
    assert set(decays) == set(dict(network.named_parameters()))
    assert decays["stages.one.convolution.kernel"] == 1e-4
    assert decays["stages.one.convolution.bias"] == 1e-4
    assert decays["head.kernel"] == decays["head.bias"] == 1e-4
    assert decays[f"{cell}.cell.carry.terms.0.depthwise"] == published.MEDIAN_DECAY
    assert decays[f"{cell}.cell.carry.terms.0.pointwise"] == published.MEDIAN_DECAY
    assert decays[f"{cell}.cell.carry.terms.0.bias"] == 0
    assert (network.get_parameter("head.bias") == 1).all()
    assert (network.get_parameter("stages.one.convolution.bias") == 0).all()


def test_norms_peepholes_decays_and_projections_are_not_decayed() -> None:
    documents = {
        "lstm": as_document(published.conv_lstm(depth=6, peepholes=True, layer_norm=True)),
        "decay": as_document(published.time_decay()),
    }
    stages = [
        {"name": "one", "convolution": {"width": 8}, "cell": "decay"},
        {"name": "two", "convolution": {"width": 8}, "cell": "lstm"},
        {"name": "three", "convolution": {"width": 9, "norm": "layer"}, "residual": True},
    ]
    network = build(genome("rgc", stages=stages, cells=documents))
    free = ("gain", "shift", "scalar", "position", "residual.kernel")
    for name, decay in network.decays().items():
        assert (decay == 0) == name.endswith(free), name


def test_a_term_may_ask_for_decay_of_its_scalar() -> None:
    document = as_document(published.time_decay())
    document["states"]["hidden"]["drive"]["edges"][0]["add"]["weights"] = {
        "decay": 0.3,
        "initial": {"scheme": "constant", "scale": 0.5},
    }
    network = build(genome("rgc", cells={"c": document}))
    name = "stages.two.cell.states.hidden.drive.0.scalar"
    assert network.decays()[name] == 0.3
    assert network.get_parameter(name).item() == 0.5


def test_a_depthwise_kernel_has_the_fan_in_of_all_channels() -> None:
    """TF counts k * k * C for [k, k, C, 1], so these kernels start sqrt(C) smaller."""
    document = as_document(published.rgc_median(cell_depth=6))
    stages = [{"name": "two", "convolution": {"width": 256}, "cell": "c"}]
    network = build(genome("rgc", stages=stages, cells={"c": document}))
    kernel = network.get_parameter("stages.two.cell.states.out.carry.terms.0.depthwise")
    assert kernel.shape == (256, 1, 7, 7)
    expected = math.sqrt(published.MEDIAN_SCALE / (49 * 256))
    assert kernel.std().item() == pytest.approx(expected, rel=0.02)


def test_the_gates_of_an_lstm_start_as_slices_of_one_kernel() -> None:
    network = build(genome("lstm"))
    kernel = network.get_parameter("stages.two.cell.states.cell.carry.terms.0.kernel")
    limit = math.sqrt(6 / (9 * 14 + 4 * 9 * 6))
    assert 0.95 * limit < float(kernel.abs().max()) <= limit


def test_penalty_is_half_the_decayed_sum_of_squares() -> None:
    network = build(genome("lstm"), dtype=torch.float64)
    weights = dict(network.named_parameters())
    expected = sum(d * weights[n].square().sum() / 2 for n, d in network.decays().items())
    assert float(network.penalty()) == pytest.approx(float(expected))
    assert float(network.penalty()) > 0


def test_a_match_projection_starts_as_the_reference_and_is_not_decayed() -> None:
    """Glorot uniform and no L2, whatever the cell's own weights say (trap 9)."""
    matched = {"edges": [{"add": {"of": "residual", "op": "match"}}]}
    document = {
        "states": {"out": {"depth": 64, "drive": matched}},
        "output": "out",
        "weights": {"initial": {"scheme": "constant", "scale": 3.0}, "decay": 0.5},
    }
    stages = [
        {"name": "one", "convolution": {"width": 64}},
        {"name": "two", "convolution": {"width": 8}},
        {"name": "three", "convolution": {"width": 8}, "cell": "c"},
    ]
    network = build(genome("rgc", stages=stages, cells={"c": document}))
    name = "stages.three.cell.states.out.drive.0.kernel"
    assert network.decays()[name] == 0
    limit = math.sqrt(6 / (8 + 64))
    assert 0.9 * limit < network.get_parameter(name).abs().max().item() <= limit
