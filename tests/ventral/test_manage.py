"""Many campaigns by the command line: estimates, clones, retries, budgets, names, gc, status."""

from __future__ import annotations

import os
import pstats
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from search.home import Home
from search.store import Store
from space.errors import CampaignError
from tests.support import large, toys
from tests.support.campaigns import add, fill, new_campaign, report
from tests.support.tables import change_rows
from tests.support.waiting import GUARD
from tests.ventral.conftest import COMMAND, Campaign, Shell
from ventral.launching import refuse_if_interrupted


@pytest.fixture
def store(shell: Shell) -> Store:
    home = Home.at(shell.home)
    home.ensure()
    return Store.open(home.store_url)


# ---------------------------------------------------------------------- before it starts


@pytest.mark.parametrize(
    ("recorded", "same"), [("/data/images", True), ("images", True), ("/data/others", False)]
)
def test_an_interrupted_campaign_is_known_again_by_its_images(
    store: Store, recorded: str, same: bool
) -> None:
    """A path on record that is relative is of an earlier version."""
    data = {"name": "imagefolder", "path": "/data/images", "size": 8}
    submitted = toys.campaign(data=data)
    document = submitted.document()
    document["data"]["path"] = recorded
    begun = store.create_campaign("toy", document, {}, {})
    store.set_state(begun.id, "stopped")
    if same:
        with pytest.raises(CampaignError, match="was stopped"):
            refuse_if_interrupted(submitted, store)
    else:
        refuse_if_interrupted(submitted, store)


def test_a_dry_run_says_what_it_will_take_and_starts_nothing(
    campaign: Campaign, shell: Shell, campaign_file: Callable[..., Path]
) -> None:
    """With what the campaign of the session has measured of this machine."""
    shell.home.mkdir()
    measured = campaign.shell.home / "calibrations.json"
    (shell.home / "calibrations.json").write_bytes(measured.read_bytes())
    alike = ("--dry-run", "--set", "resources.concurrent=1")
    ended = shell("submit", campaign_file(), *alike, "-o", "json")
    assert ended.code == 0, ended.err
    found = ended.json
    assert found["trials"]["likely"] == 5
    assert 5 <= found["epochs"]["low"] <= found["epochs"]["high"] <= 10
    assert 0 < found["seconds"]["low"] <= found["seconds"]["high"]
    assert found["ends_by"] == "trials"
    assert not (shell.home / "store.db").exists()
    told = shell("submit", campaign_file(), *alike, "--set", "budget.epochs=3")
    assert re.search(r"for (1 to )?[23] trials of (2 to )?3 epochs", told.out)
    assert "budget.epochs ends it before budget.trials does" in told.out


def test_a_submission_mentions_its_estimate(campaign: Campaign) -> None:
    assert "estimate: " in campaign.ended.err
    assert "for 5 trials of" in campaign.ended.err
    assert "core hours" in campaign.ended.err


@pytest.mark.usefixtures("store")
def test_a_submission_is_of_a_file_or_of_a_campaign(shell: Shell) -> None:
    neither = shell("submit")
    assert neither.code == 2
    assert "give a FILE, or --from ID" in neither.err
    unknown = shell("submit", "--from", "nobody", "--dry-run")
    assert unknown.code == 2
    assert "no campaign 'nobody'" in unknown.err


@pytest.fixture
def copied(campaign: Campaign, shell: Shell) -> Shell:
    """A home of one's own with the campaign of the session in it."""
    shutil.copytree(campaign.shell.home, shell.home)
    return shell


def test_a_clone_is_answered_by_what_the_original_trained(
    campaign: Campaign, copied: Shell
) -> None:
    shell = copied
    ended = shell(
        *("submit", "--from", campaign.id, "--new", "--no-estimate", "--id-file", "clone.txt"),
        *("--set", "name=clone", "--set", "keep=1"),
    )
    assert ended.code == 0, ended.err
    clone = (shell.folder / "clone.txt").read_text().strip()
    assert f"(from {campaign.id}/1)" in ended.err
    theirs = shell("trial", "list", campaign.id, "-o", "json").json
    mine = shell("trial", "list", clone, "-o", "json").json
    assert [row["top1"] for row in mine] == [row["top1"] for row in theirs]
    assert [row["source"] for row in mine] == [f"{campaign.id}/{n}" for n in range(5)]
    status = shell("status", clone, "-o", "json").json
    assert status["ledger"]["reused_trials"] == 5
    assert status["ledger"]["device_hours"] == 0
    assert "5 trials answered by other campaigns" in shell("status", clone).out
    export = shell("export", clone, "--top", "1", "--to", "clones", "-o", "json")
    assert export.code == 0, export.err
    again = shell("evaluate", export.json[0]["folder"], "-o", "json").json
    assert again["top1"] == again["recorded_top1"]
    assert f"epochs from {campaign.id}/1" in shell("trial", "show", clone, "1").out


