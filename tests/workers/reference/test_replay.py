"""Replaying folders of published results: what passes, what is seen, and what is refused."""

import json
import math
import shutil
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models import arithmetic
from space import zoo
from space.errors import InputError
from space.network.grammar import Cell
from space.unroll.cost import cost
from tests.support.reference_cells import B_FLAGS, FLAGS, results
from workers.reference.cells import stored_states
from workers.reference.comparison import error, to_numpy, to_torch
from workers.reference.files import (
    entries,
    generate_images,
    generate_variable,
    noise,
    read_arrays,
    read_json,
)
from workers.reference.networks import published_genome, replay_network
from workers.reference.replay import TOLERANCE, verify, verify_entry

GOLDEN = Path(__file__).parents[2] / "models" / "golden"
SMALL = ("timedecay", "lstm_layernorm_peephole", "rgc_median_feedback_projection")


def copied(to: Path, cells: tuple[str, ...] = SMALL, others: tuple[str, ...] = ()) -> Path:
    """A folder of the same layout with some of the golden entries."""
    index = json.loads((GOLDEN / "index.json").read_text())
    index["cells"] = {name: index["cells"][name] for name in cells}
    index["other"] = {name: index["other"][name] for name in others}
    index["networks"] = {}
    (to / "cells").mkdir(parents=True)
    for section in ("cells", "other"):
        for entry in index[section].values():
            shutil.copy(GOLDEN / entry["file"], to / entry["file"])
    (to / "index.json").write_text(json.dumps(index))
    return to


def altered(file: Path, array: str, change: float = 1e-6) -> None:
    """Change one number of one array, by a part of the array's largest value."""
    arrays: dict[str, Any] = dict(read_arrays(file))
    value = arrays[array].copy()
    value.flat[value.size // 2] += change * np.abs(value).max()
    np.savez(file, **(arrays | {array: value}))


def test_a_folder_is_replayed_in_the_order_of_its_index(tmp_path: Path) -> None:
    result = verify(copied(tmp_path, others=("harbor_concat", "decoders")))
    names = [*SMALL, "harbor_concat", "decoders"]
    assert [entry.name for entry in result] == names
    assert [entry.kind for entry in result] == ["cell", "cell", "cell", "join", "decoder"]
    assert all(entry.passed for entry in result), result
    assert all(entry.float64 < 1e-14 and 0 < entry.float32 < 1e-5 for entry in result[1:3])


@pytest.mark.parametrize("array", ["out", "state", "in/res", "w/ReciprocalGateCell/out/tau/bias"])
def test_one_altered_number_fails_that_entry_and_no_other(tmp_path: Path, array: str) -> None:
    folder = copied(tmp_path)
    altered(folder / "cells/rgc_median_feedback_projection.npz", array)
    result = {entry.name: entry for entry in verify(folder)}
    failed = result.pop("rgc_median_feedback_projection")
    assert not failed.passed
    assert failed.float64 > TOLERANCE[torch.float64]
    assert failed.array in ("out", "state")
    assert all(entry.passed for entry in result.values())


@pytest.mark.parametrize("array", ["out/thresh", "out/w_avg", "out/max_conf_beta", "in/logits"])
def test_an_altered_decoder_fails(tmp_path: Path, array: str) -> None:
    folder = copied(tmp_path, cells=(), others=("decoders",))
    altered(folder / "cells/decoders.npz", array)
    assert not verify(folder)[0].passed


def test_a_number_that_is_none_fails(tmp_path: Path) -> None:
    folder = copied(tmp_path, cells=("timedecay",))
    altered(folder / "cells/timedecay.npz", "in/x", math.nan)
    (result,) = verify(folder)
    assert not result.passed
    assert result.float64 == math.inf


def test_an_option_that_does_nothing_known_fails_with_its_name(tmp_path: Path) -> None:
    folder = copied(tmp_path, cells=("timedecay", "gru"))
    index = json.loads((folder / "index.json").read_text())
    index["cells"]["gru"]["options"]["forget_byas"] = 1.0
    (folder / "index.json").write_text(json.dumps(index))
    decay, gru = verify(folder)
    assert decay.passed
    assert not gru.passed
    assert "forget_byas" in gru.problem


def test_what_is_no_such_folder_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"index\.json: is missing"):
        verify(tmp_path)
    with pytest.raises(InputError, match="is not a folder"):
        verify(tmp_path / "nowhere")
    folder = copied(tmp_path)
    (folder / "cells/timedecay.npz").rename(folder / "cells/other.npz")
    with pytest.raises(InputError, match=r"cells/timedecay\.npz: is missing \(cells\.timedecay"):
        verify(folder)
    (folder / "cells/timedecay.npz").write_bytes(b"no arrays")
    with pytest.raises(InputError, match=r"timedecay\.npz: is not a file of arrays"):
        verify(folder)
    lacking: dict[str, Any] = {"in/x": np.zeros(3)}
    np.savez(folder / "cells/timedecay.npz", **lacking)
    with pytest.raises(InputError, match=r"timedecay\.npz: lacks the array out"):
        verify(folder)
    (folder / "index.json").write_text('{"cells": {"timedecay": {}}}')
    with pytest.raises(InputError, match=r"cells\.timedecay: names no file"):
        verify(folder)
    (folder / "index.json").write_text("[]")
    with pytest.raises(InputError, match="is not a mapping"):
        verify(folder)
    (folder / "index.json").write_text("{}")
    with pytest.raises(InputError, match="none of the sections"):
        verify(folder)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"seed": "one"}, r'seed: "one" is not a whole number'),
        ({"options": []}, r"options: \[\] is not a mapping"),
        ({"weights": [{"name": "a", "shape": [2**20, 2**20]}]}, r"weights\[0\].*larger than"),
        ({"in_channels": 10**9}, "in_channels: 1000000000 is not at most 65536"),
        ({"file": "../cells/timedecay.npz"}, "is not in the folder"),
    ],
)
def test_an_entry_of_another_form_is_refused_by_its_field(
    tmp_path: Path, change: dict[str, Any], problem: str
) -> None:
    folder = copied(tmp_path / "results", cells=("timedecay",))
    shutil.copytree(folder / "cells", tmp_path / "cells")
    index = json.loads((folder / "index.json").read_text())
    index["cells"]["timedecay"] |= change
    (folder / "index.json").write_text(json.dumps(index))
    with pytest.raises(InputError, match=problem):
        verify(folder)


