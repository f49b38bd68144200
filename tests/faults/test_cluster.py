"""A running Ray cluster: a head and two nodes, which are killed, and the ways in and out of it."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from search.drill.faults import FAULTS, node_loss, run
from search.drill.scene import Scene
from search.host.home import Home
from search.store import Status, Store
from search.tune.joining import survey
from search.tune.nodes import Nodes
from space.errors import InputError
from tests.faults.conftest import MakeScene
from tests.faults.test_kills import long, survived
from tests.support import toys
from tests.support.waiting import GUARD, wait_until

COMMAND = Path(sys.executable).with_name("ventral")


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    with Nodes() as started:
        yield started


def ours(nodes: Nodes) -> list[str]:
    """The workers of trials that run on the nodes, by their names."""
    found = []
    for node in nodes.names:
        for pid in nodes.processes(node):
            try:
                name = Path(f"/proc/{pid}/cmdline").read_text().partition("\0")[0].strip()
            except OSError:
                continue
            if name.startswith("ray::") and "Agent" not in name and name != "ray::IDLE":
                found.append(f"{node}: {name}")
    return found


def nothing_left(nodes: Nodes, scene_folder: Path) -> None:
    wait_until(lambda: not ours(nodes), "the trials' workers end")
    assert list(scene_folder.glob("ventral-*")) == []


@pytest.mark.slow
def test_a_killed_node_s_trials_go_on_first(
    nodes: Nodes, scene: MakeScene, rng: random.Random
) -> None:
    """Elsewhere, in the first free slot; and it does not count as a loss of theirs."""
    changes = long(2, retries=0, resources={}, budget={"trials": 7})
    made = scene(changes, address=nodes.address, environment=nodes.environment, seconds=0.5)
    outcome = run(node_loss(nodes), made, 1, rng)
    survived(outcome, made, 1)
    causes = {event.detail["cause"] for event in made.store.campaigns.events(made.campaign_id)}
    assert causes <= {"node"}
    nothing_left(nodes, made.folder)


@pytest.mark.slow
def test_nodes_need_no_common_folder_where_they_reach_a_storage(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, text in nodes.environment.items():
        monkeypatch.setenv(name, text)
    assert len(survey(nodes.address, f"file://{tmp_path}/shared")) == 2
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"node .* cannot use the storage .*file.* and 1 more"):
        survey(nodes.address, f"file://{tmp_path}/file")


def test_a_token_is_taken_from_where_ray_looks_for_it(
    nodes: Nodes,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Without RAY_AUTH_MODE, and in one word where it is missing or wrong."""
    token, own = nodes.environment["RAY_AUTH_TOKEN"], tmp_path / ".ray" / "auth_token"
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(InputError, match="the cluster requires a token, and there is none here"):
        survey(nodes.address)
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    with pytest.raises(InputError, match="RAY_AUTH_MODE is token, and there is no token here"):
        survey(nodes.address)
    monkeypatch.delenv("RAY_AUTH_MODE")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0" * 64)
    with pytest.raises(InputError, match="the cluster's token differs from the one here"):
        survey(nodes.address)
    monkeypatch.setenv("RAY_AUTH_TOKEN", token)
    assert len(survey(nodes.address)) == 2
    monkeypatch.delenv("RAY_AUTH_TOKEN")
    own.parent.mkdir()
    own.write_text(token)
    assert len(survey(nodes.address)) == 2
    assert not os.environ.get("RAY_AUTH_MODE"), "the environment is as it was"
    assert capfd.readouterr().err == "", "Ray's native code says nothing"


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", ["driver", "worker", "hang", "everything", "node"])
def test_faults_on_a_cluster(
    nodes: Nodes, scene: MakeScene, rng: random.Random, name: str
) -> None:
    fault = node_loss(nodes) if name == "node" else FAULTS[name]
    retries = 0 if name == "node" else 1000
    changes = long(5, retries=retries, resources={})
    made = scene(changes, address=nodes.address, environment=nodes.environment, seconds=0.5)
    outcome = run(fault, made, 4, rng)
    survived(outcome, made, outcome.injected)
    assert outcome.injected >= 2
    nothing_left(nodes, made.folder)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_killed_head_means_resume(scene: MakeScene) -> None:
    """The driver says so in time, and the next one goes on with another cluster."""
    made = scene(long(2, resources={}), seconds=0.5)
    moments = []
    with Nodes() as first:
        made.address, made.environment = first.address, first.environment
        made.start()
        made.until(lambda: len(made.happenings()) > 6, "trials run")
        first.kill("head")
        assert made.wait() == 1, "its own end, before Ray ends the process"
        assert f"go on with `ventral resume {made.campaign_id}`" in made.output()
        assert made.store.campaigns.get(made.campaign_id).state == "stopped"
        moments.append(made.snapshot())
    with Nodes() as second:
        made.address, made.environment = second.address, second.environment
        made.start()
        assert made.wait() == 0, made.output()
        verdict = made.verdict(moments)
        assert verdict.good, verdict
        assert verdict.repeated == 0
        nothing_left(second, made.folder)