# ---------------------------------------------------------------------- names and ids


def test_a_name_of_several_campaigns_is_taken_only_to_look(shell: Shell, store: Store) -> None:
    old, new = (store.create_campaign("night", {}, {}, {}) for _ in range(2))
    looked = shell("status", "night", "-o", "json")
    assert looked.json["id"] == new.id
    assert "2 campaigns are named night" in looked.err
    assert old.id in looked.err
    for command in (["resume", "night"], ["trial", "retry", "night", "--failed"]):
        refused = shell(*command)
        assert refused.code == 2, command
        assert old.id in refused.err
        assert new.id in refused.err
        assert "give an id" in refused.err
    # One of them can be meant only.
    store.set_state(new.id, "running")
    store.set_state(new.id, "finished")
    ended = shell("trial", "retry", "night", "--failed")
    assert f"{new.id} is meant" in ended.err
    assert "no trial to try again" in ended.err


# ---------------------------------------------------------------------- status and lists


def test_status_tells_budget_ledger_failures_and_pace(shell: Shell, store: Store) -> None:
    record = fill(store)
    store.set_state(record.id, "stopped", "budget.epochs: 6 are used up")
    told = shell("status", record.id)
    assert "failures: 1 diverged" in told.out
    assert "epochs 6" in told.out
    assert "4 attempts" in told.out
    assert "trials an hour" in told.out
    found = shell("status", record.id, "-o", "json").json
    assert found["failures"] == {"diverged": 1}
    assert set(found["ledger"]["by_end"]) == {"finished", "pruned", "failed"}
    assert found["ledger"]["epochs"] == 6
    assert found["throughput"]["trials_per_hour"] > 0


def test_status_can_be_watched_until_the_end(shell: Shell, store: Store) -> None:
    record = new_campaign(store)
    add(store, record.id, 0)
    store.start_trial(record.id, 0)
    watching = shell.start("status", record.id, "--watch")
    assert watching.stdout is not None
    lines = [watching.stdout.readline()]
    assert "running" in lines[0]
    while "trial 0: epoch 0" not in lines[-1]:
        lines.append(watching.stdout.readline())
    store.add_report(record.id, 0, report(1, 0.5))
    while "trial 0: epoch 1, 50.0 %" not in lines[-1]:
        lines.append(watching.stdout.readline())
    store.finish_trial(record.id, 0, "finished")
    store.set_state(record.id, "finished")
    rest, _ = watching.communicate(timeout=GUARD)
    assert "finished" in rest
    assert watching.returncode == 0


def test_trials_are_filtered_and_ordered(shell: Shell, store: Store) -> None:
    record = fill(store)
    rows = shell("trial", "list", record.id, "--status", "failed,pruned", "-o", "json").json
    assert [row["trial"] for row in rows] == [2, 4]
    rows = shell("trial", "list", record.id, "--by", "top1", "--limit", "2", "-o", "json").json
    assert [row["top1"] for row in rows] == [0.8, 0.6]
    rows = shell("trial", "list", record.id, "--cell", "cell-3", "-o", "json").json
    assert [row["trial"] for row in rows] == [3]
    wrong = shell("trial", "list", record.id, "--status", "faild")
    assert wrong.code == 2
    assert 'did you mean "failed"?' in wrong.err
    assert shell("trial", "list", record.id, "--by", "colour").code == 2


# ---------------------------------------------------------------------- again, and more