def test_shapes_are_compared_before_a_module_takes_memory(tmp_path: Path) -> None:
    folder = copied(tmp_path, cells=("lstm",))
    index = json.loads((folder / "index.json").read_text())
    index["cells"]["lstm"]["options"]["out_depth"] = 60_000
    (folder / "index.json").write_text(json.dumps(index))
    (result,) = verify(folder)
    assert not result.passed
    assert "the shape is" in result.problem


def test_the_formula_of_the_golden_files() -> None:
    name = "conv1/pre_0/weights_basenet"
    assert zlib.crc32(name.encode()) == 741107747
    np.testing.assert_allclose(
        noise(201, name, (7, 7, 3, 64)).ravel()[:3],
        [-0.1621807435, 0.4675711595, 0.1469389616],
        atol=1e-10,
    )
    np.testing.assert_allclose(
        generate_variable(201, name, (7, 7, 3, 64), 0.7).ravel()[:3],
        [-0.0162180737, 0.0467571169, 0.0146938963],
        rtol=1e-8,
    )
    image = generate_images(201, 2, 224)
    np.testing.assert_allclose(image[0, 0, 0], [1.4136151, -1.1885710, -0.0956388], rtol=1e-6)
    np.testing.assert_allclose(image[1, 100, 50], [1.6221742, 1.7874991, -1.4667999], rtol=1e-6)
    z = noise(5, "a/gamma", (4,))
    np.testing.assert_allclose(generate_variable(5, "a/gamma", (4,)), 1 + 0.2 * z, rtol=1e-6)
    with pytest.raises(InputError, match="no rule"):
        generate_variable(5, "a/unknown", (4,))


def test_weights_and_inputs_that_are_not_stored_follow_from_the_formula() -> None:
    index = read_json(GOLDEN / "index.json")
    entry = index["cells"]["rgc_median_feedback_projection"]
    arrays = read_arrays(GOLDEN / entry["file"])
    fewer = {key: value for key, value in arrays.items() if not key.startswith(("w/", "in/"))}
    assert verify_entry("cell", "drawn", entry, fewer).passed
    changed = entry | {"seed": entry["seed"] + 1}
    assert not verify_entry("cell", "drawn", changed, fewer).passed


# Joins


def test_a_half_pixel_resize_is_seen() -> None:
    arrays = read_arrays(GOLDEN / "cells/harbor_concat.npz")
    resized = arithmetic.resize(to_torch(arrays["in/conv10"], torch.float64), 7, "half_pixel")
    assert error(to_numpy(resized), arrays["out"][..., 4:9]) > 1e-3


