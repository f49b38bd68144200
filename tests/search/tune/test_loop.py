"""Ray Tune's loop with real workers: how many there are, what they take, and what is kept."""

from __future__ import annotations

import json
import os
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
from ray import tune
from ray.tune.error import TuneError
from ray.tune.execution.tune_controller import TuneController
from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import Searcher
from ray.tune.stopper import NoopStopper

from search.host.machine import Machine
from search.tune import cluster, loop
from space.errors import StoreError

ROOT = Path(__file__).parents[3]
OFFERED = Machine(cpus=4, gpus=1)


class Listed(Searcher):  # type: ignore[misc]
    """So many trials, so many of them at once."""

    def __init__(self, trials: int, slots: int, config: dict[str, Any]) -> None:
        super().__init__(metric="top1", mode="max")
        self.left, self._slots, self._live = trials, slots, set[str]()
        self._config = config

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        if len(self._live) >= self._slots:
            return None
        if not self.left:
            return str(Searcher.FINISHED)
        self.left -= 1
        self._live.add(trial_id)
        return {"trial": self.left, **self._config}

    def on_trial_complete(
        self,
        trial_id: str,
        result: dict[str, Any] | None = None,  # noqa: ARG002 - Ray's words
        error: bool = False,  # noqa: ARG002
    ) -> None:
        self._live.discard(trial_id)


class Watch(tune.Callback):  # type: ignore[misc]
    """How many trials Ray Tune knows of at the end of a step, at most."""

    known = 0

    def on_step_end(self, *_: Any, trials: list[Any], **__: Any) -> None:
        self.known = max(self.known, len(trials))


def noting() -> type[Any]:
    """A trainable that writes down when it ran, where, and what it was given.

    It waits for those that are to run `together` with it: trials of neighbouring numbers.
    """

    class Notes(tune.Trainable):  # type: ignore[misc]
        def setup(self, config: dict[str, Any]) -> None:
            self.settings = config

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            self.settings = new_config
            return True

        def step(self) -> dict[str, Any]:
            import torch

            began = time.time()
            folder, number = Path(self.settings["folder"]), self.settings["trial"]
            (folder / f"{number}.begun").touch()
            first = number - number % self.settings["together"]
            others = [folder / f"{first + i}.begun" for i in range(self.settings["together"])]
            while not all(other.exists() for other in others) and time.time() < began + 120:
                time.sleep(0.02)
            time.sleep(self.settings["seconds"])
            noted = {
                "began": began,
                "ended": time.time(),
                "pid": os.getpid(),
                "omp": os.environ.get("OMP_NUM_THREADS"),
                "gpus": os.environ.get("CUDA_VISIBLE_DEVICES"),
                "torch": torch.get_num_threads(),
            }
            (folder / f"{number}.json").write_text(json.dumps(noted))
            return {"top1": 0.5, "epoch": 1, "done": True}

    return Notes


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[cluster.Ground]:
    record = tmp_path_factory.mktemp("cluster") / "cluster.json"

    def lost(error: Exception) -> None:
        raise error

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        with cluster.local(record, OFFERED, 8, lost) as ground:
            yield ground
    assert not ray.is_initialized()


def ran(
    ground: cluster.Ground,
    folder: Path,
    trials: int,
    *,
    cpus: float,
    gpus: float = 0.0,
    slots: int | None = None,
    seconds: float = 0.1,
    together: int = 1,
) -> tuple[list[dict[str, Any]], Watch]:
    """What the trials noted."""
    watch = Watch()
    config = {"folder": str(folder), "seconds": seconds, "together": together}
    slots = slots or OFFERED.slots(cpus, gpus)
    steps = loop.assemble_loop(
        noting(),
        {"cpu": cpus, "gpu": gpus, **ground.resources},
        Listed(trials, slots, config),
        FIFOScheduler(),
        slots=slots,
        callbacks=[watch],
        stopper=NoopStopper(),
        scratch=ground.scratch,
    )
    while not steps.is_finished():
        steps.step()
    steps.cleanup()
    notes = [json.loads(file.read_text()) for file in folder.glob("*.json")]
    assert len(notes) == trials
    return notes, watch


def at_once(notes: list[dict[str, Any]]) -> int:
    """How many trials ran at the same time, at most."""
    return max(
        sum(bool(other["began"] <= note["began"] < other["ended"]) for other in notes)
        for note in notes
    )


@pytest.mark.slow
def test_trials_share_a_gpu_by_fraction(ground: cluster.Ground, tmp_path: Path) -> None:
    """Four trials of a quarter each on one (logical) device, and none beside it."""
    notes, _ = ran(ground, tmp_path, 8, cpus=0.5, gpus=0.25, together=4)
    assert at_once(notes) == 4
    assert {note["gpus"] for note in notes} == {"0"}


def test_trials_share_cores_and_have_as_many_threads(
    ground: cluster.Ground, tmp_path: Path
) -> None:
    notes, _ = ran(ground, tmp_path, 4, cpus=2, together=2)
    assert at_once(notes) == 2, "two cores each, of four"
    assert {note["omp"] for note in notes} == {"2"}
    assert {note["torch"] for note in notes} == {2}
    assert {note["gpus"] for note in notes} == {""}, "who takes no GPU sees none"


@pytest.mark.slow
def test_short_trials_use_all_workers_and_leave_nothing(
    ground: cluster.Ground, tmp_path: Path
) -> None:
    """A worker that is free does not take a trial whose own worker is just being started."""
    notes, watch = ran(ground, tmp_path, 60, cpus=1, slots=2)
    assert len({note["pid"] for note in notes}) == 2
    assert watch.known <= 3, "trials that are over are forgotten"
    folders = [path for path in (ground.scratch / "tune").rglob("*") if path.is_dir()]
    assert len(folders) < 5, "and have no folders"


@pytest.mark.parametrize(("cpus", "threads"), [(0.25, 1), (1, 1), (2.5, 2), (8, 8)])
def test_threads(cpus: float, threads: int) -> None:
    assert loop.threads(cpus) == threads


def test_what_went_wrong_behind_a_result_is_raised_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And not as Ray Tune's error, whose text is a traceback."""
    first = StoreError("store.db", "was removed or replaced", "put it back")

    def step(_loop: object) -> None:
        try:
            raise first
        except StoreError:
            raise TuneError(traceback.format_exc())  # noqa: B904 - as Ray Tune does

    monkeypatch.setattr(TuneController, "step", step)
    with pytest.raises(StoreError) as raised:
        object.__new__(loop.Loop).step()
    assert raised.value is first

    def stumble(_loop: object) -> None:
        raise TuneError("of its own")

    monkeypatch.setattr(TuneController, "step", stumble)
    with pytest.raises(TuneError, match="of its own"):
        object.__new__(loop.Loop).step()