def test_a_diverged_trial_is_retried_changed_only(campaign: Campaign, copied: Shell) -> None:
    """In a real campaign, one of whose trials is made to have diverged."""
    shell = copied
    store = Store.open(Home.at(shell.home).store_url)
    with change_rows(store) as connection:
        connection.exec_driver_sql(
            "UPDATE trials SET status = 'failed', reason = 'diverged: loss is nan' "
            f"WHERE number = 2 AND campaign = '{campaign.id}'"
        )
    refused = shell("trial", "retry", campaign.id, "2")
    assert refused.code == 2
    assert "failed by itself (diverged: loss is nan)" in refused.err
    assert "Traceback" not in refused.err
    assert shell("trial", "retry", campaign.id, "1").code == 2
    assert shell("trial", "retry", campaign.id).code == 2
    changed = shell("trial", "retry", campaign.id, "2", "--set", "recipe.batch_size=25")
    assert changed.code == 0, changed.err
    assert "trial 2 is tried again as trial 5" in changed.err
    assert f"ventral resume {campaign.id}" in changed.err
    ended = shell("resume", campaign.id, "--set", "budget.trials=7")
    assert ended.code == 0, ended.err
    rows = shell("trial", "list", campaign.id, "-o", "json").json
    assert len(rows) == 7
    assert rows[5]["origin"] == "retry"
    assert rows[5]["status"] in ("finished", "pruned")
    assert rows[5]["digest"] == rows[2]["digest"]
    assert rows[2]["status"] == "failed", "what happened stays on record"
    low = shell("resume", campaign.id, "--set", "budget.trials=3")
    assert low.code == 2
    assert "write at least 7" in low.err
    other = shell("resume", campaign.id, "--set", "sampler.name=random")
    assert other.code == 2
    assert "cannot change in a campaign that has begun" in other.err


def test_a_campaign_whose_budget_is_used_up_says_how_to_go_on(
    campaign: Campaign, copied: Shell
) -> None:
    changes = ("--set", "budget.epochs=1", "--set", "budget.trials=9")
    ended = copied("resume", campaign.id, *changes)
    assert ended.code == 1
    assert "stopped (budget.epochs: 1 are used up)" in ended.err
    assert f"ventral resume {campaign.id} --set budget.epochs=..." in ended.err
    told = copied("status", campaign.id)
    assert "of 1, " in told.out or "of 1\n" in told.out
    assert "ventral resume" in told.err


def test_gc_says_first_and_removes_then(copied: Shell) -> None:
    shell = copied
    before = sorted(path for path in shell.home.rglob("checkpoint") if path.is_dir())
    said = shell("gc", "--dry-run", "--keep", "0", "-o", "json")
    assert said.code == 0, said.err
    assert said.json
    assert all(row["bytes"] > 0 for row in said.json)
    assert sorted(path for path in shell.home.rglob("checkpoint") if path.is_dir()) == before
    told = shell("gc", "--keep", "0")
    assert "checkpoints of pruned trials: " in told.out
    assert "freed: " in told.err
    assert all(not Path(row["path"]).exists() for row in said.json)
    left = {path.parent.name for path in shell.home.rglob("checkpoint") if path.is_dir()}
    assert left == {"trial-00000"}, "the control's"
    assert shell("gc", "--keep", "0", "-o", "json").json == []
    assert shell("gc", "--older-than", "soon").code == 2


# ---------------------------------------------------------------------- at length


@pytest.mark.parametrize(
    ("command", "millions"),
    [
        pytest.param(["status"], 1.5, id="status"),
        pytest.param(["top"], 2, id="top"),
        pytest.param(["trial", "list"], 2, id="trial list"),
        pytest.param(["trial", "list", "-o", "json"], 10, id="trial list -o json"),
    ],
)
def test_five_thousand_trials_take_under_two_seconds(
    command: list[str], millions: float, thousands: tuple[Shell, str], tmp_path: Path
) -> None:
    """As calls of functions, Python's start and the imports included: twice what was counted."""
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


def test_a_resume_that_cannot_run_changes_nothing(campaign: Campaign, copied: Shell) -> None:
    for options in ((), ("--detach",)):
        more = ("--set", "budget.trials=6", "--set", "resources.cpus=4096")
        ended = copied("resume", campaign.id, *more, *options)
        assert ended.code == 2
        assert "resources.cpus: asks for 4096 cores" in ended.err
    document = Store.open(f"sqlite:///{copied.home}/store.db").campaign(campaign.id).document
    assert document["budget"]["trials"] == 5
    assert copied("status", campaign.id, "-o", "json").json["state"] == "finished"
