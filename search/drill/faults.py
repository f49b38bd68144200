"""The drill: faults done to small campaigns on purpose, and what came of each.

`FAULTS` are those that can be done to any campaign; some others need something of their own (a
cluster whose nodes may be killed, MLflow's server). `run` does one fault several times to one
scene's campaign, each time at a random moment, and brings it to its end; `rehearse` does so with
all of them. `ventral drill` shows the outcome on the user's machine or cluster; the fault tests
(tests/faults) do the same many times.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search.campaign import Campaign
from search.drill.scene import PATIENCE, Scene
from search.drill.verdict import Snapshot, TimedEvent, Verdict
from search.host.home import sqlite_url
from search.host.machine import machine
from search.host.ports import LOOPBACK, free_port
from search.mirror.server import Server
from search.store import ENDED
from search.tune.nodes import Nodes
from search.tune.remains import PREFIX, find_marked
from space.errors import VentralError
from space.space import Space

NOTICE = 60.0
"""Seconds within which every loss is noticed."""
HANG_SECONDS = 20.0
"""The sandbox's limits.epoch_seconds: longer than a worker takes to load torch."""

SANDBOX: dict[str, Any] = {
    "name": "drill",
    "space": "motifs-small",
    "data": {"name": "digits", "size": 8, "train_images": 64, "test_images": 64},
    "recipe": {"epochs": 6, "batch_size": 32},
    "sampler": {"name": "random"},
    "scheduler": {"name": "fifo"},
    "limits": {"epoch_seconds": HANG_SECONDS},
    "resources": {"concurrent": 4},
    "controls": [],
    "retries": 1000,
    "reuse": False,
}
"""A campaign that costs little. No trial of it is ever given up."""


# -------------------------------------------------------------------------- the faults


@dataclass(frozen=True, kw_only=True)
class FaultResult:
    """A row of the drill's table. `recovered` holds, for each injection, the seconds until a
    trial that it had interrupted reported again (None if it had interrupted none).
    """

    fault: str
    injected: int
    verdict: Verdict
    recovered: tuple[float | None, ...]


def kill_driver(scene: Scene, _rng: random.Random) -> None:
    """SIGKILL for the driver; the next one goes on."""
    scene.kill()


def kill_worker(scene: Scene, rng: random.Random) -> None:
    """SIGKILL for the worker of a trial."""
    _strike(scene, rng, signal.SIGKILL)


def hang_worker(scene: Scene, rng: random.Random) -> None:
    """SIGSTOP for the worker of a trial: it exists, and does nothing from then on."""
    _strike(scene, rng, signal.SIGSTOP)


def _strike(scene: Scene, rng: random.Random, sign: signal.Signals) -> None:
    struck = False
    while not struck and scene.alive:
        running = scene.running()
        struck = bool(running) and scene.signal(rng.choice(running), sign)
        time.sleep(0.0 if struck else 0.02)


def kill_everything(scene: Scene, _rng: random.Random) -> None:
    """SIGKILL for the driver, its cluster and its workers at once, as a loss of power would."""
    scene.kill()
    for mark in {one["mark"] for one in scene.clusters if one["mark"]}:
        for pid in find_marked(mark):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    if scene.address is not None:
        for number in scene.running():
            scene.signal(number, signal.SIGKILL)


def _recovery(scene: Scene, moment: Snapshot) -> float | None:
    """Seconds until a trial that was interrupted reports again; None if none was.

    Where the driver lives, the interrupted one is that whose worker was lost.
    """
    noticed = moment.at + NOTICE

    def back() -> bool:
        later = scene.happenings(moment.at)
        restarted = {one.kind for one in later} & {"retry", "starting"}
        nobody = time.monotonic() > noticed or all(
            _has_continued(n, later) for n in moment.interrupted
        )
        nothing = not restarted and nobody
        return nothing or _time_to_return(scene, moment) is not None or not scene.alive

    scene.until(back, "an interrupted trial's next epoch")
    return _time_to_return(scene, moment)


def _has_continued(number: int, happenings: Sequence[TimedEvent]) -> bool:
    """Whether a trial trained on: a single report may have been on its way already."""
    mine = [one.kind for one in happenings if one.trial == number]
    return mine.count("report") > 1 or not set(ENDED).isdisjoint(mine)