@pytest.mark.parametrize("kind", ["add", "multiply"])
def test_inputs_are_summed_or_multiplied_in_the_receivers_channels(kind: str) -> None:
    """conv6 feeds conv7 (4 channels); conv10 and conv9 are resized, and conv9 is projected."""
    rng = np.random.default_rng(3)
    shapes = {"conv6": (2, 7, 7, 4), "conv9": (2, 3, 3, 3), "conv10": (2, 4, 4, 4)}
    arrays = {f"in/{k}": rng.normal(size=shape).astype(np.float32) for k, shape in shapes.items()}
    kernel = rng.normal(size=(1, 1, 3, 4)).astype(np.float32)
    bias = rng.normal(size=4).astype(np.float32)
    scope = "w/conv7/conv_to_conv_harbor_for_conv9"
    on_map = {
        name: torch.nn.functional.interpolate(
            to_torch(arrays[f"in/{name}"], torch.float64),
            size=7,
            mode="bilinear",
            align_corners=True,
        ).permute(0, 2, 3, 1)
        for name in shapes
    }
    on_map["conv9"] = on_map["conv9"] @ torch.from_numpy(kernel[0, 0]).double() + torch.from_numpy(
        bias
    )
    values = [on_map[name].numpy() for name in ("conv6", "conv10", "conv9")]
    out = sum(values) if kind == "add" else values[0] * values[1] * values[2]
    arrays |= {f"{scope}/weights": kernel, f"{scope}/bias": bias, "out": np.asarray(out)}
    entry = {"file": f"cells/harbor_{kind}.npz"}
    assert verify_entry("join", "drawn", entry, arrays).passed
    other = {"file": f"cells/harbor_{'multiply' if kind == 'add' else 'add'}.npz"}
    assert not verify_entry("join", "drawn", other, arrays).passed


# Cells: what the options of both classes mean, against an independent writing


@st.composite
def reciprocal_options(draw: st.DrawFn, variant: str) -> dict[str, Any]:
    options: dict[str, Any] = {flag: draw(st.booleans()) for flag in FLAGS}
    for role in ("tau", "gate", "ff", "in_out", "feedback"):
        options[f"{role}_filter_size"] = draw(st.sampled_from([1, 2, 3, 4, 7.0]))
    if draw(st.booleans()):
        options["cell_tau_filter_size"] = draw(st.sampled_from([1, 2, 5]))
    for role in ("tau", "gate"):
        options[f"{role}_nonlinearity"] = draw(st.sampled_from(["tanh", "sigmoid"]))
        options[f"{role}_offset"] = offset = draw(st.sampled_from([1.0, 0.7]))
        options[f"{role}_multiplier"] = -offset
        options[f"{role}_bias"] = draw(st.sampled_from([0.0, 1.3]))
    for name in ("input", "feedback", "cell", "out"):
        options[f"{name}_activation"] = draw(st.sampled_from(["identity", "elu", "tanh"]))
    options["feedback_entry"] = draw(st.sampled_from(["input", "cell", "out"]))
    if variant == "B":
        options |= {flag: draw(st.booleans()) for flag in B_FLAGS}
        if options["input_to_out"] and not options["in_out_depth_separable"]:
            # Both norms would be called out/post_conv_BN: the reference cannot make them.
            options["batch_norm_cell_out"] &= not options["batch_norm"]
    if draw(st.integers(0, 9)) == 0:  # no cell state; kernels of side 0 cannot be routed
        routes = ("input_to_gate", "residual_to_cell_gate", "residual_to_out_gate")
        options |= {"gate_filter_size": 0, **dict.fromkeys(routes, False)}
    return options


