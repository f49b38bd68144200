"""Folders of published results: the formula of values that are not stored, and damaged files."""

import json
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from space.errors import InputError
from workers.reference.files import (
    entries,
    generate_images,
    generate_variable,
    noise,
    read_arrays,
    read_json,
)


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


@pytest.mark.parametrize(
    ("name", "shape", "centre", "width"),
    [
        ("conv1/weights", (3, 3, 4, 2), 0.0, math.sqrt(3 / 36)),  # fan-in: all axes but the last
        ("cell/depthwise_weights", (3, 3, 4, 1), 0.0, math.sqrt(3 / 9)),
        ("conv1/bias", (4,), 0.0, 0.1),
        ("bn/moving_variance", (4,), 1.0, 0.5),
        ("bn/moving_mean", (4,), 0.0, 0.1),
        ("conv4/memory_decay", (4,), 0.5, 0.4),
        ("ConvLSTMCell/peepholes/w_i_diag", (2, 2, 4), 0.0, 0.5),
    ],
)
def test_the_last_word_of_a_name_has_its_rule(
    name: str, shape: tuple[int, ...], centre: float, width: float
) -> None:
    value = generate_variable(3, name, shape)
    assert value.dtype == np.float32
    np.testing.assert_allclose(value, centre + width * noise(3, name, shape), rtol=1e-6)
    gain = 2.0 if "weights" in name else 1.0  # a gain is of weights alone
    np.testing.assert_allclose(generate_variable(3, name, shape, 2.0), gain * value, rtol=1e-6)


@given(st.integers(0, 2**62), st.text(max_size=5), st.integers(1, 30))
def test_noise_is_of_its_seed_and_name(seed: int, name: str, count: int) -> None:
    drawn = noise(seed, name, (count, 2))
    assert drawn.shape == (count, 2)
    assert (np.abs(drawn) <= 1).all()
    np.testing.assert_array_equal(drawn, noise(seed, name, (2 * count,)).reshape(count, 2))
    assert not np.array_equal(drawn, noise(seed, f"{name}x", (count, 2)))


def test_images_are_squares_of_sixteen_pixels_and_fine_noise() -> None:
    image = generate_images(7, 1, 32, channels=1)[0, :, :, 0]
    squares = image.reshape(2, 16, 2, 16).transpose(0, 2, 1, 3).reshape(4, 256)
    coarse = 2 * noise(7, "image_coarse", (4,))
    assert np.abs(squares - coarse[:, None]).max() <= 0.5 + 1e-6
    np.testing.assert_allclose(squares.mean(axis=1), coarse, atol=0.1)


def folder(root: Path, index: object, **arrays: dict[str, Any]) -> Path:
    """A folder of that index, and of files of arrays by their names."""
    for name, held in arrays.items():
        np.savez(root / f"{name}.npz", **held)
    (root / "index.json").write_text(json.dumps(index))
    return root


def test_kinds_follow_from_the_section_and_from_what_a_file_holds(tmp_path: Path) -> None:
    index = {
        "networks": {"n": {"file": "n.npz", "variables_file": "index.json"}},
        "other": {"j": {"file": "j.npz"}, "d": {"file": "d.npz"}},
        "cells": {"c": {"file": "c.npz", "cell": "GRU"}},
        "notes": "not read",
    }
    one = {"out": np.ones(2)}
    folder(tmp_path, index, n=one, j=one, c=one, d={"in/logits": np.ones(2)})
    listed = entries(tmp_path)
    assert [(kind, name) for kind, name, _ in listed] == [
        ("cell", "c"),
        ("join", "j"),
        ("decoder", "d"),
        ("network", "n"),
    ]
    assert listed[0][2] == index["cells"]["c"]  # type: ignore[index]
    assert read_arrays(tmp_path / "c.npz")["out"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ({"cells": {"c": 3}}, r"index\.json: cells\.c: names no file"),
        ({"networks": {"n": {"file": "index.json"}}}, r"networks\.n: names no variables_file"),
        ({"cells": {"c": {"file": "x.npz"}}}, r"x\.npz: is missing \(cells\.c names it\)"),
        ({"cells": {"c": {"file": "../outside"}}}, r"is not in the folder \(cells\.c names it\)"),
        ({"cells": {"c": {"file": "a\0b"}}}, r"is missing \(cells\.c names it\)"),
        ({"cells": []}, r"has none of the sections cells, other, networks"),
        ([], r"index\.json: is not a mapping"),
    ],
)
def test_an_index_that_leads_nowhere_is_refused(
    tmp_path: Path, index: object, message: str
) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "outside").write_text("")
    with pytest.raises(InputError, match=message):
        entries(folder(tmp_path / "results", index))
    with pytest.raises(InputError, match=r"nowhere\.json: is missing"):
        read_json(tmp_path / "nowhere.json")
