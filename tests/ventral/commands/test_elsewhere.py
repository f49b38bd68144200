"""Commands about a campaign whose driver runs on a cluster that this machine is no node of."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
import yaml

from search.host.home import Home, Process
from search.store import Campaign, Store
from tests.support.campaigns import fill
from tests.support.job_apis import FakeCluster, serve_jobs
from tests.ventral.conftest import Shell

OTHER = Process(host="node7/boot/pid:[1]", pid=12, born="34")
THERE = ("--cluster", "lab")


@pytest.fixture
def fake() -> Iterator[FakeCluster]:
    with serve_jobs() as served:
        yield served


@pytest.fixture
def shell(tmp_path: Path, fake: FakeCluster) -> Shell:
    """The command line of somebody who sees the store of the cluster `lab`, not its home."""
    shell = Shell(tmp_path)
    shell.home.mkdir()
    lab = fake.named(shell.home).cluster.model_dump(mode="json", exclude_unset=True)
    lab["home"] = str(tmp_path / "shared")
    (shell.home / "clusters.yaml").write_text(yaml.safe_dump({"clusters": {"lab": lab}}))
    (tmp_path / "shared").mkdir()
    return shell


@pytest.fixture
def record(shell: Shell) -> Campaign:
    """A campaign that another machine drives, in the cluster's store."""
    store = Store.open(Home(path=shell.folder / "shared").store_url)
    record = fill(store)
    with store.database.engine.begin() as connection:
        driven = {"driver": str(OTHER), "heartbeat": time.time(), "state": "running"}
        table = sa.table("campaigns", *map(sa.column, driven))
        connection.execute(sa.update(table).values(driven))
    store.close()
    return record


def test_a_log_comes_from_the_job_where_its_file_is_not_here(
    shell: Shell, fake: FakeCluster, record: Campaign
) -> None:
    job = f"ventral-{record.id}"
    fake.jobs[job] = {"submission_id": job, "status": "SUCCEEDED", "start_time": 1}
    fake.logs[job] = "[1/2] trial 0 finished\x1b[31m\n"
    log = shell("logs", record.name, *THERE, "--follow")
    assert log.out == "[1/2] trial 0 finished\\x1b[31m\n"
    (shell.home / "store.db").write_bytes((shell.folder / "shared" / "store.db").read_bytes())
    assert "is on the disk of node7" in shell("logs", record.id).err
    # Not on record yet, its job writes already.
    fake.jobs["ventral-abcdefgh"] = fake.jobs.pop(job) | {"submission_id": "ventral-abcdefgh"}
    fake.logs["ventral-abcdefgh"] = "packing digits\n"
    assert shell("logs", "abcdefgh", *THERE).out == "packing digits\n"
    assert "no campaign 'abcdefgh'" in shell("logs", "abcdefgh").err


def test_the_store_answers_and_weights_are_said_to_be_elsewhere(
    shell: Shell, record: Campaign
) -> None:
    status = shell("status", record.id, *THERE)
    assert f"ventral status {record.id} --watch --cluster lab" in status.err
    assert record.id in shell("list", *THERE, "-o", "json").out
    top = shell("top", record.id, *THERE)
    assert top.out.startswith(record.name)
    exported = shell("export", record.id, "--top", "1", "--to", "cells", *THERE)
    assert exported.code == 1
    assert "its weights are on the disk of node7" in exported.err
    assert "mount that folder here" in exported.err
    resumed = shell("resume", record.id, *THERE)
    assert resumed.code == 2
    assert "if node7 died, it counts as dead 60 s later" in resumed.err


@pytest.mark.usefixtures("record")
def test_a_campaign_that_is_not_on_record_yet_is_stopped_by_its_job(
    shell: Shell, fake: FakeCluster
) -> None:
    job = "ventral-abcdefgh"
    fake.jobs[job] = {"submission_id": job, "status": "RUNNING", "start_time": 1}
    stopped = shell("stop", "abcdefgh", *THERE)
    assert (stopped.code, fake.jobs[job]["status"]) == (0, "STOPPED")
    assert shell("stop", "abcdefgh", *THERE).code == 2


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("submit", "campaign.yaml", "--cluster", "lob"), 'did you mean "lab"'),
        (("submit", "--from", "x", "--cluster", "lab"), "give a FILE, and no --from"),
        (
            ("submit", "campaign.yaml", "--cluster", "lab", "--address", "auto"),
            "names another place than --cluster",
        ),
    ],
)
def test_what_cannot_be_sent_is_one_error(
    shell: Shell, words: tuple[str, ...], problem: str
) -> None:
    (shell.folder / "campaign.yaml").write_text(
        "name: tiny\nspace: motifs-small\ndata: {name: digits}\n"
    )
    refused = shell(*words)
    assert refused.code == 2
    assert problem in refused.err


def test_a_dry_run_checks_the_file_and_the_cluster_and_sends_nothing(
    shell: Shell, fake: FakeCluster
) -> None:
    text = "name: tiny\nspace: motifs-small\ndata: {name: digits}\nresources: {cpus: 3}\n"
    (shell.folder / "campaign.yaml").write_text(text)
    named = ("submit", "campaign.yaml", *THERE, "--dry-run", "--code", "sent")
    done = shell("--clusters", shell.home / "clusters.yaml", *named)
    assert done.code == 0, done.err
    assert "sent from here" in done.err or "sent along" in done.err
    assert "takes 3 cores and 0 GPUs; nothing was sent" in done.err
    assert not fake.jobs
