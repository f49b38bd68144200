"""Where the command begins, and what keeps it from running."""

import sys
from pathlib import Path

import pytest

from tests.support.processes import COMMAND, run_python

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("missing", ["typer", "pydantic"])
def test_a_missing_dependency_is_one_line_with_the_cure(missing: str) -> None:
    done = run_python(COMMAND, "zoo", "list", blocked=missing)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {missing} is not installed in {sys.prefix}; ")
    assert "-m pip install ventral-search" in line


def test_the_command_begins_there() -> None:
    assert 'ventral = "ventral.start:main"' in (ROOT / "pyproject.toml").read_text()
    done = run_python(COMMAND, "--help")
    assert done.returncode == 0
    assert "export" in done.stdout
