"""Different cards in one cluster: nodes that declare graphics cards which this machine lacks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from search.campaign import load
from search.forecast.trying import try_space
from search.host.cards import GIB, Card
from search.host.home import Home
from search.store import Store
from search.tune.nodes import Nodes
from search.upkeep.submission import read_offered
from space.errors import CampaignError, SpaceError
from space.space import Space
from tests.faults.test_cluster import Shell, ours
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Nodes]:
    """One H100 beside an A100 of which there is 1 MiB."""
    with Nodes(nodes=0) as started:
        started.start("large", gpus=1, resources={"accelerator_type:H100": 1})
        small = {"accelerator_type:A100": 1, "gpu_memory_mib": 1}
        started.start("small", cpus=2, gpus=1, resources=small)
        for name, value in started.environment.items():
            monkeypatch.setenv(name, value)
        yield started


def test_trials_go_to_the_card_that_their_campaign_names(tmp_path: Path, nodes: Nodes) -> None:
    """Two at once on an A100, although an H100 is free; what the card is too small for is not
    trained, and a type that no node has is refused.
    """
    offered = read_offered(nodes.address)
    assert offered.cards == (
        Card(name="A100", memory=2**20, count=1),
        Card(name="H100", memory=80 * GIB, count=1),
    )
    shell = Shell(tmp_path, nodes.environment)
    file = tmp_path / shell.write(budget={"trials": 4}, scheduler={"name": "fifo"})
    with pytest.raises(CampaignError, match="has no L4; write one of A100, H100"):
        load(file, ["resources={gpus: 0.5, accelerator: L4}"], offered=offered)
    part = load(file, ["resources={gpus: 0.25}"], offered=offered)
    space = Space.parse(part.space).with_images(size=8, channels=1, classes=10)
    with pytest.raises(SpaceError, match=r"0\.25 of a card A100 \(0\.000977 GiB\)"):
        try_space(part, space).refuse_untrainable(space)
    roomy = "resources={gpus: 0.5, accelerator: A100, card: {name: A100, memory: 40 GiB}}"
    begun = shell(
        *("submit", str(file), "--address", nodes.address, "--set", roomy),
        *("--detach", "--id-file", "id"),
    )
    assert begun.returncode == 0, begun.stderr
    campaign = (tmp_path / "id").read_text().strip()
    store = Store.open(Home.at(tmp_path / "home", {}).store_url)
    seen: set[str] = set()

    def over() -> bool:
        trials = [worker for worker in ours(nodes) if "Trainable" in worker]
        seen.update(worker.partition(":")[0] for worker in trials)
        return store.results.counts(campaign)["finished"] == 4

    wait_until(over, "the trials end", 300, pause=0.02)
    assert seen == {"small"}, "no worker on the H100's node"
    attempts = [one for n in range(4) for one in store.campaigns.attempts(campaign, n)]
    assert all(attempt.devices == 0.5 for attempt in attempts)
