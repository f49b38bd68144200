"""The published reference's own numbers: every cell, the joining of inputs, whole networks.

The files under golden/ hold inputs and results of the reference; weights are stored (cells) or
come from a formula (networks).
"""

import json
import math
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from models import layers
from models.build import Network, build
from models.cells import CellModule
from models.published_weights import published_cell_state_dict, published_state_dict
from models.readout import decode
from space import published
from space.genome import Genome
from space.geometry import Map
from space.grammar import Cell, as_document

GOLDEN = Path(__file__).parent / "golden"
INDEX = json.loads((GOLDEN / "index.json").read_text())
TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4}

MADE: dict[str, Callable[[dict[str, Any], dict[str, Any]], Cell]] = {
    "time decay": lambda options, entry: published.time_decay(),
    "vanilla": lambda options, entry: published.simple_rnn(
        layer_norm=options["layer_norm"], depth=entry["out_channels"]
    ),
    "LSTM": lambda options, entry: published.conv_lstm(
        depth=entry["out_channels"],
        forget_bias=options.get("forget_bias", 1.0),
        peepholes=options.get("use_peepholes", False),
        layer_norm=options.get("layer_norm", False),
    ),
    "GRU": lambda options, entry: published.conv_gru(depth=entry["out_channels"]),
    "UGRNN": lambda options, entry: published.ugrnn(depth=entry["out_channels"]),
    "IntersectionRNN": lambda options, entry: published.intersection_rnn(),
    "RGC variant A (median)": lambda options, entry: published.rgc_median(
        cell_depth=options["cell_depth"]
    ),
}


def to_torch(array: np.ndarray, dtype: torch.dtype) -> Tensor:
    """[B,H,W,C] -> [B,C,H,W]."""
    return torch.from_numpy(array).to(dtype).permute(0, 3, 1, 2).contiguous()


def error(ours: Tensor, theirs: np.ndarray) -> float:
    """The largest difference, relative to the largest value of the tensor."""
    difference = np.abs(ours.double().numpy() - theirs.astype(np.float64)).max()
    return float(difference / np.abs(theirs).max())


def replay(name: str, dtype: torch.dtype) -> dict[str, float]:
    """Largest relative error of the output and of the state of one cell, over its steps."""
    entry = INDEX["cells"][name]
    arrays = np.load(GOLDEN / entry["file"])
    cell = MADE[entry["cell"]](entry["options"], entry)
    words = {"x": "input", "res": "residual", "fb": "feedback"}
    inputs = {words[k[3:]]: arrays[k] for k in arrays.files if k.startswith("in/")}
    sources = {
        word: Map(size=value.shape[2], channels=value.shape[-1]) for word, value in inputs.items()
    }
    module = CellModule(cell, sources, dtype=dtype)
    variables = {k[2:]: arrays[k] for k in arrays.files if k.startswith("w/")}
    module.load_state_dict(published_cell_state_dict(cell, sources, variables))
    stored = [n for n in ("cell", "hidden", "out") if n in cell.states]
    if entry["cell"] == "IntersectionRNN":
        stored = ["hidden"]
    errors = {"out": 0.0, "state": 0.0}
    states = None
    for t in range(arrays["out"].shape[0]):
        now = {word: to_torch(value[t], dtype) for word, value in inputs.items()}
        states = states or module.zero_states(now["input"])
        with torch.no_grad():
            states = module.step(now, states)
        out = states[cell.output].permute(0, 2, 3, 1)
        state = torch.cat([states[n] for n in stored], 1).permute(0, 2, 3, 1)
        errors["out"] = max(errors["out"], error(out, arrays["out"][t]))
        errors["state"] = max(errors["state"], error(state, arrays["state"][t]))
    return errors


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("name", sorted(INDEX["cells"]))
def test_cell_gives_the_reference_numbers(name: str, dtype: torch.dtype) -> None:
    errors = replay(name, dtype)
    assert max(errors.values()) < TOLERANCE[dtype], errors


def test_feedback_is_joined_corner_aligned_and_in_string_order() -> None:
    """conv6 is the feedforward input (7x7); conv10 stands before conv9."""
    arrays = np.load(GOLDEN / "cells/harbor_concat.npz")
    inputs = {name: to_torch(arrays[f"in/{name}"], torch.float64) for name in ("conv10", "conv9")}
    fed = [layers.resize(inputs[name], 7, "corners") for name in sorted(inputs)]
    joined = torch.cat([to_torch(arrays["in/conv6"], torch.float64), *fed], 1)
    assert error(joined.permute(0, 2, 3, 1), arrays["out"]) < 1e-9


