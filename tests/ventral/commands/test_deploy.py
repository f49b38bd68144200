"""`ventral deploy`: files rendered, checked and given their secrets by the command line."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from space.errors import InputError
from ventral.cli import app


def _run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["deploy", *map(str, words)])


def test_a_deployment_is_rendered_checked_and_given_secrets(tmp_path: Path) -> None:
    config, out = tmp_path / "deployment.yaml", tmp_path / "out"
    config.write_text("name: lab\nslurm: {nodes: 3}\n")
    done = _run("render", "--to", "slurm", "--to", "compose", "--config", config, "--out", out)
    assert done.exit_code == 0, done.output
    written = {Path(line).relative_to(out).as_posix() for line in done.stdout.split()}
    assert {"compose.yaml", "Dockerfile", "slurm/ventral.sbatch"} <= written
    assert "--nodes=3" in (out / "slurm" / "ventral.sbatch").read_text()
    assert _run("check", out).exit_code == 0
    assert len(_run("secrets", out).stdout.split()) == 13
    assert _run("secrets", out).stdout == ""
    assert _run("check", out).exit_code == 0


def test_findings_are_lines_and_end_with_2(tmp_path: Path) -> None:
    assert _run("render", "--to", "compose", "--out", tmp_path).exit_code == 0
    file = tmp_path / "compose.yaml"
    file.write_text(file.read_text().replace("127.0.0.1:5000", "5000").replace("read_only", "ro"))
    done = _run("check", tmp_path)
    assert done.exit_code == 2
    (line,) = done.stdout.splitlines()
    assert line.startswith("compose.yaml: services.")
    rows = json.loads(_run("check", tmp_path, "-o", "json").stdout)
    assert [set(row) for row in rows] == [{"file", "field", "problem", "cure"}]


@pytest.mark.parametrize(
    ("words", "cure"),
    [
        (("render", "--to", "composse"), 'did you mean "compose"'),
        (("render", "--to", "compose", "--config", "none.yaml"), "check the path"),
        (("check", "none"), "name the folder of a deployment"),
        (("secrets", "none"), "ventral deploy render"),
    ],
)
def test_what_cannot_be_done_is_one_error(words: tuple[str, ...], cure: str) -> None:
    done = _run(*words)
    assert isinstance(done.exception, InputError)
    assert cure in str(done.exception)
