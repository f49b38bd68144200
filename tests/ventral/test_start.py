"""Where the command begins, and what keeps it from running."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


COMMAND = "from ventral.start import main; main()"


def python(
    code: str, *arguments: str, folder: Path = ROOT, blocked: str = ""
) -> subprocess.CompletedProcess[str]:
    """Python in a folder, where the modules in `blocked` cannot be imported."""
    start = "import sys\n" + "".join(f"sys.modules['{n}'] = None\n" for n in blocked.split())
    return subprocess.run(
        [sys.executable, "-c", start + code, *arguments],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("missing", ["typer", "pydantic"])
def test_a_missing_dependency_is_one_line_with_the_cure(missing: str) -> None:
    done = python(COMMAND, "zoo", "list", blocked=missing)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {missing} is not installed in {sys.prefix}; ")
    assert "-m pip install ventral-search" in line


def test_the_command_begins_there() -> None:
    assert 'ventral = "ventral.start:main"' in (ROOT / "pyproject.toml").read_text()
    done = python(COMMAND, "--help")
    assert done.returncode == 0
    assert "export" in done.stdout
