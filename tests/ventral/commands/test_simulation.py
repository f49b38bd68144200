"""`ventral brain simulate`: recordings with a known answer, and the power of an experiment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from space.errors import InputError
from space.genome import Genome
from space.zoo import cells
from space.zoo.reciprocal_gated import rgc_median
from tests.support.teachers import write_genome
from tests.ventral.conftest import Shell
from ventral.commands.brains import describe
from ventral.commands.simulation import simulate
from ventral.output import Format
from workers.brains.reading import read_assembly


def save(genome: Genome, file: Path) -> str:
    file.write_text(json.dumps(genome.document()))
    return str(file)


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    teacher = save(write_genome(rgc_median(cell_depth=6)), tmp_path / "teacher.json")
    images = ["--data", "digits", "--set", "size=16", "--count", "100"]
    layers = ["--layers", "conv2,conv3,conv4", "--traces", str(tmp_path / "traces")]
    return ["brain", "simulate", teacher, *images, *layers, "--neurons", "12"]


@pytest.fixture
def options(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The same as arguments of the command's function."""
    folder = tmp_path_factory.getbasetemp() / "options"
    folder.mkdir(exist_ok=True)
    return {
        "teacher": save(write_genome(rgc_median(cell_depth=6)), folder / "teacher.json"),
        "data": "digits",
        "options": ["size=16"],
        "count": 100,
        "layers": "conv2,conv3,conv4",
        "traces": folder / "traces",
        "neurons": 12,
    }


def test_a_recording_is_written_described_and_scored(
    shell: Shell, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "it.nc"
    done = shell(*words, "--out", str(file), "--latency-ms", "20", "--seed", "3")
    assert done.code == 0, done.err
    assert done.out.splitlines() == [
        f"{file}: 1,000 presentations of 100 stimuli, 12 neurons, 12 time bins",
        f"{tmp_path / 'it.truth.json'}: what is true of it",
        f"ventral brain describe {file}",
    ]
    assert "no weights come with it; these are random (seed 0)" in done.err
    truth = json.loads((tmp_path / "it.truth.json").read_text())
    assert (truth["latency"], truth["ceiling"], truth["seed"]) == (20, 0.8, 3)
    assert truth["areas"] == ["V4"] * 6 + ["IT"] * 6
    assert truth["preferred"] == ["conv3"] * 6 + ["conv4"] * 6
    assert len(truth["solved"]) == 100
    describe(file, output=Format.json)
    facts = json.loads(capsys.readouterr().out)
    assert (facts["stimuli"], facts["neurons"], len(facts["bins"])) == (100, 12, 12)
    assert facts["areas"] == {"V4": 6, "IT": 6}
    scored = shell(
        *("score", "neural", words[2], "--assembly", str(file), "--area", "IT"),
        *("--stimuli", str(tmp_path / "it.stimuli/stimuli.csv"), "--map", "ridge"),
        *("--images", str(tmp_path / "it.stimuli/images"), "--layers", "conv3,conv4"),
        *("--offset-ms", "20"),
        *("--traces", str(tmp_path / "traces"), "--splits", "2", "-o", "json"),
    )
    assert scored.code == 0, scored.err
    late = {row["layer"]: row["score"] for row in scored.json if row["bin"] == "100-110"}
    assert late["conv4"] > max(0.7, late["conv3"]), "it is conv4 that they read"


def test_power_is_a_row_a_size(
    options: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rival = save(write_genome(cells.ugrnn()), tmp_path / "rival.json")
    asked: dict[str, Any] = {"power": True, "rival": [rival], "other_seeds": 1, "draws": 4}
    simulate(**options, **asked, try_repetitions="1,10", output=Format.json)
    few, many = json.loads(capsys.readouterr().out)
    assert (few["repetitions"], many["repetitions"]) == (1, 10)
    assert few["ceiling"] == pytest.approx(0.8 / 2.8)
    assert many["ceiling"] == pytest.approx(0.8)
    teacher = options["teacher"]
    assert set(many["scores"]) == {teacher, "static twin", f"{teacher}, seed 1", rival}
    assert many["scores"][teacher] > few["scores"][teacher]
    assert many["draws"] == 4
    assert many["first_of_draws"].startswith(f"{many['first']} of 4 (")
    assert 0 <= many["first_low"] <= many["first"] / 4 <= many["first_high"] <= 1


def test_a_table_of_stimuli_gives_the_recording_of_its_images(
    options: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = tmp_path / "one.npz", tmp_path / "other.npz"
    simulate(**options, out=one, output=Format.json)
    assert json.loads(capsys.readouterr().out)["presentations"] == 1000
    folder = tmp_path / "one.stimuli"
    given = {"stimuli": folder / "stimuli.csv", "images": folder / "images"}
    simulate(**(options | {"data": None} | given), out=other)
    first, second = read_assembly(one), read_assembly(other)
    np.testing.assert_array_equal(first.values, second.values)
    assert first.bin_names[-1] == "140-150"
    assert not (tmp_path / "other.stimuli").exists()


def test_power_is_a_table(options: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    simulate(**options, power=True, draws=2, other_seeds=0, try_neurons="4,12")
    shown = capsys.readouterr()
    assert "teacher first" in shown.out
    assert [line.split()[:3] for line in shown.out.splitlines() if "static twin" in line] == [
        ["100", "4", "10"],
        ["100", "12", "10"],
    ]
    assert "100 images, 4 neurons, 10 times: 2 recordings analysed" in shown.err


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"out": None}, "--out: is not given; write --out FILE.nc, or ask for --power"),
        ({"power": True}, "--out and --power: are both given"),
        ({"rival": ["x"]}, "--try-... and --rival: are for --power"),
        ({"out": None, "power": True, "try_images": "20,1.5"}, "--try-images: '1.5' is no number"),
        ({"out": Path("it.txt")}, "it.txt: is of a kind that is not written ('.txt')"),
        ({"data": None}, "--data and --stimuli: are not given, neither of them"),
        ({"stimuli": Path("set.csv")}, "--data and --stimuli: are both given"),
        ({"data": None, "stimuli": Path("set.csv")}, "--images: is not given"),
        ({"data": "moon"}, "moon"),
        ({"count": 2000}, "count: 2,000 of"),
        ({"area": ["V4"]}, "--area: 'V4' is no area; write V4=conv3,conv4"),
        ({"area": ["IT=conv9"]}, "teacher.json: IT prefers conv9, which it has not"),
        ({"ceiling": 2.0}, "ceiling: 2; give a share above 0, at most 1"),
        ({"teacher": "nobody"}, "nobody"),
    ],
)
def test_wrong_options_are_one_error(
    options: dict[str, Any], tmp_path: Path, changes: dict[str, Any], text: str
) -> None:
    with pytest.raises(InputError) as error:
        simulate(**(options | {"out": tmp_path / "it.nc"} | changes))
    assert text in str(error.value)
    assert not (tmp_path / "it.nc").exists()
