"""What goes wrong inside a worker: what is tried again, what is not, and what is told of it."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mlflow.tracking import MlflowClient

from benchmarks.gpu_workers import SHORT
from search.assign.losses import EVENT
from search.drill.scene import Scene
from search.mirror.runs import SPARED_TAG
from search.review.second_tries import find_second_tries
from search.store import Trial
from search.tune.remains import find_marked
from search.upkeep.exports import read_kept
from tests.faults import crew
from tests.faults.conftest import MakeScene
from workers.job import Recipe

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def show(scene: Scene, number: int) -> str:
    """What `ventral trial show` prints."""
    command = str(Path(sys.executable).with_name("ventral"))
    done = subprocess.run(
        [command, "trial", "show", scene.campaign_id, str(number)],
        env=os.environ | {"VENTRAL_HOME": str(scene.home.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def finish(scene: Scene) -> dict[int, Trial]:
    scene.start()
    assert scene.wait(600) == 0, scene.output()
    verdict = scene.verdict([])
    assert verdict.good, verdict
    return {trial.number: trial for trial in scene.store.results.find(scene.campaign_id)}


def losses(scene: Scene, number: int) -> list[Any]:
    """The causes of a trial's losses."""
    return [
        event.detail["cause"]
        for event in scene.store.campaigns.events(scene.campaign_id)
        if event.kind == EVENT and event.detail["trial"] == number
    ]


def test_each_failure_by_its_kind(scene: MakeScene) -> None:
    made = scene(
        {"budget": {"trials": 7}, "retries": 1, "recipe": {"epochs": 2, "batch_size": 32}},
        trainable="tests.faults.crew:misbehaving",
        mirror=True,
    )
    trials = finish(made)
    kinds = {
        n: (t.status, (t.reason or "").partition(":")[0], t.attempts) for n, t in trials.items()
    }
    assert kinds == {
        0: ("finished", "", 1),
        crew.CRASHES: ("failed", "lost", 2),
        crew.STARVES: ("failed", "out-of-memory", 2),
        crew.DIVERGES: ("failed", "diverged", 1),
        crew.STUMBLES: ("finished", "", 2),
        crew.DIES: ("failed", "lost", 2),
        crew.WELL: ("finished", "", 1),
    }
    assert losses(made, crew.STUMBLES) == ["environment"]
    assert losses(made, crew.DIES) == ["worker", "worker"]
    assert trials[crew.DIES].reason == "lost: its worker died 2 times"
    for words in ("the roof fell", "Fatal Python error: Aborted", "_go_wrong"):
        assert words in (trials[crew.CRASHES].detail or "")
    assert "the roof fell" in show(made, crew.CRASHES)
    assert "the roof fell" in _in_mlflow(made, crew.CRASHES)


def test_a_trial_out_of_memory_is_trained_in_less_beside_healthy_ones(scene: MakeScene) -> None:
    recipe = {"epochs": 2, "batch_size": 64, "evaluation_batch_size": 8}
    made = scene(
        {"budget": {"trials": 4}, "retries": 1, "recipe": recipe},
        trainable="benchmarks.gpu_workers:cramped",
        mirror=True,
    )
    trials = finish(made)
    assert {n: (t.status, t.attempts) for n, t in trials.items()} == {
        n: ("finished", 2 if n == SHORT else 1) for n in range(4)
    }
    tries = find_second_tries(made.store, made.campaign_id)
    assert list(tries) == [SHORT]
    assert "DefaultCPUAllocator" in tries[SHORT].error
    assert f"ran out of memory, and again with {tries[SHORT]}" in show(made, SHORT)
    run = made.store.outbox.runs(made.campaign_id)[SHORT]
    client: Any = MlflowClient(tracking_uri=made.home.tracking_uri)
    assert client.get_run(run).data.tags[SPARED_TAG] == str(tries[SHORT])
    record = made.store.campaigns.get(made.campaign_id)
    kept = read_kept(made.store, made.home, record, SHORT)
    plain = Recipe.model_validate(record.document["recipe"]).overlaid(trials[SHORT].recipe)
    assert kept.recipe == plain.overlaid(tries[SHORT].changes) != plain


