"""MLflow that is away for a while, and clocks that jump."""

from __future__ import annotations

import contextlib
import os
import random
import signal
from pathlib import Path

import pytest

from search.drill.faults import FAULTS, Fault, Tracking, mlflow_away, run
from search.drill.scene import Scene
from search.drill.verdict import Snapshot
from tests.faults.conftest import MakeScene
from tests.faults.test_kills import long, survived

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]

JUMPING = '''
import random, time

_true, _steady = time.time, time.monotonic

def _jumping():
    """The clock of every process jumps by up to a day, to and fro, several times a second."""
    step = random.Random(int(_steady() * 4))
    return _true() + step.uniform(-86400, 86400)

time.time = _jumping
'''


def test_mlflow_s_server_is_killed_and_comes_back(
    scene: MakeScene, rng: random.Random, tmp_path: Path
) -> None:
    with Tracking(tmp_path / "mlflow") as server:
        environment = {"MLFLOW_TRACKING_URI": server.address}
        made = scene(long(6), mirror=True, environment=environment, seconds=0.4)
        outcome = run(mlflow_away(server), made, 2, rng)
        survived(outcome, made, outcome.injected)
        assert outcome.injected >= 1
        back = [seconds for seconds in outcome.recovered if seconds is not None]
        assert back, "MLflow held all runs again while the campaign went on"
        assert max(back) < 65


def test_clocks_that_jump(scene: MakeScene, rng: random.Random, tmp_path: Path) -> None:
    """In the driver and in its workers, forwards and backwards, while drivers are killed."""
    (tmp_path / "clock").mkdir()
    (tmp_path / "clock" / "sitecustomize.py").write_text(JUMPING)
    environment = {"PYTHONPATH": f"{tmp_path}/clock:{ROOT}"}
    made = scene(long(3, budget={"trials": 14, "seconds": 3600}), environment=environment)
    survived(run(FAULTS["driver"], made, 3, rng), made, 3)
    record = made.store.campaigns.get(made.campaign_id)
    assert record.seconds < 600, "the time that drivers ran is not the clock's"
    created = [trial.created for trial in made.store.results.find(made.campaign_id)]
    assert created != sorted(created), "the clock did jump"
    results = [trial.arrived or 0 for trial in made.store.results.ended(made.campaign_id)]
    assert results == sorted(results)


def test_the_process_that_writes_to_mlflow_is_killed(scene: MakeScene, rng: random.Random) -> None:
    """Another one takes its place, and looks what the last one had written."""

    def kill_mirror(scene: Scene, _rng: random.Random) -> None:
        assert scene.process is not None
        # Whichever of the driver's threads started it.
        children = Path(f"/proc/{scene.process.pid}/task").glob("*/children")
        for pid in [int(pid) for file in children for pid in file.read_text().split()]:
            with contextlib.suppress(OSError):
                if b"search.mirror.mirroring" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)

    def at_once(_scene: Scene, _moment: Snapshot) -> None:
        return None

    killed: list[int] = []
    made = scene(long(5), mirror=True, seconds=0.4)
    outcome = run(Fault(name="mirror", do=kill_mirror, back=at_once), made, 5, rng)
    survived(outcome, made, outcome.injected)
    assert outcome.injected >= 2
    assert killed
