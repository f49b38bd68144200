"""A home that may only be read, is damaged in part or has moved is used all the same."""

from __future__ import annotations

import json
import re
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from search.host.home import Home
from search.store import Store
from tests.support.campaigns import fill
from tests.ventral.conftest import Campaign, Shell


@contextmanager
def only_readable(folder: Path, where: Path) -> Iterator[Path]:
    """The folder once more at `where`, where even root may not write into it."""
    where.mkdir()
    for options in (["--bind", str(folder)], ["-o", "remount,ro,bind"]):
        done = subprocess.run(
            ["mount", *options, str(where)], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            subprocess.run(["umount", "--lazy", str(where)], capture_output=True, check=False)
            pytest.skip(f"needs the right to mount: {done.stderr.strip()}")
    try:
        yield where
    finally:
        subprocess.run(["umount", "--lazy", str(where)], check=True)


def test_a_store_that_may_only_be_read_is_read(campaign: Campaign, tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    with only_readable(campaign.shell.home, shell.home):
        listed = shell("list", "-o", "json")
        assert [row["id"] for row in listed.json] == [campaign.id], listed.err
        assert len(shell("top", campaign.id, "-o", "json").json) > 0
        assert shell("status", campaign.id, "-o", "json").json["state"] == "finished"
        exported = shell("export", campaign.id, "--top", "1", "--to", "cells", "-o", "json")
        assert exported.code == 0, exported.err
        refused = shell.fork("resume", campaign.id, "--set", "budget.trials=6")
        assert refused.code == 2
        assert "may not be written" in refused.err
        assert "Traceback" not in refused.err


def test_a_store_that_may_only_be_read_is_read_beside_its_writer(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home", {})
    home.ensure()
    writer = Store.open(home.store_url)
    with only_readable(home.path, tmp_path / "seen") as seen:
        reader = Store.open(Home.at(seen, {}).store_url, create=False)
        record = fill(writer)
        assert [one.id for one in reader.campaigns.all()] == [record.id]
        reader.close()
    writer.close()


def test_what_is_only_in_a_log_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home", {})
    home.ensure()
    writer = Store.open(home.store_url)
    fill(writer)
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("store.db", "store.db-wal"):
        shutil.copy(home.path / name, copy / name)
    writer.close()
    with only_readable(copy, tmp_path / ".ventral"):
        ended = Shell(tmp_path)("list")
    assert ended.code == 2
    assert "its last writer did not close it; copy its folder" in ended.err


def test_a_damaged_campaign_is_listed_with_the_others(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    home = Home.at(shell.home, {})
    home.ensure()
    store = Store.open(home.store_url)
    campaigns = [fill(store) for _ in range(3)]
    for one in campaigns:
        store.campaigns.set_state(one.id, "finished")
    store.close()
    connection = sqlite3.connect(home.path / "store.db")
    with connection:
        connection.execute("UPDATE campaigns SET document = '{' WHERE id = ?", (campaigns[0].id,))
        connection.execute(
            "UPDATE trials SET choices = '{' WHERE campaign = ?", (campaigns[1].id,)
        )
    connection.close()
    listed = shell("list", "-o", "json")
    assert listed.code == 0, listed.err
    states = {row["id"]: row["state"] for row in listed.json}
    assert [states[one.id] for one in campaigns] == ["damaged", "damaged", "finished"]
    for one in campaigns[:2]:
        assert f"campaign {one.id} cannot be read" in listed.err
    assert shell("status", campaigns[0].id).code == 2


@pytest.mark.slow
def test_a_home_that_has_moved_is_used_as_before(campaign: Campaign, tmp_path: Path) -> None:
    """The original is out of the way meanwhile: nothing of it can be meant."""
    hidden = campaign.shell.home.with_name("hidden")
    shutil.copytree(campaign.shell.home, tmp_path / "first" / ".ventral")
    campaign.shell.home.rename(hidden)
    try:
        shell = Shell(tmp_path)
        shutil.move(tmp_path / "first" / ".ventral", shell.home)
        assert [row["id"] for row in shell("list", "-o", "json").json] == [campaign.id]
        best = shell("top", campaign.id, "-n", "1", "-o", "json").json[0]
        exported = shell("export", campaign.id, "--top", "1", "--to", "cells", "-o", "json")
        assert exported.code == 0, exported.err
        folder = exported.json[0]["folder"]
        scored = shell("evaluate", folder, "--split", "validation", "-o", "json").json
        assert scored["top1"] == best["top1"]
        more = shell("resume", campaign.id, "--set", "budget.trials=6")
        assert more.code == 0, more.err
        assert_served(shell, campaign.id, best["trial"])
    finally:
        hidden.rename(campaign.shell.home)


def assert_served(shell: Shell, campaign_id: str, number: int) -> None:
    """MLflow's pages have the files of the trial's run."""
    store = Store.open(Home.at(shell.home, {}).store_url)
    run = store.outbox.runs(campaign_id)[number]
    store.close()
    server = shell.start("ui", campaign_id, "--port", "0", "--no-browser")
    assert server.stdout is not None
    try:
        line = server.stdout.readline()
        [base] = re.findall(r"http://[^/\s]+", line)
        with urlopen(f"{base}/get-artifact?path=genome.json&run_uuid={run}", timeout=60) as file:
            assert "stages" in json.load(file)
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=60)
