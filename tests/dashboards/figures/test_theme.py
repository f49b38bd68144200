"""The colours stand out from the page and from each other, to all eyes."""

from __future__ import annotations

import json
from itertools import combinations

import numpy as np
import pytest

from dashboards.figures.theme import BACKGROUNDS, DARK, LIGHT, PAIRS, PALETTES

# Machado, Oliveira and Fernandes (2009), severity 1.0, on linear RGB.
BLINDNESS = {
    "normal": np.eye(3),
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}


def linear(colour: str) -> np.ndarray:
    """Linear RGB of "#rrggbb"."""
    part = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    light: np.ndarray = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    return light


def contrast(one: str, other: str) -> float:
    """WCAG's ratio."""
    lights = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (one, other))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def lab(light: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of linear RGB."""
    xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    ) @ np.clip(light, 0, 1)
    f = np.cbrt(xyz / [0.9505, 1.0, 1.089])
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("side", [0, 1], ids=["light", "dark"])
def test_every_colour_stands_out_from_the_page(side: int) -> None:
    for colour in PALETTES[side]:
        assert contrast(colour, BACKGROUNDS[side]) >= 3, colour


@pytest.mark.parametrize("side", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("eyes", BLINDNESS)
def test_the_first_colours_differ_to_all_eyes(side: int, eyes: str) -> None:
    seen = [lab(np.asarray(BLINDNESS[eyes]) @ linear(c)) for c in PALETTES[side][:5]]
    apart = min(float(np.linalg.norm(a - b)) for a, b in combinations(seen, 2))
    assert apart > 10  # twenty steps that are just seen, near enough


def test_light_and_dark_have_the_same_styles_and_text_is_read_on_both() -> None:
    assert LIGHT["style"].keys() == DARK["style"].keys()
    for config, paper in ((LIGHT, BACKGROUNDS[0]), (DARK, BACKGROUNDS[1])):
        assert config["background"] == paper
        for name in ("label", "quiet"):
            assert contrast(config["style"][name]["color"], paper) >= 4.5
    text = json.dumps(LIGHT)
    for light, dark in PAIRS.items():
        text = text.replace(light, dark)
    plain = json.loads(text)
    ramps = ("ramp", "heatmap", "ordinal")
    assert {**plain, "range": 0} == {**DARK, "range": 0}
    assert all(LIGHT["range"][name] == DARK["range"][name][::-1] for name in ramps)
