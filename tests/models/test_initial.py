"""Initial values: their moments by scheme, and that they depend on the seed and the name only."""

import math
from dataclasses import dataclass

import pytest
import torch

from models.build import Network, build
from models.initial import draw
from models.parameters import starts
from space import zoo
from space.genome import Genome
from space.network.grammar import Initial, as_document
from space.step.parameters import Start
from space.zoo import cells as published
from space.zoo import reciprocal_gated as reciprocal
from space.zoo.reciprocal_gated import MEDIAN_DECAY, MEDIAN_SCALE, ReciprocalGated

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
    made = reciprocal.rgc_median(cell_depth=6) if cell == "rgc" else published.conv_lstm(depth=6)
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
    assert decays[f"{cell}.cell.carry.terms.0.depthwise"] == reciprocal.MEDIAN_DECAY
    assert decays[f"{cell}.cell.carry.terms.0.pointwise"] == reciprocal.MEDIAN_DECAY
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
    document = as_document(reciprocal.rgc_median(cell_depth=6))
    stages = [{"name": "two", "convolution": {"width": 256}, "cell": "c"}]
    network = build(genome("rgc", stages=stages, cells={"c": document}))
    kernel = network.get_parameter("stages.two.cell.states.out.carry.terms.0.depthwise")
    assert kernel.shape == (256, 1, 7, 7)
    expected = math.sqrt(reciprocal.MEDIAN_SCALE / (49 * 256))
    assert kernel.std().item() == pytest.approx(expected, rel=0.02)


def test_the_gates_of_an_lstm_start_as_slices_of_one_kernel() -> None:
    network = build(genome("lstm"))
    kernel = network.get_parameter("stages.two.cell.states.cell.carry.terms.0.kernel")
    limit = math.sqrt(6 / (9 * 14 + 4 * 9 * 6))
    assert 0.95 * limit < kernel.abs().max().item() <= limit


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


# ------------------------------------------------------------- the published networks, by role

INTERMEDIATE_HEAD, SHALLOW_HEAD = 1.0, 0.0  # what the classifier's bias starts at


@dataclass(frozen=True)
class Role:
    """How the kernels and biases of a model's cells start, and their L2 coefficients.

    `fan_parts`: of how many equal slices the reference's kernel consists; None says that kernels
    are drawn by variance scaling (`scale`), not Glorot-uniform.
    """

    head: float
    fan_parts: int | None = 1
    scale: float = 1.0
    bias: float = 0.0
    decay: float = 1e-4
    bias_decay: float = 1e-4


ROLES = {
    "timedecay_shallow": Role(SHALLOW_HEAD),
    "timedecay_intermediate": Role(INTERMEDIATE_HEAD),
    "simplernn_shallow": Role(SHALLOW_HEAD),
    "simplernn_intermediate": Role(INTERMEDIATE_HEAD),
    "lstm_intermediate": Role(INTERMEDIATE_HEAD, 4),
    "ugrnn_shallow": Role(SHALLOW_HEAD, 2),
    "ugrnn_intermediate": Role(INTERMEDIATE_HEAD, 2),
    "intersectionrnn_shallow": Role(SHALLOW_HEAD, 4),
    "intersectionrnn_intermediate": Role(INTERMEDIATE_HEAD, 4),
    "rgc_shallow": Role(SHALLOW_HEAD),
    "rgc_intermediate": Role(INTERMEDIATE_HEAD, None, MEDIAN_SCALE, 0.0, MEDIAN_DECAY, 0.0),
}
# The searched LSTM differs by stage; a GRU's gates differ from its candidate.
LSTM_SHALLOW = {
    "conv3": (0.7008842622125534, 1.6427688907776656, 5.434329000564743e-06),
    "conv4": (1.8314561102978617, -1.166018906771675, 7.612613874483112e-06),
    "conv5": (0.8937636886958731, -1.3495015766804237, 3.038054940623377e-06),
}


def role(model: str, name: str) -> Role:
    """What is published of the cell tensor `name`."""
    if model == "lstm_shallow" and ".cell." not in name:
        return Role(SHALLOW_HEAD)
    if model == "lstm_shallow":
        scale, bias, decay = LSTM_SHALLOW[name.split(".")[1]]
        return Role(SHALLOW_HEAD, None, scale, bias, decay, decay)
    if model.startswith("gru"):
        head = SHALLOW_HEAD if model.endswith("shallow") else INTERMEDIATE_HEAD
        return Role(head, 2, bias=1.0) if ".gates." in name else Role(head, 1)
    return ROLES[model]


def expected(model: str, name: str, shape: tuple[int, ...]) -> tuple[str, float, float, float]:
    """(distribution, its mean, its standard deviation, L2) of a tensor, as published.

    `shape` is ours: kernels [O,I,k,k], depthwise [C,1,k,k], peepholes [C,H,W].
    """
    place, _, kind = name.rpartition(".")
    found = role(model, name)
    area = math.prod(shape[2:])
    fan_in, fan_out = area * (shape[1] if len(shape) > 1 else 1), area * shape[0]
    if kind == "depthwise":  # TensorFlow's fans of [k,k,C,1] (trap 9)
        fan_in, fan_out = area * shape[0], area
    if kind == "position":  # and of [H,W,C]
        fan_in, fan_out = shape[1] * shape[2], shape[0] * shape[1]
    if kind in ("gain", "shift", "scalar"):
        return "constant", 1.0 if kind == "gain" else 0.0, 0.0, 0.0
    if place == "head":
        if kind == "bias":
            return "constant", found.head, 0.0, 1e-4
        return "normal", 0.0, 0.01, 1e-4
    glorot = math.sqrt(2 / (fan_in + (found.fan_parts or 1) * fan_out))
    matched = model == "rgc_intermediate" and place.endswith("out.drive.1")
    if place.endswith(".residual") or matched:
        return "uniform", 0.0, math.sqrt(2 / (fan_in + fan_out)), 0.0  # the 1x1 of a residual
    if ".cell." not in name:  # the trunk
        if kind == "bias":
            return "constant", 0.0, 0.0, 1e-4
        return "truncated", 0.0, math.sqrt(1 / fan_in), 1e-4
    if kind == "bias":
        return "constant", found.bias, 0.0, found.bias_decay
    decay = 0.0 if kind == "position" else found.decay
    if found.fan_parts is None:
        return "truncated", 0.0, math.sqrt(found.scale / fan_in), decay
    return "uniform", 0.0, glorot, decay