@pytest.mark.parametrize("variant", ["A", "B"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_every_option_of_the_reciprocal_gated_cell(variant: str, data: st.DataObject) -> None:
    options = data.draw(reciprocal_options(variant))
    out, cell = data.draw(st.sampled_from([(4, 3), (4, 4)]))
    residual = data.draw(st.sampled_from([None, 4, 3]))
    fed = data.draw(st.sampled_from([None, cell]))
    options["cell_residual"] &= residual is not None
    options["input_to_cell"] |= not options["cell_residual"]
    entry, arrays = results(
        variant,
        options,
        channels=(out, cell, residual, fed),
        size=data.draw(st.sampled_from([5, 7])),
        seed=data.draw(st.integers(1, 999)),
    )
    result = verify_entry("cell", "drawn", entry, arrays)
    assert result.passed, result


@pytest.mark.parametrize(
    ("variant", "flag"),
    [
        *(("A", flag) for flag in FLAGS if flag != "input_to_cell"),
        *(("B", flag) for flag in B_FLAGS),
    ],
)
def test_every_flag_is_seen(variant: str, flag: str) -> None:
    """The same arrays under other options do not pass: their weights have no place, or differ."""
    options = {"input_to_cell": True, "gate_depth_separable": variant == "B"}
    options["input_to_out"] = flag == "in_out_depth_separable"
    made: dict[str, Any] = {"channels": (4, 3, 3, 3), "size": 5, "seed": 7}
    entry, arrays = results(variant, options | {flag: not options.get(flag, False)}, **made)
    assert verify_entry("cell", "drawn", entry, arrays).passed
    assert not verify_entry("cell", "drawn", entry | {"options": options}, arrays).passed


# Networks


def test_clock_and_images_of_an_entry_replace_the_zoos() -> None:
    entry = {
        "zoo_model": "rgc_intermediate",
        "seed": 1,
        "gain": 1.0,
        "batch": 1,
        "image_size": 96,
        "timesteps": 26,
        "image_off": 10,
        "variables": [{"name": "imnetds/pre_3/bias", "shape": [7]}],
    }
    genome = published_genome(entry)
    assert (genome.image.size, genome.classes) == (96, 7)
    assert (genome.clock.steps, genome.clock.image_off) == (26, 10)
    entry["image_off"] = None
    assert published_genome(entry).clock.image_off is None


def test_stored_states_are_in_the_references_order() -> None:
    def kept(name: str) -> tuple[str, ...]:
        cell: Cell = next(iter(zoo.model(name).genome.cells.values()))
        return stored_states(cell)

    assert kept("rgc_intermediate") == ("cell", "out")
    assert kept("lstm_intermediate") == ("cell", "hidden")
    assert kept("intersectionrnn_shallow") == ("hidden",)
    assert kept("timedecay_shallow") == ("hidden",)


def test_an_altered_sample_of_a_network_is_seen() -> None:
    (entry,) = (e for _, name, e in entries(GOLDEN) if name == "rgc_intermediate_64px")
    facts = entry | read_json(GOLDEN / entry["variables_file"])
    arrays = read_arrays(GOLDEN / entry["file"])
    for name in ("logits", "state/conv6/first64", "output/conv10/std"):
        arrays[name] = arrays[name].copy()
        arrays[name].flat[-1] += 0.1
    errors = replay_network(facts, arrays, torch.float32)
    wrong = {name for name, result in errors.items() if result > TOLERANCE[torch.float32]}
    assert wrong == {"logits", "state/conv6/first64", "output/conv10/std"}
    assert cost(published_genome(facts)).parameters == facts["trainable_parameters"]


# Decoders with weights


def decoders_with_weights() -> dict[str, np.ndarray]:
    """Logits, weights under the reference's names, and what they give, written out once more."""
    rng = np.random.default_rng(2)
    logits = rng.normal(size=(3, 6, 4)).astype(np.float32)
    shapes = {
        "decoder_alpha": (6, 4),
        "mlp_decoder/fc1/weights": (24, 5),
        "mlp_decoder/fc1/biases": (5,),
        "mlp_decoder/fc_final/weights": (5, 4),
        "mlp_decoder/fc_final/biases": (4,),
        "conv1_decoder/fc_final/weights": (20, 4),
        "conv1_decoder/fc_final/biases": (4,),
    }
    for window in range(2, 7):
        shapes[f"conv1_decoder/c_{window}/kernel"] = (window, 4, 4)
        shapes[f"conv1_decoder/c_{window}/bias"] = (4,)
    w = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    x, d = logits.astype(np.float64), {name: value.astype(np.float64) for name, value in w.items()}
    alpha = 1 / (1 + np.exp(-d["decoder_alpha"]))
    hidden = x.reshape(3, 24) @ d["mlp_decoder/fc1/weights"] + d["mlp_decoder/fc1/biases"]
    hidden = np.where(hidden > 0, hidden, np.expm1(np.minimum(hidden, 0)))
    pooled = []
    for window in range(2, 7):
        kernel, bias = (d[f"conv1_decoder/c_{window}/{part}"] for part in ("kernel", "bias"))
        steps = [np.einsum("btn,tnf->bf", x[:, t : t + window], kernel) for t in range(7 - window)]
        pooled.append(np.max(steps, 0) + bias)
    made = {
        "w_avg_t": (x * alpha / alpha.sum(0)).sum(1),
        "mlp": hidden @ d["mlp_decoder/fc_final/weights"] + d["mlp_decoder/fc_final/biases"],
        "conv1d": np.concatenate(pooled, 1) @ d["conv1_decoder/fc_final/weights"]
        + d["conv1_decoder/fc_final/biases"],
        "simple_linear": x[:, -1] / x[:, -1].sum(1, keepdims=True),
        "sum": x.sum(1),
    }
    arrays = {"in/logits": logits} | {f"w/{name}": value for name, value in w.items()}
    return arrays | {f"out/{name}": value for name, value in made.items()}


def test_decoders_with_weights_are_replayed() -> None:
    arrays = decoders_with_weights()
    result = verify_entry("decoder", "drawn", {"file": "decoders.npz"}, arrays)
    assert result.passed, result
    for name in ("mlp_decoder/fc1/biases", "conv1_decoder/c_3/kernel", "decoder_alpha"):
        changed = arrays | {f"w/{name}": arrays[f"w/{name}"] + 0.1}
        assert not verify_entry("decoder", "drawn", {"file": "decoders.npz"}, changed).passed
