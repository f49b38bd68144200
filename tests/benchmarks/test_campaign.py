"""The benchmark of driving a campaign, at a few trials: it runs, and says what it is to say."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.waiting import GUARD

ROOT = Path(__file__).parents[2]


def ran(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "benchmarks/campaign.py", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=GUARD,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_measured(row: dict[str, Any], trials: int) -> None:
    assert row["trials"] == trials
    assert row["ventral_s_per_trial"] > 0
    assert 100 < row["driver_mb"] < 1000
    assert row["mlflow_runs"] == {"FINISHED": trials}, "every run is there, and ended"
    assert row["mlflow_lag_s"] > 0
    assert row["ventral"]["state"] == "finished"
    assert row["ventral"]["growth"] > 0
    assert len(row["ventral"]["ms_by_hundred"]) == 1


@pytest.mark.slow
def test_ventral_alone() -> None:
    found = json.loads(ran("--trials", "12", "--no-ray", "--json"))
    assert found["sampler"] == "optuna"
    [row] = found["sizes"]
    assert_measured(row, 12)


@pytest.mark.slow
def test_all_systems_side_by_side() -> None:
    found = json.loads(ran("--trials", "12", "--mlflow-trials", "6", "--json"))
    [row] = found["sizes"]
    assert_measured(row, 12)
    assert row["ray_tune"]["state"] == row["ray_tune_mlflow"]["state"] == "finished"
    assert row["ray_tune_mlflow_trials"] == 6
    assert row["ray_tune_mlflow"]["mlflow_runs"] == {"FINISHED": 6}
    for name in ("ray_tune", "ray_tune_mlflow"):
        ratio = row["ventral_s_per_trial"] / row[f"{name}_s_per_trial"]
        assert row[f"ventral_over_{name}"] == pytest.approx(ratio)


@pytest.mark.slow
def test_the_table_says_what_was_left_out() -> None:
    told = ran("--trials", "10", "--sampler", "random", "--no-ray")
    assert "random, 1 epochs a trial" in told
    assert told.count("not run") == 4
