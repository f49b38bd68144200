"""A disk that is full: the campaign stops with a cure, and goes on when there is room again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from search.drill.scene import Scene
from search.drill.verdict import Snapshot
from tests.faults.conftest import MakeScene

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def fill(disk: Path) -> Path:
    """Take all the room that there is."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 10, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    return filler


def after_two(scene: Scene) -> Snapshot:
    """Two trials have ended, and others run."""
    counts = scene.store.results.counts
    scene.until(lambda: counts(scene.campaign_id)["finished"] >= 2, "two trials' end")
    return scene.snapshot()


def ends_well(scene: Scene, moment: Snapshot) -> None:
    scene.start()
    assert scene.wait() == 0, scene.output()
    verdict = scene.verdict([moment])
    assert verdict.good, verdict
    assert verdict.repeated == 0


def test_the_store_s_disk(scene: MakeScene, small_disk: Path) -> None:
    made = scene(
        {"budget": {"trials": 12}, "recipe": {"epochs": 6}},
        environment={"VENTRAL_STORE": str(small_disk / "store.db")},
    )
    made.start()
    moment = after_two(made)
    filler = fill(small_disk)
    assert made.wait() == 2, made.output()
    assert "the disk is full" in made.output()
    assert "free some space and `ventral resume`" in made.output()
    assert "Traceback" not in made.output()
    filler.unlink()
    assert made.store.campaigns.get(made.campaign_id).state in ("interrupted", "failed")
    ends_well(made, moment)


def test_the_store_is_removed(scene: MakeScene) -> None:
    """What is not kept is not said to be."""
    made = scene({"budget": {"trials": 20}, "recipe": {"epochs": 6}})
    made.start()
    after_two(made)
    (made.home.path / "store.db").unlink()
    assert made.wait() == 1, made.output()
    assert "was removed or replaced" in made.output()
    assert "everything is kept" not in made.output()
    assert "Traceback" not in made.output()


def test_the_checkpoints_disk(scene: MakeScene, small_disk: Path) -> None:
    """No trial is to blame, so none fails."""
    made = scene(
        {"budget": {"trials": 8}, "recipe": {"epochs": 4, "batch_size": 32}, "retries": 0},
        trainable="search.drill.worker:trainable",
    )
    made.home.ensure(made.folder)
    for number in range(8):
        (small_disk / str(number)).mkdir()
        made.home.trial(made.campaign_id, number).symlink_to(small_disk / str(number))
    made.start()
    moment = after_two(made)
    filler = fill(small_disk)
    assert made.wait() == 1, made.output()
    assert "No space left on device" in made.output()
    assert f"Free some space, then `ventral resume {made.campaign_id}`" in made.output()
    counts = made.store.results.counts(made.campaign_id)
    assert counts["failed"] == 0
    assert counts["waiting"] >= 1
    filler.unlink()
    ends_well(made, moment)


def test_mlflow_s_disk(scene: MakeScene, small_disk: Path, empty_mlflow: Path) -> None:
    """The campaign goes on to its end; the next start sends what MLflow could not take."""
    made = scene(
        {"budget": {"trials": 20}, "recipe": {"epochs": 6}},
        environment={"MLFLOW_TRACKING_URI": f"sqlite:///{small_disk}/mlflow.db"},
        mirror=True,
        seconds=0.5,
    )
    shutil.copy(empty_mlflow, small_disk / "mlflow.db")
    made.start()
    made.until(lambda: bool(made.store.outbox.runs(made.campaign_id)), "the first run in MLflow")
    moment = made.snapshot()
    filler = fill(small_disk)
    assert made.wait() == 0, made.output()
    assert made.store.outbox.backlog(made.campaign_id) > 0
    assert "mirror-away" in {event.kind for event in made.store.campaigns.events(made.campaign_id)}
    filler.unlink()
    ends_well(made, moment)