def test_a_half_pixel_resize_is_seen() -> None:
    arrays = np.load(GOLDEN / "cells/harbor_concat.npz")
    resized = layers.resize(to_torch(arrays["in/conv10"], torch.float64), 7, "half_pixel")
    theirs = arrays["out"][..., 4:9]
    assert error(resized.permute(0, 2, 3, 1), theirs) > 1e-3


def test_the_last_decoder_reads_the_last_step() -> None:
    arrays = np.load(GOLDEN / "cells/decoders.npz")
    logits = torch.from_numpy(arrays["in/logits"]).double()
    assert error(decode(logits, "last"), arrays["out/simple"]) < 1e-9


# Whole networks


def generated(seed: int, name: str, shape: tuple[int, ...], gain: float, rule: str) -> np.ndarray:
    """The value of a variable (or of an image part), by the formula of the golden files."""
    last = name.rpartition("/")[2]
    stream = np.random.SeedSequence([seed, zlib.crc32(name.encode())])
    u = np.random.Generator(np.random.PCG64(stream)).random(math.prod(shape))
    z = (2 * u - 1).reshape(shape)
    if rule == "plain":
        return z
    if "weights" in last:
        rows = shape[0] * shape[1] if last.startswith("depthwise") else math.prod(shape[:-1])
        z = gain * math.sqrt(3 / rows) * z
    elif "bias" in last:
        z = 0.1 * z
    elif last == "memory_decay":
        z = 0.5 + 0.4 * z if rule == "gen" else np.zeros(shape)
    return z.astype(np.float32)


