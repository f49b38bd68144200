"""A campaign that is stopped, killed or left alone goes on as if nothing had been."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from search.store import Status, Store
from tests.support.waiting import GUARD, wait_until
from tests.ventral.conftest import Shell

ENDED: tuple[Status, ...] = ("finished", "pruned")


def _await(shell: Shell, campaign: str, more_than: int = 0) -> None:
    """Wait until more than so many trials are over."""
    store = Store.open(f"sqlite:///{shell.home}/store.db")
    wait_until(
        lambda: sum(store.results.counts(campaign)[one] for one in ENDED) > more_than, pause=0.2
    )
    store.close()


def _rows(shell: Shell, campaign: str) -> dict[int, dict[str, Any]]:
    return {row["trial"]: row for row in shell("trial", "list", campaign, "-o", "json").json}


@pytest.mark.slow
def test_a_killed_and_an_interrupted_campaign_go_on_as_if_nothing_had_been(
    shell: Shell, campaign_file: Callable[..., Path]
) -> None:
    """kill -9, then Ctrl-C to the second driver; the third one brings it to its end.

    No budget is near its end before that, however slowly this test looks.
    """
    file = campaign_file("trials: 5", "trials: 400")
    running = shell.start("submit", file, "--no-estimate", "--id-file", "id.txt")
    wait_until((shell.folder / "id.txt").exists)
    campaign = (shell.folder / "id.txt").read_text().strip()
    _await(shell, campaign)
    os.kill(running.pid, signal.SIGKILL)
    running.communicate()
    status = shell("status", campaign, "-o", "json").json
    assert status["state"] == "interrupted"
    assert status["trials"]["running"] == 0
    ended = {n: row for n, row in _rows(shell, campaign).items() if row["status"] in ENDED}

    running = shell.start("resume", campaign)
    _await(shell, campaign, len(ended))
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=GUARD)
    assert running.returncode == 1
    assert f"ventral resume {campaign}" in err
    assert "Traceback" not in err
    rows = _rows(shell, campaign)
    assert rows | ended == rows, "not trained again"
    ended = {number: row for number, row in rows.items() if row["status"] in ENDED}
    assert shell("status", campaign, "-o", "json").json["state"] == "stopped"
    refused = shell("submit", file)
    assert refused.code == 2
    assert f"ventral resume {campaign}" in refused.err

    resumed = shell("resume", campaign, "--set", f"budget.trials={len(rows)}")
    assert resumed.code == 0, resumed.err
    last = _rows(shell, campaign)
    assert sorted(last) == list(range(len(rows)))
    assert last | ended == last, "not trained again"
    assert shell("status", campaign, "-o", "json").json["state"] == "finished"


@pytest.mark.slow
def test_a_detached_campaign_is_stopped_from_outside(
    shell: Shell, campaign_file: Callable[..., Path]
) -> None:
    file = campaign_file("trials: 5", "trials: 400")
    ended = shell("submit", file, "--no-estimate", "--detach", "--id-file", "id.txt")
    assert ended.code == 0, ended.err
    campaign = (shell.folder / "id.txt").read_text().strip()
    _await(shell, campaign)
    assert shell("stop", campaign).code == 0
    assert shell("status", campaign, "-o", "json").json["state"] == "stopped"
    assert "not running" in shell("stop", campaign).err