def test_a_lost_data_folder_costs_no_trial(scene: MakeScene) -> None:
    """It is moved away while the first trials run."""
    made = scene(
        {"budget": {"trials": 12}, "recipe": {"epochs": 3, "batch_size": 32}},
        trainable="search.drill.worker:trainable",
        mirror=True,
    )
    made.start()
    made.until(
        lambda: made.store.results.counts(made.campaign_id)["finished"] >= 1, "a trial's end"
    )
    away = made.home.data.rename(made.home.path / "away")
    assert made.wait() == 1, made.output()
    moment = made.snapshot()
    assert "is put back, and others would fail as well" in made.output()
    assert f"Put the data back, then `ventral resume {made.campaign_id}`" in made.output()
    assert "Traceback" not in made.output()
    counts = made.store.results.counts(made.campaign_id)
    assert counts["failed"] == 0
    assert counts["waiting"] >= 1
    assert made.store.campaigns.get(made.campaign_id).state == "stopped"
    away.rename(made.home.data)
    made.start()
    assert made.wait() == 0, made.output()
    verdict = made.verdict([moment])
    assert verdict.good, verdict


def _in_mlflow(scene: Scene, number: int) -> str:
    run = scene.store.outbox.runs(scene.campaign_id)[number]
    return (scene.home.run_files(scene.campaign_id, run) / "failure.txt").read_text()


def test_a_worker_that_ray_ends_for_its_memory(scene: MakeScene) -> None:
    """Ray's own watch over the machine's memory, set just above what is used now."""
    total, available = _memory()
    threshold = (total - available + 3e9) / total
    if threshold > 0.9:
        pytest.skip("needs 3 GB of free memory, and a tenth of the whole besides")
    made = scene(
        {"budget": {"trials": 4}, "recipe": {"epochs": 2, "batch_size": 32}},
        trainable="tests.faults.crew:greedy",
        environment={
            "RAY_memory_usage_threshold": f"{threshold:.3f}",
            "RAY_memory_monitor_refresh_ms": "100",
        },
    )
    trials = finish(made)
    assert {n: t.status for n, t in trials.items()} == {
        0: "finished",
        1: "failed",
        2: "finished",
        3: "finished",
    }
    assert trials[1].attempts == 2, "a neighbour may have been the cause, once"
    assert (trials[1].reason or "").startswith("out-of-memory: ")
    assert losses(made, 1) == ["memory", "memory"]


def _memory() -> tuple[float, float]:
    """The machine's memory and what of it is available, in bytes."""
    lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    total, available = (
        float(lines[key].split()[0]) * 1024 for key in ("MemTotal", "MemAvailable")
    )
    return total, available


def test_any_process_of_the_cluster(scene: MakeScene, rng: random.Random) -> None:
    """Whatever process of Ray's dies: what can go on goes on, what cannot ends with a cure."""

    made = scene({"budget": {"trials": 30}, "recipe": {"epochs": 6}, "retries": 1000})
    moments = []
    made.start()
    for _ in range(8):
        made.until(lambda: bool(made.running()) or not made.alive, "a trial")
        if not made.alive:
            break
        moments.append(made.snapshot())
        victim = rng.choice(find_marked(made.clusters[-1]["mark"]) or [0])
        name = Path(f"/proc/{victim}/comm").read_text().strip() if victim else "nobody"
        if victim and victim != made.process.pid:  # type: ignore[union-attr]
            os.kill(victim, 9)
        at = moments[-1].at
        made.until(
            lambda at=at: (
                len([o for o in made.happenings(at) if o.kind == "report"]) > 8  # type: ignore[misc]
                or not made.alive
            ),
            f"it goes on without {name}",
        )
        if not made.alive and made.store.campaigns.get(made.campaign_id).state != "finished":
            assert "ventral resume" in made.output() or made.output() == "", name
            made.start()
    if not made.alive:
        made.start()
    assert made.wait() == 0, made.output()
    verdict = made.verdict(moments)
    assert verdict.good, verdict
    assert verdict.repeated == 0
