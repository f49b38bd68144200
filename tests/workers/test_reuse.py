"""An actor that takes one trial after another: each is as if it were alone, and none stays."""

import gc
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from space.space import Space
from workers.data.pack import Pack
from workers.data.packing import pack
from workers.data.specs import DigitsOccluded
from workers.job import Job
from workers.trainable import TrialTrainable

MakeReal = Callable[..., Job]

# Everything that differs between trials and could be left in a process.
OTHER = {
    "optimiser": "sgd",
    "learning_rate": 0.05,
    "schedule": "step",
    "clip": {"norm": 1.0},
    "label_smoothing": 0.1,
    "batch_size": 24,
    "loss_steps": "all",
    "augmentation": {"flip": True, "noise": 0.2, "crop": {}},
    "threads": 2,
}
DIVERGES = {"optimiser": "sgd", "learning_rate": 1e30, "momentum": 0.0}


@pytest.fixture(scope="module")
def space() -> Space:
    return Space.load("motifs-small").with_images(size=8, channels=1, classes=10)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """An epoch of a few steps."""
    spec = DigitsOccluded(size=8, train_images=96, test_images=64)
    return pack(spec, tmp_path_factory.mktemp("packs"))


@pytest.fixture
def real(space: Space, few: Pack, tmp_path: Path) -> MakeReal:
    """Makes a job for a network of a shipped space, in a folder of its own."""

    def make(number: int, seed: int = 1, epochs: int = 2, **recipe: object) -> Job:
        sample = space.sample(random.Random(number))
        chosen = {"epochs": epochs, "batch_size": 32, **sample.recipe, **recipe}
        folder = tmp_path / f"trial-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        return Job.model_validate(
            {
                "genome": sample.genome,
                "recipe": chosen,
                "data": few.ref.model_dump(),
                "seed": seed,
                "folder": str(folder),
            }
        )

    return make


class Actor:
    """The trainable as Ray makes it and uses it again, in this process."""

    def __init__(self) -> None:
        self._trainable: TrialTrainable | None = None

    def train(self, job: Job) -> list[dict[str, Any]]:
        """All results of a trial."""
        config = {"job": job.model_dump_json(), "trial": 0}
        if self._trainable is None:
            self._trainable = TrialTrainable.__new__(TrialTrainable)
            self._trainable.setup(config)
        else:
            assert self._trainable.reset_config(config)
        results = [self._trainable.step()]
        while not results[-1]["done"]:
            results.append(self._trainable.step())
        return results


def evidence(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The reports without what depends on the machine's mood."""
    machine = ("seconds", "memory_mb")
    return [{k: v for k, v in r["report"].items() if k not in machine} for r in results]


def test_a_trial_after_others_is_the_same_to_the_last_bit(real: MakeReal) -> None:
    alone = evidence(Actor().train(real(1)))
    torch.manual_seed(99)  # what another process would have
    actor = Actor()
    actor.train(real(2, seed=7, **OTHER))
    assert "failure" in actor.train(real(3, **DIVERGES))[-1]
    after = evidence(actor.train(real(1)))
    assert after == alone
    assert len(after) == 2
    assert all(report["train_loss"] > 0 for report in after)


def test_trials_leave_no_memory_behind(real: MakeReal) -> None:
    """Thirty-two trials of five networks in one actor, every fifth of them failing."""
    actor = Actor()
    resident = []
    for number in range(32):
        recipe = DIVERGES if number % 5 == 4 else {}
        actor.train(real(number % 5, epochs=1, **recipe))
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        resident.append(pages * 4096 / 1e6)
    # The first ten fill PyTorch's own caches. One network's tensors and plan are a megabyte.
    assert max(resident[22:]) - max(resident[:10]) < 10, resident
