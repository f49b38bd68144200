"""`ventral brain simulate`: recordings with a known answer, and the power of an experiment."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from space.genome import Genome
from space.zoo import cells
from space.zoo.reciprocal_gated import rgc_median
from tests.support.teachers import write_genome
from tests.ventral.conftest import Shell
from workers.brains.reading import read_assembly


def save(genome: Genome, file: Path) -> str:
    file.write_text(json.dumps(genome.document()))
    return str(file)


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    teacher = save(write_genome(rgc_median(cell_depth=6)), tmp_path / "teacher.json")
    images = ["--data", "digits", "--set", "size=16", "--count", "60"]
    layers = ["--layers", "conv2,conv3,conv4", "--traces", str(tmp_path / "traces")]
    return ["brain", "simulate", teacher, *images, *layers, "--neurons", "12"]


@pytest.mark.parametrize("ending", ["nc", "npz"])
def test_a_recording_is_written_described_and_scored(
    shell: Shell, words: list[str], tmp_path: Path, ending: str
) -> None:
    file = tmp_path / f"it.{ending}"
    done = shell(*words, "--out", str(file), "--latency-ms", "40", "--seed", "3")
    assert done.code == 0, done.err
    assert done.out.splitlines() == [
        f"{file}: 600 presentations of 60 stimuli, 12 neurons, 14 time bins",
        f"{tmp_path / 'it.truth.json'}: what is true of it",
        f"ventral brain describe {file}",
    ]
    assert "no weights come with it; these are random (seed 0)" in done.err
    truth = json.loads((tmp_path / "it.truth.json").read_text())
    assert (truth["latency"], truth["ceiling"], truth["seed"]) == (40, 0.8, 3)
    assert truth["areas"] == ["V4"] * 6 + ["IT"] * 6
    assert truth["preferred"] == ["conv3"] * 6 + ["conv4"] * 6
    assert len(truth["solved"]) == 60
    facts = shell("brain", "describe", str(file), "-o", "json").json
    assert (facts["stimuli"], facts["neurons"], len(facts["bins"])) == (60, 12, 14)
    assert facts["areas"] == {"V4": 6, "IT": 6}
    images = ["--stimuli", str(tmp_path / "it.stimuli/stimuli.csv")]
    images += ["--images", str(tmp_path / "it.stimuli/images")]
    features = write_features(tmp_path, truth["latency"])
    scored = shell(
        *("score", "neural", "--features", str(features), "--assembly", str(file)),
        *("--area", "IT", "--splits", "2", "-o", "json"),
    )
    best = {row["bin"]: row for row in scored.json if row["layer"] == "conv4"}
    assert best["100-110"]["ceiled"] > 0.7, "the layer that they read"
    again = shell(*words[:3], *images, *words[9:], "--out", str(tmp_path / f"again.{ending}"),
                  "--latency-ms", "40", "--seed", "3")
    assert again.code == 0, again.err
    first, second = (read_assembly(tmp_path / f"{name}.{ending}") for name in ("it", "again"))
    np.testing.assert_array_equal(first.values, second.values)