def declared(model: str) -> dict[str, tuple[tuple[int, ...], Start]]:
    """Every parameter of a model of the zoo at its published size, without its numbers."""
    with torch.device("meta"):
        network = Network(zoo.model(model).genome)
    return {name: (tuple(parameter.shape), start) for name, parameter, start in starts(network)}


@pytest.mark.parametrize("model", [*ROLES, "lstm_shallow", "gru_shallow", "gru_intermediate"])
def test_every_tensor_of_a_published_network_starts_and_decays_as_published(model: str) -> None:
    drawn_of: dict[tuple[object, ...], int] = {}
    for name, (shape, start) in declared(model).items():
        kind, mean, deviation, decay = expected(model, name, shape)
        assert start.decay == pytest.approx(decay), name
        numbers = math.prod(shape)
        seen = (name.rpartition(".")[2], kind, numbers > 1000, *(name.split(".")[2:3]))
        if drawn_of.get(seen, 0) >= 2 or numbers > 3_000_000:
            continue
        drawn_of[seen] = drawn_of.get(seen, 0) + 1
        values = draw(shape, start, 3, name)
        noise = 6 / math.sqrt(numbers)  # six standard errors, of the mean and (roughly) the spread
        if kind == "constant":
            assert (values == mean).all(), name
            continue
        assert float(values.mean()) == pytest.approx(mean, abs=noise * deviation), name
        assert float(values.std()) == pytest.approx(deviation, rel=noise), name
        most = float(values.abs().max())
        bound = {"uniform": math.sqrt(3), "truncated": 2 / 0.87962566, "normal": math.inf}[kind]
        assert most <= bound * deviation * (1 + 1e-9), name
        if numbers > 5000:
            assert most > {"uniform": 1.7, "truncated": 2.2, "normal": 3.3}[kind] * deviation, name
    assert len(drawn_of) >= 4


def test_exactly_the_published_tensors_are_decayed() -> None:
    """Trap 9: not the biases of the median cell, tau, layer norms, peepholes, nor the 1x1."""
    free = {
        model: {
            name.rpartition(".")[2]
            for name, (_, start) in declared(model).items()
            if not start.decay and ".residual." not in name
        }
        for model in (*ROLES, "lstm_shallow", "gru_shallow")
    }
    nothing = {"rgc_shallow", "gru_shallow", "ugrnn_shallow", "intersectionrnn_shallow"}
    nothing |= {name for name in free if name.endswith("intermediate")}
    nothing -= {"rgc_intermediate", "timedecay_intermediate"}
    assert {name for name, kinds in free.items() if not kinds} == nothing
    assert free["rgc_intermediate"] == {"bias", "kernel"}  # of the cell, and of its 1x1
    assert free["timedecay_shallow"] == free["timedecay_intermediate"] == {"scalar"}
    assert free["simplernn_shallow"] == {"gain", "shift"}
    assert free["lstm_shallow"] == {"gain", "shift", "position"}


@pytest.mark.parametrize(("name", "steps"), [("gru_shallow", 1.0), ("lstm_intermediate", 1.0)])
def test_forget_biases_are_constants_beside_the_learned_ones(name: str, steps: float) -> None:
    """Trap 5: 1.0 more for the GRU's reset gate alone and for the LSTM's forget gate."""
    cell = next(iter(zoo.model(name).genome.cells.values()))
    gates = {key: gate.bias for key, gate in cell.gates.items()}
    for key, state in cell.states.items():
        if state.carry is not None and state.carry.gate is not None:
            gates[f"{key}.carry"] = state.carry.gate.bias
    forgetting = {"gru_shallow": "reset", "lstm_intermediate": "cell.carry"}[name]
    assert {key for key, bias in gates.items() if bias} == {forgetting}
    assert gates[forgetting] == steps


def test_separable_biases_of_the_general_class_start_glorot_uniform() -> None:
    """Science 1.8: no initialiser reaches them there, so a vector's default draws them."""
    options = ReciprocalGated(variant="B", input_to_cell=True, tau_depth_separable=True)
    stages = [{"name": "one", "convolution": {"width": 400}, "cell": "c"}]
    made = as_document(reciprocal.reciprocal_gated(options)) | {"clip_kernels": True}
    network = build(genome("rgc", stages=stages, cells={"c": made}))
    bias = network.get_parameter("stages.one.cell.states.out.carry.terms.0.bias")
    limit = math.sqrt(6 / (400 + 400))
    assert 0.95 * limit < bias.abs().max().item() <= limit
    assert bias.std().item() == pytest.approx(limit / math.sqrt(3), rel=0.1)