def generated_image(seed: int, batch: int, size: int) -> np.ndarray:
    coarse = 2 * generated(seed, "image_coarse", (batch, size // 16, size // 16, 3), 1, "plain")
    fine = 0.5 * generated(seed, "image_fine", (batch, size, size, 3), 1, "plain")
    return (coarse.repeat(16, 1).repeat(16, 2) + fine).astype(np.float32)


def test_the_formula_of_the_golden_files() -> None:
    name = "conv1/pre_0/weights_basenet"
    assert zlib.crc32(name.encode()) == 741107747
    weights = generated(201, name, (7, 7, 3, 64), 0.7, "gen")
    np.testing.assert_allclose(
        weights.ravel()[:3], [-0.0162180737, 0.0467571169, 0.0146938963], rtol=1e-8
    )
    image = generated_image(201, 2, 224)
    np.testing.assert_allclose(image[0, 0, 0], [1.4136151, -1.1885710, -0.0956388], rtol=1e-6)
    np.testing.assert_allclose(image[1, 100, 50], [1.6221742, 1.7874991, -1.4667999], rtol=1e-6)


POOL = {"kernel": 2, "stride": 2}
HEAD = {"weights": {"initial": {"scheme": "normal", "scale": 0.01}, "bias_initial": 1.0}}
CLOCK = {"steps": 17, "image_off": 12}


def rgc_intermediate(size: int) -> Genome:
    widths = [64, 128, 128, 128, 128, 256, 256, 256, 512, 512]
    stages: list[dict[str, Any]] = []
    for i, width in enumerate(widths, start=1):
        kernel, stride = (7, 2) if i == 1 else (3, 1)
        stage: dict[str, Any] = {
            "name": f"conv{i}",
            "convolution": {"width": width, "kernel": kernel, "stride": stride},
        }
        stage |= {"cell": "rgc"} if i >= 4 else {"activation": "elu"}
        stages.append(stage | ({"pool": POOL} if i in (1, 4, 6, 7, 10) else {}))
    edges = ["conv8->conv5", "conv9->conv6", "conv10->conv7", "conv7->conv6", "conv10->conv9"]
    return Genome.parse(
        {
            "image": {"size": size, "channels": 3},
            "clock": CLOCK,
            "stages": stages,
            "cells": {"rgc": as_document(published.rgc_median())},
            "feedback": dict.fromkeys(edges, True),
            "head": HEAD,
        }
    )


def feedforward_intermediate(size: int) -> Genome:
    widths = [64, 64, 64, 128, 128, 256, 256, 512, 512, 512]
    stages: list[dict[str, Any]] = []
    for i, width in enumerate(widths, start=1):
        stage: dict[str, Any] = {"name": f"conv{i}", "activation": "elu"}
        if i == 1:
            stage["convolution"] = {"width": width, "kernel": 7, "stride": 2}
        else:
            stage["convolution"] = {"width": width, "activation": "elu"}
            stage |= {"second": {"width": width}, "residual": True}
        stage |= {"cell": "decay"} if i >= 4 else {}
        stages.append(stage | ({"pool": POOL} if i in (1, 4, 6, 7, 10) else {}))
    return Genome.parse(
        {
            "image": {"size": size, "channels": 3},
            "clock": CLOCK,
            "stages": stages,
            "cells": {"decay": as_document(published.time_decay())},
            "head": HEAD,
        }
    )


NETWORKS = {
    "rgc_intermediate_64px": rgc_intermediate,
    "rgc_intermediate": rgc_intermediate,
    "feedforward_intermediate": feedforward_intermediate,
}


def load(name: str, dtype: torch.dtype) -> tuple[Network, Tensor, dict[str, Any]]:
    facts = json.loads((GOLDEN / f"networks/{name}.json").read_text())
    genome = NETWORKS[name](facts["image_size"])
    variables = {
        v["name"]: generated(facts["seed"], v["name"], tuple(v["shape"]), facts["gain"], v["rule"])
        for v in facts["variables"]
    }
    network = build(genome, dtype=dtype)
    network.load_state_dict(published_state_dict(genome, variables))
    images = generated_image(facts["seed"], facts["batch"], facts["image_size"])
    return network, to_torch(images, dtype), facts


def stored_names(network: Network, node: str) -> list[str]:
    """What the golden files call the state of a node, by our names."""
    stage = network.genome.stages[network.genome.stage_index(node)]
    states = [] if stage.cell is None else [*network.genome.cells[stage.cell].states]
    names = [f"{node}.{s}" for s in ("cell", "hidden", "out") if s in states]
    return names or [f"{node}.input"]


def sampled_errors(network: Network, images: Tensor, arrays: Any) -> dict[str, float]:
    """The largest relative error of every sampled activation, by its golden name."""
    names: dict[str, list[str]] = {}
    for stage in network.genome.stages:
        names[f"output/{stage.name}"] = [stage.name]
        names[f"state/{stage.name}"] = stored_names(network, stage.name)
    with torch.no_grad():
        trace = network.trace(images, ["head", *(n for ours in names.values() for n in ours)])
    logits = torch.stack([*trace["head"].values()])
    errors = {"logits": error(logits, arrays["logits"])}
    for golden, ours in names.items():
        scale = np.abs(arrays[f"{golden}/absmax"]).max()
        worst = 0.0
        for t in range(network.genome.clock.steps):
            value = torch.cat([trace[n][t] for n in ours], 1).permute(0, 2, 3, 1).double().numpy()
            assert list(value.shape) == list(arrays[f"{golden}/shape"])
            flat = value.ravel()
            spread = flat[np.floor(np.linspace(0, flat.size - 1, 64)).astype(int)]
            found = [
                np.abs(flat[:64] - arrays[f"{golden}/first64"][t]).max(),
                np.abs(spread - arrays[f"{golden}/spread64"][t]).max(),
                abs(flat.mean() - arrays[f"{golden}/mean"][t]),
                abs(flat.std() - arrays[f"{golden}/std"][t]),
                abs(np.abs(flat).max() - arrays[f"{golden}/absmax"][t]),
            ]
            worst = max(worst, *(float(f) for f in found))
        errors[golden] = worst / float(scale)
    return errors


def check_network(name: str, dtype: torch.dtype) -> None:
    network, images, facts = load(name, dtype)
    assert sum(p.numel() for p in network.parameters()) == facts["trainable_parameters"]
    errors = sampled_errors(network, images, np.load(GOLDEN / f"networks/{name}.npz"))
    print(name, dtype, {key: f"{value:.1e}" for key, value in errors.items()})
    assert not {key: value for key, value in errors.items() if not value < TOLERANCE[dtype]}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
def test_network_at_64_px(dtype: torch.dtype) -> None:
    check_network("rgc_intermediate_64px", dtype)


def test_logits_of_all_steps_and_of_the_last() -> None:
    network, images, _ = load("rgc_intermediate_64px", torch.float32)
    theirs = np.load(GOLDEN / "networks/rgc_intermediate_64px.npz")["logits"]
    with torch.no_grad():
        assert error(network.step_logits(images).transpose(0, 1), theirs) < 1e-4
        assert error(network(images), theirs[-1]) < 1e-4


@pytest.mark.parametrize("name", ["rgc_intermediate", "feedforward_intermediate"])
def test_network_at_224_px_in_float32(name: str) -> None:
    check_network(name, torch.float32)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rgc_intermediate", "feedforward_intermediate"])
def test_network_at_224_px_in_float64(name: str) -> None:
    check_network(name, torch.float64)
