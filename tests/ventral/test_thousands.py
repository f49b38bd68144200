"""The commands that look, on a campaign of thousands of trials."""

from __future__ import annotations

import os
import pstats
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from search.host.home import Home
from search.store import Store
from tests.support import large
from tests.support.waiting import GUARD
from tests.ventral.conftest import COMMAND, Shell


@pytest.mark.parametrize(
    ("command", "millions"),
    [
        pytest.param(["status"], 1.5, id="status"),
        pytest.param(["top"], 2, id="top", marks=pytest.mark.slow),
        pytest.param(["trial", "list"], 2.5, id="trial list", marks=pytest.mark.slow),
        pytest.param(["trial", "list", "-o", "json"], 10, id="trial list -o json"),
    ],
)
def test_five_thousand_trials_take_under_two_seconds(
    command: list[str], millions: float, thousands: tuple[Shell, str], tmp_path: Path
) -> None:
    """As calls of functions, with Python's start: a fifth and more above what was counted."""
    shell, campaign_id = thousands
    arguments: list[Any] = [COMMAND, *command[:2], campaign_id, *command[2:]]
    if command[0] != "trial":
        arguments = [COMMAND, *command, campaign_id]
    done = subprocess.run(
        [sys.executable, "-m", "cProfile", "-o", tmp_path / "profile", *arguments],
        cwd=shell.folder,
        env=shell.environment(),
        capture_output=True,
        timeout=GUARD,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) > (5000 if command[0] == "trial" else 2)
    calls = pstats.Stats(str(tmp_path / "profile")).total_calls  # type: ignore[attr-defined]
    assert calls < millions * 1e6


@pytest.fixture(scope="module")
def thousands(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shell, str]:
    shell = Shell(tmp_path_factory.mktemp("thousands"))
    home = Home.at(shell.home, os.environ)
    home.ensure()
    store = Store.open(f"sqlite:///{shell.home}/store.db")
    record = large.campaign(store, 5_000)
    store.close()
    return shell, record.id
