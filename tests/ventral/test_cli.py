"""The command line by itself: help, spaces, data, and what bad input says."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from search.campaign import load
from search.home import Home
from tests.ventral.conftest import COMMAND, Shell
from ventral.cli import app
from workers.data.packing import pack

ROOT = Path(__file__).parents[2]
HEAVY = (
    "torch",
    "ray",
    "mlflow",
    "pandas",
    "sqlalchemy",
    "optuna",
    "hyperopt",
    "sklearn",
    "numpy",
)


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys; from ventral.cli import main\n"
        "sys.argv = ['ventral', '--help']\n"
        "try: main()\nexcept SystemExit: pass\n"
        f"print([n for n in {HEAVY} if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "submit" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("group", ["", "space", "data", "trial", "zoo"])
def test_every_command_has_help(shell: Shell, group: str) -> None:
    ended = shell(*([group] if group else []), "--help")
    assert ended.code == 0
    listed = ended.out.partition("Commands:")[2].strip().splitlines()
    assert listed
    for line in listed:
        name = line.split()[0]
        told = shell(*([group] if group else []), name, "--help")
        assert told.code == 0
        assert "Usage" in told.out


def test_space_sample_is_the_same_twice(shell: Shell) -> None:
    arguments = ("space", "sample", "motifs-2018", "-n", "3", "--seed", "9", "-o", "json")
    first, second = shell(*arguments).json, shell(*arguments).json
    assert first == second
    assert len({row["digest"] for row in first}) == 3
    assert all({"choices", "genome", "digest"} <= row.keys() for row in first)
    assert first != shell(*arguments[:-3], "10", "-o", "json").json


def test_space_commands(shell: Shell) -> None:
    names = [row["name"] for row in shell("space", "list", "-o", "json").json]
    assert {"motifs-small", "motifs-2018"} <= set(names)
    counted = shell("space", "count", "motifs-small", "--draws", "50", "-o", "json").json
    assert counted["conditional"] < counted["choices"]
    assert counted["log10"] > 10
    assert "two.hidden.keep.kernel" in shell("space", "show", "motifs-small").out
    assert shell("space", "validate", "motifs-small", "-n", "20").code == 0


def test_validate_counts_what_is_no_network_at_the_images(shell: Shell) -> None:
    states = "{out: {drive: {edges: [{add: {of: input, kernel: {choice: [3, 5], name: k}}}]}}}"
    stages = "[{name: a, convolution: {width: 4}, cell: c}]"
    (shell.folder / "s.yaml").write_text(
        f"name: s\ngenome: {{stages: {stages}, cells: {{c: {{output: out, states: {states}}}}},"
        " feedback: {}, clock: {steps: 3}}\n"
    )
    arguments = ("space", "validate", "s.yaml", "-n", "30")
    whole = shell(*arguments, "-o", "json").json
    assert whole["image"] == {"size": 224, "channels": 3, "classes": 1000}
    assert (whole["samples"], whole["infeasible"], whole["reasons"]) == (32, 0, [])
    small = shell(*arguments, "--size", "4", "-o", "json").json
    assert 0 < small["infeasible"] < small["samples"]
    ((only),) = small["reasons"]
    assert only["count"] == small["infeasible"]
    assert "5 exceeds the 4x4 map" in only["reason"]
    assert only["chosen"] == {"k": 5}
    assert small["warnings"] == []
    told = shell(*arguments, "--size", "4")
    assert told.code == 0
    assert "4x4 pixels" in told.out
    assert only["reason"] in told.out
    digits = shell(*arguments, "--data", "digits", "-o", "json").json
    assert digits["image"] == {"size": 8, "channels": 1, "classes": 10}
    none = shell(*arguments, "--size", "2")
    assert none.code == 2
    assert "exceeds the 2x2 map" in none.err


def test_data_is_listed_and_packed_once(shell: Shell) -> None:
    names = {row["name"] for row in shell("data", "list", "-o", "json").json}
    assert names == {"digits", "digits-occluded", "fashion-mnist", "imagefolder"}
    first = shell("data", "pack", "digits", "-o", "json").json
    again = shell("data", "pack", "digits", "-o", "json").json
    assert first == again
    assert Path(first["path"]).is_dir()
    assert (first["train"], first["test"]) == (1200, 597)
    assert first["splits"] == {"train": 1200, "test": 597}


def test_a_pack_is_the_one_that_a_campaign_of_the_same_words_uses(
    campaign_file: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENTRAL_HOME", str(tmp_path / "home"))

    def packed(*arguments: str) -> dict[str, Any]:
        done = CliRunner().invoke(app, ["data", "pack", *arguments, "-o", "json"])
        assert done.exit_code == 0, done.output
        return dict(json.loads(done.stdout))

    file = campaign_file("name: digits, size: 8", "name: digits-occluded, copies: 1, size: 8")
    file.write_text(file.read_text() + "resources: {gpus: 9}\n")  # packing takes none
    by_file = packed(str(file))
    words = ("--set", "copies=1", "--set", "train_images=300", "--set", "test_images=100")
    assert packed("digits-occluded", "--size", "8", *words) == by_file
    used = pack(load(file, ["resources.gpus=0"]).data, Home.at().data)
    assert (by_file["path"], by_file["checksum"]) == (str(used.path), used.checksum)
    assert packed(str(file), "--set", "copies=2")["checksum"] != used.checksum


BAD_CAMPAIGNS = {
    "misspelt key": ("budget:", "budgets:", 'did you mean "budget"'),
    "misspelt nested key": ("trials: 5", "trails: 5", 'did you mean "trials"'),
    "unknown space": ("motifs-small", "motifs-smal", "motifs-small"),
    "text for a number": ("trials: 5", 'trials: "5"', "without quotes"),
    "no trials": ("trials: 5", "trials: 0", "at least 1"),
    "unknown sampler": ("random", "randon", '"random"'),
    "unknown data": ("name: digits,", "name: digitz,", "digits"),
    "missing data": (
        "{name: digits, size: 8, train_images: 300, test_images: 100}",
        "{name: imagefolder, path: /nowhere/images, size: 8}",
        "/nowhere/images",
    ),
    "GPU that is not here": ("seed: 3", "seed: 3\nresources: {gpus: 9}", "resources.gpus"),
    "rungs beyond the training": ("grace_epochs: 1", "grace_epochs: 8", "recipe.epochs"),
    "not YAML": ("name: tiny", "name: [tiny", "line"),
}


@pytest.mark.parametrize("case", BAD_CAMPAIGNS)
def test_a_bad_campaign_names_field_and_cure_and_writes_nothing(
    shell: Shell, campaign_file: Callable[..., Path], case: str
) -> None:
    old, new, text = BAD_CAMPAIGNS[case]
    ended = shell("submit", campaign_file(old, new))
    assert ended.code == 2, ended.err
    assert text in ended.err
    assert "Traceback" not in ended.err
    assert ended.out == ""
    assert not (shell.home / "campaigns").exists()
    assert not shell("list", "-o", "json").out.strip().strip("[]")


def test_bad_overrides(shell: Shell, campaign_file: Callable[..., Path]) -> None:
    for override, text in (
        ("budget.trails=3", "trails"),
        ("budget.trials=many", "many"),
        ("budget", "PATH=VALUE"),
    ):
        ended = shell("submit", campaign_file(), "--set", override)
        assert ended.code == 2, ended.err
        assert text in ended.err


@pytest.mark.parametrize(
    ("genome", "text"),
    [
        ("{stages: [{name: a, convolution: {width: 4, kernel: 0}}]}", "0 is not at least 1"),
        (
            "{stages: [{name: a, convolution: {width: 4}}], feedback: {b->a: true}}",
            'no stage is called "b"',
        ),
        ("{stages: [{name: a, convolution: {widht: 4}}]}", "width"),
    ],
)
def test_a_bad_space_names_field_and_cure(shell: Shell, genome: str, text: str) -> None:
    file = shell.folder / "space.yaml"
    file.write_text(f"name: bad\ngenome: {genome}\n")
    for command in ("sample", "count", "validate"):
        ended = shell("space", command, file)
        assert ended.code == 2, ended.err
        assert text in ended.err
        assert "Traceback" not in ended.err


def test_commands_on_nothing(shell: Shell) -> None:
    for command in (("status", "x"), ("top", "x"), ("resume", "x"), ("trial", "list", "x")):
        ended = shell(*command)
        assert ended.code == 2, ended.err
        assert "Traceback" not in ended.err
    assert not shell.home.exists()
    assert shell("submit", "none.yaml").code == 2
    assert shell("nonsense").code == 2
    assert shell("top").code == 2


def test_output_may_be_cut_off() -> None:
    done = subprocess.run(
        f"{COMMAND} space sample motifs-small -n 50 -o json | head -n 1",
        shell=True,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Traceback" not in done.stderr


def test_a_folder_of_images_may_have_any_name_that_is_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    monkeypatch.setenv("VENTRAL_HOME", str(tmp_path / "home"))
    for name in ("\u2603 \U0001f600: {x}", os.fsdecode(b"b\xe4r")):
        for label in ("cats", "dogs"):
            (tmp_path / name / label).mkdir(parents=True)
            for number in range(3):
                image = Image.new("RGB", (8, 8), (25 * number, 0, 99))
                image.save(tmp_path / name / label / f"{number}.png")
        command = ["data", "pack", "imagefolder", "--size", "8", "--path", str(tmp_path / name)]
        done = CliRunner().invoke(app, command)
        if name.isprintable():
            assert done.exit_code == 0, done.output
        else:
            assert "is not UTF-8 text; rename the folder" in str(done.exception)


def test_a_tree_of_images_is_packed_from_the_command_line(shell: Shell) -> None:
    from PIL import Image

    for label in ("cats", "dogs"):
        folder = shell.folder / "images" / label
        folder.mkdir(parents=True)
        for number in range(10):
            Image.new("RGB", (20, 14), (25 * number, 0, 99)).save(folder / f"{number}.png")
    (shell.folder / "images" / "dogs" / "notes.txt").write_text("no picture")
    packed = shell("data", "pack", "imagefolder", "--path", "images", "--size", "8", "-o", "json")
    assert packed.code == 0, packed.err
    assert packed.json["classes"] == 2
    assert packed.json["channels"] == 3
    assert packed.json["splits"] == {"train": 18, "test": 2}
    assert packed.json["images"] == [
        {"class": "cats", "train": 9, "test": 1},
        {"class": "dogs", "train": 9, "test": 1},
    ]
    assert packed.json["passed_over"] == [
        {"reason": "not an image (.txt)", "count": 1, "first": "dogs/notes.txt"}
    ]
    told = shell("data", "pack", "imagefolder", "--path", "images", "--size", "8").out
    assert "9        1  cats" in told
    assert "1  not an image (.txt): dogs/notes.txt" in told
    assert "a tenth of the images, every class in proportion" in told
    for name in ("cats/3.png", "dogs/4.png"):
        (shell.folder / "images" / name).write_bytes(b"no picture")
    broken = shell("data", "pack", "imagefolder", "--path", "images", "--size", "16")
    assert broken.code == 2
    assert "cats/3.png" in broken.err
    assert "dogs/4.png" in broken.err
    assert "Traceback" not in broken.err


CAMPAIGN = "{name: a, space: motifs-small, data: {name: digits, size: 8}, seed: 1}"


WRONG = [
    ["submit", "wrong.yaml"],
    ["submit", "good.yaml", "--set", "recipe.epochs=none"],
    ["submit", "good.yaml", "--set", "resources.cpus=100000"],
    ["submit", "good.yaml", "--dry-run", "--set", "space=nowhere"],
    ["submit", "none.yaml"],
    ["submit", "--from", "nobody"],
    ["status", "nobody"],
    ["top", "nobody"],
    ["logs", "nobody"],
    ["stop", "nobody"],
    ["resume", "nobody"],
    ["replay", "nobody"],
    ["certify", "nobody"],
    ["trial", "list", "nobody"],
    ["trial", "show", "nobody", "1"],
    ["trial", "retry", "nobody", "--failed"],
    ["export", "nobody", "--top", "1", "--to", "cells"],
    ["drill", "--fault", "flood"],
    ["space", "validate", "nowhere"],
    ["zoo", "show", "nothing"],
    ["plan", "nothing"],
]


def test_wrong_input_is_told_before_anything_heavy_is_loaded(tmp_path: Path) -> None:
    """The modules that take seconds to load are not there when the error is told. All in one
    process, where none of the commands before has loaded them either.
    """
    (tmp_path / "wrong.yaml").write_text("{name: a, spaces: motifs-small}")
    (tmp_path / "good.yaml").write_text(CAMPAIGN)
    program = (
        "import json, sys\n"
        "from search.home import Home\n"
        "from search.store import Store\n"
        "home = Home.at()\n"
        "home.ensure()\n"
        "Store.open(home.store_url).close()\n"
        "from ventral import cli\n"
        "for arguments in json.loads(sys.stdin.read()):\n"
        "    sys.argv = ['ventral', *arguments]\n"
        "    code = 0\n"
        "    try: cli.main()\n"
        "    except SystemExit as ended: code = ended.code\n"
        "    heavy = [n for n in ('torch', 'ray', 'mlflow', 'pandas') if n in sys.modules]\n"
        "    print(json.dumps([arguments, code, heavy]))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        input=json.dumps(WRONG),
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=Shell(tmp_path).environment() | {"PYTHONPATH": str(ROOT)},
    )
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert told == [[arguments, 2, []] for arguments in WRONG], done.stderr
    assert len(done.stderr.splitlines()) == len(WRONG)
