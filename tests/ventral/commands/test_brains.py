"""`ventral brain` and `ventral score`: recordings described, features scored."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.build import build
from space.genome import Genome
from tests.support import exports
from tests.support.recordings import BRAIN_SCORE, draw_linear
from tests.support.shrinking import ROOT
from tests.support.stimuli import write_stimuli
from tests.ventral.conftest import Ended, Shell
from workers import export
from workers.data.preprocessing import normalise_pixels
from workers.export import load

BILINEAR = Image.Resampling.BILINEAR

PAGE = (ROOT / "docs" / "brains.md").read_text()


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """`draw_linear` as a recording and a file of features."""
    drawn = draw_linear()
    stimuli, repetitions, neurons = drawn.responses.shape
    np.savez(
        tmp_path / "it.npz",
        responses=drawn.responses.reshape(-1, neurons),
        stimulus_id=np.repeat(drawn.stimuli, repetitions),
        object_name=np.repeat(drawn.objects, repetitions),
        repetition=np.tile(np.arange(repetitions), stimuli),
        neuroid_id=np.arange(neurons),
        region=np.full(neurons, "IT"),
    )
    np.savez(tmp_path / "features.npz", stimulus_id=drawn.stimuli, stage5=drawn.features)
    return tmp_path


def test_a_network_s_features_are_scored(shell: Shell, recording: Path) -> None:
    words = ["score", "neural", "--features", str(recording / "features.npz")]
    words += ["--assembly", str(recording / "it.npz"), "--area", "IT"]
    (row,) = shell(*words, "-o", "json").json
    assert {key: row[key] for key in ("layer", "area", "bin", "splits")} == {
        "layer": "stage5",
        "area": "IT",
        "bin": None,
        "splits": 10,
    }
    for key in ("score", "error", "ceiling", "ceiled"):
        assert row[key] == pytest.approx(BRAIN_SCORE[key], abs=1e-6)
    shown = shell(*words, "--map", "ridge", "--map-a-bin", "--splits", "2").out
    assert re.search(r"stage5 +IT +0\.9\d{3} +0\.0\d{3} +0\.9130 +0\.9\d{3} +2 +12", shown)
    refused = shell(*words[:-1], "V1")
    assert refused.code == 2
    assert refused.err == f"error: {recording / 'it.npz'}: has no neuron in V1; it has IT\n"


def test_clamped_components_are_named(shell: Shell, recording: Path) -> None:
    drawn = draw_linear()
    few = recording / "few.npz"
    np.savez(few, stimulus_id=drawn.stimuli, early=drawn.features[:, :7])
    done = shell(
        "score", "neural", "--features", str(few), "--assembly", str(recording / "it.npz")
    )
    assert done.code == 0
    assert "fewer than 25 components, 7: there are fewer images or units" in done.err


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`one`, an export with its image off after two of four steps; `it.npz`, neurons that are
    linear in its first two steps, in bins of 10 ms; `set.csv` and `images`.
    """
    folder = tmp_path_factory.mktemp("seen")
    stimuli = write_stimuli(folder, 40, 12)
    document = exports.genome().document() | {"clock": {"steps": 4, "image_off": 2}}
    genome = Genome.parse(document)
    card = exports.card()
    export.write(folder / "one", genome, build(genome, seed=3).state_dict(), card)
    network = load(folder / "one")
    grey = [
        Image.open(folder / "images" / row["filename"]).convert("RGB")
        for row in stimuli.rows.values()
    ]
    pixels = np.stack([np.asarray(one.resize((8, 8), BILINEAR).convert("L")) for one in grey])
    images = normalise_pixels(pixels[..., None], card)
    maps = network.trace(images, ["conv1"])["conv1"]
    steps = np.stack([maps[step].detach().flatten(1).numpy() for step in (0, 1)], axis=1)
    weights = np.random.default_rng(0).standard_normal((3, steps.shape[2]))
    responses = np.zeros((40, 6, 4))
    responses[:, :, :2] = np.einsum("stf,nf->snt", steps, np.repeat(weights, 2, axis=0))
    responses += 0.1 * np.random.default_rng(1).standard_normal(responses.shape)
    np.savez(
        folder / "it.npz",
        responses=responses,
        stimulus_id=[*stimuli.rows],
        neuroid_id=np.arange(6),
        region=["V4", "IT"] * 3,
        time_bin_start=[0, 10, 20, 30],
        time_bin_end=[10, 20, 30, 40],
    )
    return folder


def score_models(shell: Shell, seen: Path, *words: str) -> Ended:
    given = {"--assembly": "it.npz", "--stimuli": "set.csv", "--images": "images"}
    places = [word for key, name in given.items() for word in (key, str(seen / name))]
    traces = ["--traces", str(seen / "traces")]
    return shell("score", "neural", *words, *places, *traces)


