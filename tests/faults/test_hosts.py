"""A cluster of several machines, and one that is no node of it: what the network and the machines
do to a campaign, from its submission to its end.

The machines are namespaces on this one (tests/support/hosts.py) with Ray as `ray start` starts it,
with a token; the store is PostgreSQL, which all of them reach. The submitting machine does not see
the cluster's home.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from search.store import Store
from search.tune.cluster import OBJECT_STORE_BYTES
from tests.support import postgres
from tests.support.hosts import Hosts, why_no_hosts
from tests.support.waiting import GUARD, wait_until

BIN = Path(sys.executable).parent
TRIALS, EPOCHS = 500, 6
"""More trials than a test waits for."""
CUT_SECONDS = float(os.environ.get("VENTRAL_CUT_SECONDS", "20"))
"""Far more than Ray takes here to count a node as dead."""

CAMPAIGN: dict[str, Any] = {
    "name": "far",
    "space": "motifs-small",
    "data": {"name": "digits", "size": 8, "train_images": 300, "test_images": 100},
    "recipe": {"epochs": EPOCHS, "batch_size": 50},
    "sampler": {"name": "random"},
    "scheduler": {"name": "fifo"},
    "controls": [],
    "budget": {"trials": TRIALS},
    "retries": 20,
    "seed": 3,
}
HASTE = {
    # A node that went is missed after 5 s instead of 15.
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "3",
}


@dataclass
class Lab:
    """A head, two workers, and a laptop that knows the cluster by its name."""

    hosts: Hosts
    store_url: str
    campaign: str = ""
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        self.store = Store.open(self.store_url)
        (self.hosts.folder / "campaign.yaml").write_text(yaml.safe_dump(CAMPAIGN))
        token = self.hosts.folder / "token"
        token.touch(mode=0o600)
        token.write_text(secrets.token_hex(32))
        lab = {
            "address": f"http://{self.hosts.address('head')}:8265",
            "token_file": str(token),
            "store": self.store_url,
            "home": str(self.hosts.folder / "shared"),
        }
        own = self.hosts.folder / "own"
        own.mkdir()
        (own / "clusters.yaml").write_text(yaml.safe_dump({"clusters": {"lab": lab}}))

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{BIN}:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.hosts.folder),
            "OMP_NUM_THREADS": "1",
            "RAY_USAGE_STATS_ENABLED": "0",
        }

    def start(self, *names: str) -> None:
        """Start hosts, and Ray on them at once: the head's own, or nodes of the head's."""
        for name in names:
            self.hosts.start(name)
        with ThreadPoolExecutor(len(names)) as pool:
            list(pool.map(self._start_ray, names))

    def _start_ray(self, name: str) -> None:
        head, own = self.hosts.address("head"), self.hosts.address(name)
        where = [f"--address={head}:6379", "--num-cpus=1"]
        if name == "head":
            dashboard = [f"--dashboard-host={own}", "--dashboard-port=8265"]
            where = ["--head", "--port=6379", "--num-cpus=0", *dashboard]
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(self.hosts.folder / "token")}
        options = [
            f"--node-ip-address={own}",
            "--num-gpus=0",
            f"--temp-dir={self.hosts.scratch}",
            f"--object-store-memory={OBJECT_STORE_BYTES}",
            "--disable-usage-stats",
        ]
        environment = self.environment | HASTE | token
        self.hosts.run(name, "ray", "start", *where, *options, environment=environment)

    def start_laptop(self) -> None:
        """Start the submitting host, which does not see the cluster's home."""
        self.hosts.start("laptop")
        shared = self.hosts.folder / "shared"
        mount = ["mount", "-t", "tmpfs", "tmpfs", str(shared)]
        self.hosts.run("laptop", *mount, environment=self.environment)

    def ventral(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A command on the laptop, about the campaign and the cluster."""
        own = self.environment | {"VENTRAL_HOME": str(self.hosts.folder / "own")}
        named = [self.campaign] if self.campaign else []
        command = ["ventral", words[0], *named, *words[1:], "--cluster", "lab"]
        return self.hosts.run("laptop", *command, environment=own, check=check)

    def submit(self, code: str) -> None:
        sent = self.ventral("submit", "campaign.yaml", "--id-file", "id", "--code", code)
        assert ("runs its own Ventral" in sent.stderr) == (code == "installed")
        self.campaign = (self.hosts.folder / "id").read_text().strip()

    def status(self) -> dict[str, Any]:
        """The campaign as the laptop sees it."""
        document: dict[str, Any] = json.loads(self.ventral("status", "-o", "json").stdout)
        return document

    def finished(self) -> int:
        return self.store.results.counts(self.campaign)["finished"]

    def await_finished(self, more: int) -> None:
        goal = self.finished() + more
        wait_until(lambda: self.finished() >= goal, f"{goal} trials end", GUARD, 0.3)

    def note_running(self) -> set[int]:
        """The trials that are being trained."""
        return {worker["trial"] for worker in self.status()["workers"]}

    def note_ended(self) -> dict[int, int]:
        """How often each of the trials that have ended was begun."""
        read, ended = self.store.campaigns.attempts, self.store.results.ended(self.campaign)
        return {one.number: len(read(self.campaign, one.number)) for one in ended}

    def check_invariants(self, ended: dict[int, int], interrupted: set[int]) -> None:
        """Nothing is lost or trained twice: what was interrupted ends as well, and what had
        `ended` before a fault is what it was.
        """
        find = self.store.results.ended

        def have_ended() -> bool:
            return interrupted <= {trial.number for trial in find(self.campaign)}

        wait_until(have_ended, "the interrupted trials end", GUARD, 0.5)
        self.ventral("stop", check=False)
        state = self.store.campaigns.get
        wait_until(lambda: state(self.campaign).state == "stopped", "it stops", GUARD, 0.5)
        trials = [trial for trial in find(self.campaign) if trial.status != "infeasible"]
        assert {trial.status for trial in trials} == {"finished"}
        assert len({(trial.digest, str(trial.recipe)) for trial in trials}) == len(trials)
        for trial in trials:
            reports = self.store.results.reports(self.campaign, trial.number)
            assert [one.report.epoch for one in reports] == list(range(1, EPOCHS + 1))
            attempts = self.store.campaigns.attempts(self.campaign, trial.number)
            assert [one.how for one in attempts].count("finished") == 1
            assert attempts[-1].how == "finished"
            assert len(attempts) == ended.get(trial.number, len(attempts))


@pytest.fixture
def lab(empty_mlflow: Path) -> Iterator[Lab]:
    for reason in (why_no_hosts(), postgres.why_not()):
        if reason is not None:
            pytest.skip(reason)
    with postgres.server() as database, Hosts() as hosts:
        (hosts.folder / "shared").mkdir()
        shutil.copy(empty_mlflow, hosts.folder / "shared" / "mlflow.db")
        made = Lab(hosts, database.database())
        made.start("head")
        made.start("node1", "node2")
        made.start_laptop()
        yield made
        made.store.close()


@pytest.mark.slow
def test_a_node_is_cut_off_and_healed_and_killed_and_a_new_one_comes(lab: Lab) -> None:
    lab.submit("installed")
    lab.await_finished(1)
    ended, interrupted = lab.note_ended(), lab.note_running()
    lab.hosts.cut("node2")
    time.sleep(CUT_SECONDS)
    assert lab.status()["state"] == "running"
    lab.hosts.heal("node2")
    lab.await_finished(1)
    ended |= lab.note_ended()
    interrupted |= lab.note_running()
    lab.hosts.kill("node1")
    lab.start("node3")
    lab.check_invariants(ended, interrupted)
    assert len(lab.ventral("top", "-o", "json").stdout) > 2
    exported = lab.ventral("export", "--top", "1", "--to", "cells", check=False)
    assert exported.returncode == 1
    assert "its weights are on the disk of head" in exported.stderr


@pytest.mark.slow
def test_the_laptop_and_the_head_die_and_the_campaign_is_resumed(lab: Lab) -> None:
    lab.submit("sent")
    lab.hosts.kill("laptop")
    lab.await_finished(2)
    lab.start_laptop()
    ended, interrupted = lab.note_ended(), lab.note_running()
    for name in ("head", "node1", "node2"):
        lab.hosts.kill(name)
    early = lab.ventral("resume", check=False)
    assert "if head died, it counts as dead" in early.stderr
    lab.start("head")
    lab.start("node1", "node2")
    wait_until(lambda: lab.status()["state"] == "interrupted", "its silence is long", GUARD, 2.0)
    resumed = lab.ventral("resume", "--code", "sent")
    assert "goes on, as job" in resumed.stderr
    lab.check_invariants(ended, interrupted)
    assert f"/{TRIALS}] trial " in lab.ventral("logs").stdout
