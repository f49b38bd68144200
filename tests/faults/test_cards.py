"""Different cards in one cluster: nodes that declare graphics cards which this machine lacks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from search.host.cards import GIB, Card
from search.host.home import Home
from search.store import Store
from search.tune.joining import survey
from search.tune.nodes import Nodes
from tests.faults.test_cluster import Shell, ours
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_trials_go_to_the_card_that_their_campaign_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two on the half of an A100 each, although an H100 is free; what a card is too small for is
    infeasible, and a type that no node has is refused.
    """
    with Nodes(nodes=0) as nodes:
        nodes.start("large", gpus=1, resources={"accelerator_type:H100": 1})
        small = {"accelerator_type:A100": 1, "gpu_memory_mib": 1}
        nodes.start("small", cpus=2, gpus=1, resources=small)
        for name, value in nodes.environment.items():
            monkeypatch.setenv(name, value)
        found = {machine.cards for machine in survey(nodes.address)}
        little = 2**20
        assert found == {
            (Card(name="A100", memory=little, count=1),),
            (Card(name="H100", memory=80 * GIB, count=1),),
        }
        shell = Shell(tmp_path, nodes.environment)
        file = shell.write(budget={"trials": 4}, scheduler={"name": "fifo"})

        def submit(*options: str) -> tuple[int, str]:
            done = shell("submit", file, "--address", nodes.address, *options)
            return done.returncode, done.stderr

        part = ("--set", "resources={gpus: 0.25, accelerator: A100}")
        code, words = submit("--set", "resources={gpus: 0.5, accelerator: L4}")
        assert code == 2
        assert "a node of the cluster has no L4; write one of A100, H100" in words
        code, words = submit("--set", "resources.gpus=2")
        assert code == 2
        code, words = submit(*part)
        assert code == 2, words
        assert "0.25 of a card A100 (0.000977 GiB), 10% of it left to CUDA" in words
        dry = shell("submit", file, "--address", nodes.address, *part, "--dry-run")
        assert dry.returncode == 2
        roomy = "resources={gpus: 0.5, accelerator: A100, card: {name: A100, memory: 40 GiB}}"
        planned = shell(
            *("submit", file, "--address", nodes.address),
            *("--set", roomy, "--dry-run", "-o", "json"),
        )
        assert json.loads(planned.stdout)["card"]["memory"] == 40 * GIB
        code, words = submit("--set", roomy, "--new", "--detach", "--id-file", "id")
        assert code == 0, words
        campaign = (tmp_path / "id").read_text().strip()
        home = Home.at(tmp_path / "home", {})
        store = Store.open(home.store_url)
        seen: set[str] = set()

        def over() -> bool:
            seen.update(worker.partition(":")[0] for worker in ours(nodes))
            return store.results.counts(campaign)["finished"] == 4

        wait_until(over, "the trials end", 300, pause=0.02)
        assert seen == {"small"}, "no worker on the H100's node"
        attempts = [one for n in range(4) for one in store.campaigns.attempts(campaign, n)]
        assert all(attempt.devices == 0.5 for attempt in attempts)