def test_networks_are_shown_the_stimuli_and_scored(shell: Shell, seen: Path) -> None:
    one, drawn = str(seen / "one"), str(seen / "one" / "genome.json")
    words = [one, drawn, "--layers", "conv1", "--area", "IT", "--map-a-bin", "--splits", "2"]
    done = score_models(shell, seen, *words, "-o", "json")
    assert done.err.count("no weights come with it; these are random (--seed 0)") == 1
    rows = done.json
    keys = ["model", "layer", "area", "bin", "score", "error", "ceiling", "ceiled", "splits"]
    assert all([*row][: len(keys)] == keys for row in rows)
    assert [(row["model"], row["layer"], row["bin"]) for row in rows] == [
        (model, "conv1", f"{start}-{start + 10}")
        for model in (one, drawn)
        for start in range(0, 40, 10)
    ]
    by_bin = {(row["model"], row["bin"]): row["score"] for row in rows}
    for bin_ in ("0-10", "10-20"):
        assert by_bin[one, bin_] > by_bin[drawn, bin_] > 0.3
        assert by_bin[one, bin_] > 0.75
    assert by_bin[one, "30-40"] in (None, 0)  # the image is off, and nothing varies
    longer = score_models(shell, seen, *words, "--image-ms", "40", "-o", "json").json
    late = [row["score"] for row in longer if (row["model"], row["bin"]) == (one, "30-40")]
    assert len(late) == 1
    assert late[0] > 0.1
    assert len([*(seen / "traces").iterdir()]) == 4


def test_a_network_stands_beside_a_control_with_a_fitted_time(shell: Shell, seen: Path) -> None:
    one, drawn = str(seen / "one"), str(seen / "one" / "genome.json")
    words = [one, "--control", drawn, "--layers", "conv1", "--area", "V4", "--splits", "2"]
    done = score_models(shell, seen, *words, "--fit-time", "--image-ms", "20", "-o", "json")
    assert {(row["model"], row["control"], row["milliseconds"]) for row in done.json} == {
        (one, False, 10),
        (drawn, True, 10),
    }
    assert {row["offset"] for row in done.json if row["model"] == one} == {0}
    assert {row["stimuli"] for row in done.json} == {30}
    assert f"{one}: a step is 10 ms, the first begins at 0 ms, the best of 11" in done.err
    assert f"V4: {one} " in done.err.splitlines()[-1]
    assert drawn in done.err.splitlines()[-1]


def test_what_cannot_be_shown_is_one_error(shell: Shell, seen: Path) -> None:
    def refuse(*words: str) -> str:
        done = score_models(shell, seen, *words)
        assert done.code == 2
        assert done.err.count("\n") == 1
        return done.err

    one = str(seen / "one")
    cure = "there is nothing of that name to trace; there are conv1"
    assert cure in refuse(one, "--layers", "V4")
    assert "step-ms: 0.0 is out of range" in refuse(one, "--step-ms", "0")


def test_recordings_and_stimulus_sets_are_described(shell: Shell, recording: Path) -> None:
    done = shell("brain", "describe", str(recording / "it.npz"))
    assert done.out.splitlines() == [
        f"{recording / 'it.npz'}: a recording (npz)",
        "1,200 presentations of 120 stimuli, 10 of each",
        "12 neurons, 12 in IT",
        "presentation: object_name, repetition, stimulus_id",
        "neuroid: neuroid_id, region",
    ]
    facts = shell("brain", "describe", str(recording / "it.npz"), "-o", "json").json
    assert (facts["stimuli"], facts["areas"]) == (120, {"IT": 12})
    table = recording / "set.csv"
    table.write_text("stimulus_id,filename\na,a.png\n")
    (recording / "a.png").write_bytes(b"image")
    words = ["brain", "describe", str(table), "--images", str(recording)]
    assert shell(*words).out.splitlines()[1:] == [
        "columns: stimulus_id, filename",
        f"images: {recording}, all there, 5 bytes",
    ]
    assert shell(*words, "-o", "json").json["image_bytes"] == 5
    table.write_text("stimulus_id,filename\na,../a.png\n")
    refused = shell(*words)
    assert refused.code == 2
    assert "'../a.png' leads elsewhere" in refused.err


def test_the_page_s_command_runs(seen: Path) -> None:
    command = next(
        block
        for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
        if block.startswith("ventral score neural cell")
    )
    if not (seen / "cell").exists():
        (seen / "cell").symlink_to(seen / "one")
    done = Shell(seen)(*shlex.split(command)[1:], "--splits", "2")
    assert done.code == 0, done.err
    assert re.search(r"cell +conv1 +V4 +30-40 +0\.\d{4}", done.out)


def test_the_page_s_example_runs() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        exec(block, {})
