"""A campaign on a cluster that this machine is no node of, from its submission to its end.

Without Ray, by a stand-in for its job API: tests/ventral/commands/test_elsewhere.py.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from ray._private.ray_constants import DEFAULT_DASHBOARD_AGENT_LISTEN_PORT

from search.host.home import Home
from search.host.ports import LOOPBACK
from search.host.tokens import TOKEN
from search.store import Store
from search.tune.nodes import Nodes
from tests.support.waiting import wait_until
from tests.ventral.conftest import Shell

CAMPAIGN = """
name: tiny
space: motifs-small
data: {name: digits, size: 8, train_images: 64, test_images: 32}
recipe: {epochs: 1, batch_size: 32}
sampler: {name: random}
controls: []
budget: {trials: 500}
seed: 3
"""


@pytest.fixture
def taken_port() -> Iterator[None]:
    """The port that every Ray on a machine would have for its agent is somebody else's."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Where it cannot be had, it is taken already.
        with contextlib.suppress(OSError):
            other.bind((LOOPBACK, DEFAULT_DASHBOARD_AGENT_LISTEN_PORT))
            other.listen()
        yield


@pytest.fixture
def cluster(
    tmp_path: Path,
    empty_mlflow: Path,
    taken_port: None,  # noqa: ARG001  (it is taken first)
) -> Iterator[Shell]:
    """The command line of somebody who knows a cluster by the name `lab`; its home is shared."""
    (tmp_path / "shared").mkdir()
    shutil.copy(empty_mlflow, tmp_path / "shared" / "mlflow.db")
    (tmp_path / "campaign.yaml").write_text(CAMPAIGN)
    with Nodes(nodes=0, jobs=True) as head:
        token = tmp_path / "token"
        token.touch(mode=0o600)
        token.write_text(head.environment[TOKEN])
        lab = {
            "address": head.jobs_address,
            "token_file": str(token),
            "home": str(tmp_path / "shared"),
            "resources": {"concurrent": 1},
        }
        shell = Shell(tmp_path)
        shell.home.mkdir()
        (shell.home / "clusters.yaml").write_text(yaml.safe_dump({"clusters": {"lab": lab}}))
        yield shell


@pytest.mark.slow
def test_a_campaign_is_sent_looked_at_and_stopped_from_elsewhere(cluster: Shell) -> None:
    there = ("--cluster", "lab")
    sent = cluster("submit", "campaign.yaml", *there, "--id-file", "id")
    assert sent.code == 0, sent.err
    campaign = (cluster.folder / "id").read_text().strip()
    assert "runs its own Ventral" in sent.err
    assert f"ventral stop {campaign} --cluster lab" in sent.err

    store = Store.open(Home(path=cluster.folder / "shared").store_url, create=False)
    counts = store.results.counts
    wait_until(lambda: counts(campaign)["finished"] >= 2, "two trials end", pause=0.2)
    status = cluster("status", campaign, *there, "-o", "json").json
    assert status["state"] == "running"
    assert status["trials"]["finished"] >= 2
    stopped = cluster("stop", campaign, *there)
    # It is asked by the store, and may take longer than the command waits.
    assert stopped.code == 0 or "was asked to stop" in stopped.err
    state = store.campaigns.get
    wait_until(lambda: state(campaign).state == "stopped", "the driver ends", pause=0.2)
    assert "is not running: it is stopped" in cluster("stop", campaign, *there).err
    top = cluster("top", campaign, *there, "-o", "json")
    assert len(top.json) >= 2, top.err
    assert "finished trial" in cluster("logs", campaign, "--follow", *there).out
    assert not list(cluster.home.glob("campaigns/*"))


@pytest.mark.slow
def test_the_best_cells_are_certified_from_elsewhere(cluster: Shell) -> None:
    there = ("--cluster", "lab")
    few = ("--set", "budget.trials=2", "--set", "scheduler.name=fifo")
    sent = cluster("submit", "campaign.yaml", *few, *there, "--id-file", "id")
    assert sent.code == 0, sent.err
    searched = (cluster.folder / "id").read_text().strip()
    store = Store.open(Home(path=cluster.folder / "shared").store_url, create=False)
    wait_until(lambda: store.campaigns.get(searched).state == "finished", "it ends", pause=0.2)
    certified = cluster("certify", searched, "--top", "1", "--seeds", "2", *there)
    assert certified.code == 0, certified.err
    campaign = re.findall("as campaign ([a-z0-9]+), by job", certified.err)[0]
    assert f"ventral logs {campaign} --follow --cluster lab" in certified.err
    state = store.campaigns.get
    wait_until(lambda: state(campaign).state == "finished", "it is certified", pause=0.2)
    assert store.campaigns.get(campaign).data["certifies"] == searched
    top = cluster("top", campaign, *there, "-o", "json").json
    assert [one["split"] for one in top] == ["test"] * len(top)
    matched = ("certify", searched, "--matched", "--top", "1", "--seeds", "2", *there)
    started = cluster(*matched)
    assert started.code == 0, started.err

    def have_verdicts() -> bool:
        at_work = any(one.state == "running" for one in store.campaigns.all())
        return not at_work and "shown: that" in cluster(*matched).out

    wait_until(have_verdicts, "the verdicts", pause=1.0)
    refused = cluster("certify", searched, "--trial", "99", *there)
    assert refused.code != 0
    assert "cluster lab: " in refused.err
    assert "99" in refused.err
    assert "Traceback" not in refused.err
