"""The benchmark of a large campaign, at a few trials: they are trained, and its commands timed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.waiting import GUARD

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_it_runs(tmp_path: Path) -> None:
    command = [sys.executable, "benchmarks/large_campaign.py", "--trials", "8", "--json"]
    done = subprocess.run(
        [*command, "--keep", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=GUARD,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["counts"]["finished"] == 8
    assert found["s_per_trial"] == pytest.approx(found["seconds"] / 8)
    assert {"status large", "top large", "trial list large"} <= set(found["command_seconds"])
    assert all(0 < seconds < 60 for seconds in found["command_seconds"].values())
