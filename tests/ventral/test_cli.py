"""The command line by itself: help, exit codes, and what is loaded before an error is told."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ventral.conftest import COMMAND, Shell

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
    ["lesion", "nobody", "--trial", "0"],
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
        "from search.host.home import Home\n"
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
