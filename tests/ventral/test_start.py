"""Where the command begins, and what keeps it from running."""

import sys
from pathlib import Path

import pytest

from tests.support.processes import COMMAND, run_python

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("missing", "arguments", "wanted"),
    [
        ("typer", ["--help"], "'ventral-search[search]'"),
        ("pydantic", ["zoo", "list"], "ventral-search"),
        ("altair", ["report", "tour"], "'ventral-search[report]'"),
    ],
)
def test_a_missing_library_is_one_line_with_the_cure(
    missing: str, arguments: list[str], wanted: str
) -> None:
    done = run_python(COMMAND, *arguments, blocked=missing)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {missing} is not installed in {sys.prefix}; ")
    assert line.endswith(f"{sys.executable} -m pip install {wanted}")


def test_the_command_begins_there() -> None:
    assert 'ventral = "ventral.start:main"' in (ROOT / "pyproject.toml").read_text()
    done = run_python(COMMAND, "--help")
    assert done.returncode == 0
    assert "export" in done.stdout
