"""`ventral score twins`: a network's dynamics without each of its gates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from models.build import build
from space.genome import Genome
from tests.support import exports
from tests.ventral.conftest import Shell
from workers import export


def gated() -> Genome:
    """A cell whose kept value has a gate of one source, for grey images of 8 pixels."""
    gate = {"nonlinearity": "sigmoid", "terms": [{"of": "out", "kernel": 3}]}
    drive = {"edges": [{"add": {"of": "input", "kernel": 3}}]}
    out = {"carry": {"gate": gate}, "drive": drive, "activation": "elu"}
    return Genome.parse(
        {
            "image": {"size": 8, "channels": 1},
            "classes": 10,
            "clock": {"steps": 8},
            "stages": [{"name": "conv1", "convolution": {"width": 4}, "cell": "gated"}],
            "cells": {"gated": {"output": "out", "states": {"out": out}}},
        }
    )


def test_every_gate_of_an_export_has_a_row(shell: Shell, tmp_path: Path) -> None:
    network = build(gated(), seed=1)
    export.write(tmp_path / "cell", network.genome, network.state_dict(), exports.card())
    random = np.random.RandomState(0)
    lines = ["stimulus_id,filename"]
    for number in range(12):
        pixels = random.randint(0, 256, (8, 8), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        lines.append(f"image{number},{number}.png")
    (tmp_path / "set.csv").write_text("\n".join(lines))
    words = ["score", "twins", str(tmp_path / "cell"), "--stimuli", str(tmp_path / "set.csv")]
    words += ["--images", str(tmp_path), "--draws", "20"]
    (row,) = shell(*words, "-o", "json").json
    assert (row["part"], row["kind"], row["stage"]) == ("out->out keep", "edge", "conv1")
    assert row["low"] <= row["distance"] <= row["high"]
    assert row["distance"] > 0.01
    refused = shell(*words, "--part", "out->out kept")
    assert refused.code == 2
    assert refused.err == (
        'error: out->out kept: is no part of this network; did you mean "out->out keep"?\n'
    )
