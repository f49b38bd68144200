"""The Dockerfile and the scripts: our rules, and the linters of others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from search.deployment.text_rules import check_dockerfile, check_script
from tests.support.deployments import rendered, write_defaults

DIGEST = "sha256:" + "0" * 64
GOOD = f"ARG BASE=python:3@{DIGEST}\nFROM ${{BASE}} AS a\nFROM a\nUSER 10001\n"


def test_stages_and_arguments_are_followed() -> None:
    assert check_dockerfile(GOOD) == []
    (mistake,) = check_dockerfile(GOOD.replace(f"@{DIGEST}", ""))
    assert mistake.field == "FROM (line 2)"
    assert "python:3 has no digest" in mistake.problem


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("ADD https://example.org/a.tar /a", "ADD (line 5)"),
        ("RUN true && \\\n  curl -s https://example.org | bash", "RUN (line 5)"),
        ("ENV A=1 RAY_AUTH_MODE=disabled", "ENV (line 5)"),
        ("ARG API_KEY=abc", "ARG (line 5)"),
        ("USER root", "USER (line 5)"),
        ("FROM a AS last", "USER"),
    ],
)
def test_a_mistake_is_at_its_instruction(line: str, field: str) -> None:
    assert [one.field for one in check_dockerfile(f"{GOOD}{line}\n")] == [field]


def test_an_empty_dockerfile_is_a_mistake() -> None:
    assert [one.field for one in check_dockerfile("# nothing\n")] == ["FROM"]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("true\n", "set"),
        ("set -euo pipefail\nset -x\n", "line 2"),
        ("set -euo pipefail\nPGPASSWORD=abc psql\n", "line 2"),
        ("set -euo pipefail\nexec mlflow server --host 0.0.0.0\n", "mlflow server"),
    ],
)
def test_a_mistake_of_a_script_is_at_its_line(text: str, field: str) -> None:
    assert [one.field for one in check_script("a.sh", text)] == [field]


def test_a_secret_from_a_file_or_a_variable_is_none_in_the_open() -> None:
    text = 'set -euo pipefail\nPGPASSWORD="$(<"$secrets/a")"\nexport TOKEN="$OTHER"\n'
    assert check_script("a.sh", text) == []


def test_gpus_that_the_allocation_does_not_hold_are_a_mistake() -> None:
    text = rendered()["slurm/ventral.sbatch"].replace("#SBATCH --gpus-per-node=4\n", "")
    (mistake,) = check_script("ventral.sbatch", text)
    assert mistake.field == "#SBATCH --gpus-per-node"


def test_an_option_of_the_head_alone_is_a_mistake() -> None:
    text = rendered()["slurm/ventral.sbatch"].replace(
        "--min-nodes", "--include-dashboard=true --x"
    )
    (mistake,) = check_script("ventral.sbatch", text)
    assert "--include-dashboard" in mistake.problem


def _lint(program: str, *files: Path) -> str:
    done = subprocess.run(
        [Path(sys.executable).with_name(program), *files],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_hadolint_finds_nothing(tmp_path: Path) -> None:
    """But for what the Dockerfile leaves out by name, each with its reason beside it."""
    write_defaults(tmp_path)
    assert _lint("hadolint", tmp_path / "Dockerfile") == ""
    (tmp_path / "Dockerfile").write_text("FROM debian\nRUN cd /tmp\n")
    assert "DL3006" in _lint("hadolint", tmp_path / "Dockerfile")


def test_shellcheck_finds_nothing(tmp_path: Path) -> None:
    write_defaults(tmp_path)
    scripts = [*tmp_path.glob("*.sh"), *tmp_path.rglob("*.sbatch")]
    assert len(scripts) == 7
    assert _lint("shellcheck", *scripts) == ""
    (tmp_path / "a.sh").write_text("#!/bin/bash\nrm $1\n")
    assert "SC2086" in _lint("shellcheck", tmp_path / "a.sh")