# ------------------------------------------------------------------------- the command line


@dataclass(frozen=True)
class Shell:
    """The command line with a home of its own, and the cluster's token."""

    folder: Path
    environment: dict[str, str]

    def __call__(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("VENTRAL", "MLFLOW"))}
        own = {"VENTRAL_HOME": str(self.folder / "home"), "OMP_NUM_THREADS": "1"}
        return subprocess.run(
            [COMMAND, *arguments],
            cwd=self.folder,
            env=kept | own | self.environment | environment,
            capture_output=True,
            text=True,
            timeout=GUARD,
            stdin=subprocess.DEVNULL,
        )

    def write(self, **changes: Any) -> str:
        """A campaign file of tiny real trainings."""
        document = toys.campaign(recipe={"epochs": 4, "batch_size": 32}, **changes).document()
        for key in ("recipe", "limits"):
            kept = ("epochs", "batch_size")
            document[key] = {k: v for k, v in document[key].items() if k in kept}
        (self.folder / "campaign.json").write_text(json.dumps(document))
        return "campaign.json"


@pytest.fixture
def shell(tmp_path: Path, nodes: Nodes) -> Shell:
    return Shell(tmp_path, nodes.environment)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_submit_stop_kill_and_resume_there(shell: Shell, nodes: Nodes) -> None:
    """Detached here, trained there: two at once although each node has one core."""
    file = shell.write(budget={"trials": 24})
    begun = shell("submit", file, "--address", nodes.address, "--detach", "--id-file", "id")
    assert begun.returncode == 0, begun.stderr
    campaign = (shell.folder / "id").read_text().strip()
    home = Home.at(shell.folder / "home", {})
    store = Store.open(home.store_url)
    scene = Scene(home=home, store=store, campaign_id=campaign)

    def counted(status: Status, count: int) -> None:
        log = home.campaign(campaign) / "detached.log"
        what = f"{count} trials {status}, see {log}"
        wait_until(lambda: store.results.counts(campaign)[status] >= count, what, 300, pause=0.02)

    counted("finished", 1)
    counted("running", 2)
    stopped = shell("stop", campaign)
    assert stopped.returncode == 0, stopped.stderr
    nothing_left(nodes, home.campaign(campaign))

    moments = [scene.snapshot()]
    again = shell("resume", campaign, "--address", nodes.address, "--detach")
    assert again.returncode == 0, again.stderr
    counted("finished", len(moments[0].ended) + 1)
    driver = store.campaigns.get(campaign).driver
    assert driver is not None
    os.kill(driver.pid, 9)
    moments.append(scene.snapshot())

    ended = shell("resume", campaign, "--address", "auto", RAY_ADDRESS=nodes.address)
    assert ended.returncode == 0, ended.stderr
    nothing_left(nodes, home.campaign(campaign))
    verdict = scene.verdict(moments)
    assert verdict.good, verdict
    assert set(nodes.names) == {"head", "node0", "node1"}
    assert all(nodes.processes(name) for name in nodes.names), "the cluster runs on"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_keeps_a_campaign_from_a_cluster_is_said_at_once(shell: Shell, nodes: Nodes) -> None:
    def refused(*arguments: str, **environment: str) -> str:
        done = shell("submit", *arguments, **environment)
        assert done.returncode == 2, done.stderr
        assert not list((shell.folder / "home").glob("campaigns/*")), "nothing is on record"
        return done.stderr.strip().splitlines()[-1]

    file = shell.write()
    wrong = "0" * 64
    assert "nothing answers there" in refused(file, "--address", "127.0.0.1:1")
    assert "Ray's client cannot carry a search" in refused(file, "--address", "ray://x:10001")
    assert "the cluster's token differs" in refused(
        file, "--address", nodes.address, RAY_AUTH_TOKEN=wrong
    )
    assert "a node of the cluster has 1" in refused(
        file, "--set", "resources.cpus=2", "--address", nodes.address
    )
    assert "a node of the cluster has none" in refused(
        file, "--set", "resources.gpus=1", "--address", nodes.address
    )


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_node_that_does_not_see_the_home(shell: Shell, nodes: Nodes) -> None:
    """It is said before anything is packed or put on record."""
    home = shell.folder / "home"
    home.mkdir()
    hide = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs tmpfs "$0" && exec "$@"', str(home)]
    if subprocess.run([*hide, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to hide a folder from a process")
    nodes.start("blind", wrapper=hide)
    try:
        done = shell("submit", shell.write(), "--address", nodes.address)
    finally:
        nodes.kill("blind")
    assert done.returncode == 2, done.stderr
    assert "cannot use" in done.stderr
    assert "VENTRAL_HOME in a folder that all of them share" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(home.glob("campaigns/*")), "nothing is on record"
    assert not list(home.glob("ventral-*"))