def _time_to_return(scene: Scene, moment: Snapshot) -> float | None:
    after = scene.happenings(moment.at)
    again = {one.trial for one in after if one.kind == "started"} & set(moment.interrupted)
    for one in after:
        if one.kind in ("report", *ENDED) and one.trial in again:
            return one.at - moment.at
    return None


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that can go wrong: `do` makes it, `back` waits until it is overcome and gives the
    seconds that this took.
    """

    name: str
    do: Callable[[Scene, random.Random], None]
    back: Callable[[Scene, Snapshot], float | None] = _recovery


FAULTS = {
    fault.name: fault
    for fault in (
        Fault(name="driver", do=kill_driver),
        Fault(name="worker", do=kill_worker),
        Fault(name="hang", do=hang_worker),
        Fault(name="everything", do=kill_everything),
    )
}
"""What can be done to any campaign, wherever it runs."""


def node_loss(nodes: Nodes) -> Fault:
    """SIGKILL for a whole node of `nodes`; it is started again, as an operator would."""
    names = [name for name in nodes.names if name != "head"]
    starting: list[threading.Thread] = []

    def kill_node(_scene: Scene, rng: random.Random) -> None:
        for thread in starting:
            thread.join()
        name = rng.choice(names)
        nodes.kill(name)
        starting.append(threading.Thread(target=nodes.start, args=(name,), daemon=True))
        starting[-1].start()

    return Fault(name="node", do=kill_node)


class Tracking:
    """MLflow's server for a scene's runs, as a context manager; `stop` and `start` it at will."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._port = folder, free_port()
        self.address = f"http://{LOOPBACK}:{self._port}"
        self._server: Server | None = None

    def __enter__(self) -> Tracking:
        self.start()
        return self

    def __exit__(self, *ended: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it, and wait until it answers. Raises VentralError if it does not."""
        database, log = sqlite_url(self._folder / "mlflow.db"), self._folder / "mlflow.out"
        self._server = Server(database, self._folder / "artifacts", log, self._port)
        self._server.wait()

    def stop(self) -> None:
        """SIGKILL for all of it."""
        if self._server is not None:
            self._server.kill()


def mlflow_away(server: Tracking) -> Fault:
    """MLflow's server is killed, and started again after trials have ended meanwhile."""
    up = [0.0]

    def stop(scene: Scene, _rng: random.Random) -> None:
        server.stop()
        scene.until(lambda: _backlog(scene) > 0 or not scene.alive, "an end without MLflow")
        server.start()
        up[0] = time.monotonic()

    def wait_for_runs(scene: Scene, _moment: Snapshot) -> float | None:
        scene.until(lambda: _backlog(scene) == 0 or not scene.alive, "the runs' arrival")
        return time.monotonic() - up[0] if _backlog(scene) == 0 else None

    return Fault(name="mlflow", do=stop, back=wait_for_runs)


def _backlog(scene: Scene) -> int:
    return scene.store.outbox.backlog(scene.campaign_id)


# -------------------------------------------------------------------------- doing them


def run(
    fault: Fault,
    scene: Scene,
    times: int,
    rng: random.Random,
    progress: Callable[[str], None] = lambda _line: None,
) -> FaultResult:
    """Do a fault several times to a scene's campaign, and bring it to its end.

    Raises VentralError if the campaign does not go on.
    """
    moments: list[Snapshot] = []
    recovered: list[float | None] = []
    scene.start()
    for number in range(times):
        if not _under_way(scene, time.monotonic()):
            break  # nothing is left to be interrupted
        time.sleep(rng.random() * 2 * scene.seconds)
        if not scene.alive:
            break
        fault.do(scene, rng)
        moments.append(scene.snapshot())
        if not scene.alive:
            scene.start()
        recovered.append(fault.back(scene, moments[-1]))
        took = "" if recovered[-1] is None else f", recovered in {recovered[-1]:.1f} s"
        progress(f"{fault.name} {number + 1} of {times}{took}")
    _end(scene)
    return FaultResult(
        fault=fault.name,
        injected=len(moments),
        verdict=scene.verdict(moments),
        recovered=tuple(recovered),
    )


def _end(scene: Scene) -> None:
    """Bring the campaign to its end, and its runs to MLflow. Raises VentralError if it fails."""
    for _ in range(2):
        if scene.wait(timeout=10 * PATIENCE) != 0:
            raise VentralError(f"the campaign did not end:\n{scene.output()[-2000:]}")
        if not scene.mirror or not _backlog(scene):
            return
        scene.start()  # what arrives late arrives with the next start


def _under_way(scene: Scene, since: float) -> bool:
    """Wait until a trial has reported since then; False if the campaign ends before."""

    def has_reported() -> bool:
        return any(one.kind == "report" for one in scene.happenings(since)) or not scene.alive

    scene.until(has_reported, "a trial's first epoch")
    return scene.alive


def campaign(times: int, slots: int) -> Campaign:
    """The sandbox's campaign: long enough for that many faults."""
    # Between two faults some ten epochs are trained in every slot.
    trials = 2 * slots + max(1, 10 * times * slots // int(SANDBOX["recipe"]["epochs"]))
    document = {
        **SANDBOX,
        "space": Space.load(SANDBOX["space"]).document(),
        "budget": {"trials": trials},
        "resources": {"concurrent": slots},
    }
    return Campaign.parse(document)


def rehearse(
    names: Sequence[str],
    times: int,
    seed: int,
    *,
    folder: Path,
    address: str | None = None,
    progress: Callable[[str], None] = lambda _line: None,
) -> Iterator[FaultResult]:
    """Do each of the named faults `times` times to a campaign of its own, one after the other.

    What is needed for it lies in a new folder in `folder`, and is gone afterwards. Raises
    VentralError if a campaign does not go on.
    """
    rng = random.Random(seed)
    sandbox = Path(tempfile.mkdtemp(prefix=f"{PREFIX}drill-", dir=folder))
    try:
        for name in names:
            with contextlib.ExitStack() as stack:
                yield _rehearse_one(name, times, rng, sandbox, address, progress, stack)
    finally:
        shutil.rmtree(sandbox, ignore_errors=True)


def _rehearse_one(
    name: str,
    times: int,
    rng: random.Random,
    sandbox: Path,
    address: str | None,
    progress: Callable[[str], None],
    stack: contextlib.ExitStack,
) -> FaultResult:
    """One fault, with what it needs."""
    environment: dict[str, str] = {}
    slots = min(4, machine().cpus) if address is None else 4
    fault = FAULTS.get(name)
    if name == "node":
        progress("node: starting a cluster of a head and two nodes on this machine")
        nodes = stack.enter_context(Nodes())
        address, environment, slots, fault = nodes.address, nodes.environment, 2, node_loss(nodes)
    elif name == "mlflow":
        progress("mlflow: starting MLflow's server")
        server = stack.enter_context(Tracking(sandbox / "mlflow"))
        environment, fault = {"MLFLOW_TRACKING_URI": server.address}, mlflow_away(server)
    assert fault is not None
    scene = Scene.create(
        sandbox / "home",
        campaign(times, slots),
        mirror=True,
        address=address,
        environment=environment,
    )
    stack.callback(scene.close)
    return run(fault, scene, times, rng, progress)
