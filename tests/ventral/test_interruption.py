"""A campaign that is stopped, killed or left alone goes on as if nothing had been."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

from tests.ventral.conftest import Shell
from tests.waiting import GUARD, wait_until


def _done(shell: Shell, campaign: str) -> int:
    trials = shell("status", campaign, "-o", "json").json["trials"]
    return int(trials["finished"] + trials["pruned"])


def test_ctrl_c_keeps_everything_and_resume_ends_it(
    shell: Shell, campaign_file: Callable[..., Path]
) -> None:
    file = campaign_file("epochs: 2", "epochs: 4")
    running = shell.start("submit", file, "--no-estimate", "--id-file", "id.txt")
    wait_until((shell.folder / "id.txt").exists)
    campaign = (shell.folder / "id.txt").read_text().strip()
    wait_until(lambda: _done(shell, campaign) >= 1)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=GUARD)
    assert running.returncode == 1
    assert f"ventral resume {campaign}" in err
    assert "Traceback" not in err
    before = shell("trial", "list", campaign, "-o", "json").json
    assert shell("status", campaign, "-o", "json").json["state"] == "stopped"

    refused = shell("submit", file)
    assert refused.code == 2
    assert f"ventral resume {campaign}" in refused.err

    ended = shell("resume", campaign)
    assert ended.code == 0, ended.err
    after = {row["trial"]: row for row in shell("trial", "list", campaign, "-o", "json").json}
    assert sorted(after) == list(range(5))
    for row in before:
        if row["status"] in ("finished", "pruned"):
            assert after[row["trial"]] == row  # not trained again
    assert shell("status", campaign, "-o", "json").json["state"] == "finished"


def test_a_killed_driver_is_seen_and_resumed(
    shell: Shell, campaign_file: Callable[..., Path]
) -> None:
    running = shell.start("submit", campaign_file(), "--no-estimate", "--id-file", "id.txt")
    wait_until((shell.folder / "id.txt").exists)
    campaign = (shell.folder / "id.txt").read_text().strip()
    wait_until(lambda: _done(shell, campaign) >= 1)
    os.kill(running.pid, signal.SIGKILL)
    running.communicate()
    status = shell("status", campaign, "-o", "json").json
    assert status["state"] == "interrupted"
    assert status["trials"]["running"] == 0
    before = [
        row
        for row in shell("trial", "list", campaign, "-o", "json").json
        if row["status"] in ("finished", "pruned")
    ]
    ended = shell("resume", campaign)
    assert ended.code == 0, ended.err
    after = {row["trial"]: row for row in shell("trial", "list", campaign, "-o", "json").json}
    assert sorted(after) == list(range(5))
    assert all(after[row["trial"]] == row for row in before)


def test_a_detached_campaign_is_stopped_from_outside(
    shell: Shell, campaign_file: Callable[..., Path]
) -> None:
    file = campaign_file("trials: 5", "trials: 40")
    ended = shell("submit", file, "--no-estimate", "--detach", "--id-file", "id.txt")
    assert ended.code == 0, ended.err
    campaign = (shell.folder / "id.txt").read_text().strip()
    wait_until(lambda: _done(shell, campaign) >= 1)
    assert shell("stop", campaign).code == 0
    assert shell("status", campaign, "-o", "json").json["state"] == "stopped"
    assert "not running" in shell("stop", campaign).err
