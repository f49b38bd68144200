"""docs/simulated-recordings.md is true: its Python runs, and so do its commands."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.shrinking import ROOT
from tests.ventral.conftest import Shell

PAGE = (ROOT / "docs" / "simulated-recordings.md").read_text()
COMMANDS = [
    shlex.split(line)[1:]
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S)
    for line in block.replace("\\\n", " ").splitlines()
    if line.startswith("ventral ")
]


def test_its_python_runs() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 3
    names: dict[str, Any] = {}
    for block in blocks:
        exec(block, names)


@pytest.mark.slow
def test_its_commands_run(shell: Shell) -> None:
    """The power analysis with fewer draws."""
    assert [words[:2] for words in COMMANDS] == [
        ["brain", "simulate"],
        ["brain", "describe"],
        ["score", "neural"],
        ["brain", "simulate"],
    ]
    folder = shell.folder / "examples"
    folder.mkdir()
    shutil.copy(ROOT / "examples" / "teacher.yaml", folder)
    simulated, described, scored, planned = COMMANDS
    assert shell(*simulated).code == 0
    assert "2,000 presentations of 200 stimuli, 10 of each" in shell(*described).out
    truth = json.loads(Path(shell.folder, "it.truth.json").read_text())
    assert (truth["latency"], set(truth["preferred"])) == (50, {"conv3", "conv4"})
    done = shell(*scored)
    assert "a step is 10 ms, the first begins at 50 ms" in done.err
    shares = {
        tuple(line.split()[1:3]): line.split()[-1]
        for line in done.out.splitlines()
        if " 140-150 " in line
    }
    assert (shares["conv3", "V4"], shares["conv4", "IT"]) == ("100%", "100%")
    planned[planned.index("--draws") + 1] = "4"
    rows = shell(*planned, "-o", "json").json
    assert [(row["images"], row["repetitions"]) for row in rows] == [
        (images, repetitions) for images in (50, 100) for repetitions in (1, 2, 5)
    ]
    assert rows[-1]["first"] == 4
    assert rows[0]["preferred"] < rows[-1]["preferred"]
