"""The trainable, driven as Ray drives it but in this process: results, resuming, reuse."""

import errno
import gc
import math
import os
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.support.exports import genome
from workers import checkpoint, training
from workers.job import Job, PackRef
from workers.trainable import TrialTrainable

MakeJob = Callable[..., Job]
Build = Callable[..., nn.Module]


@pytest.fixture(autouse=True)
def networks(build: Build, monkeypatch: pytest.MonkeyPatch) -> list[weakref.ref[nn.Module]]:
    """Trainables train Tiny. What they trained, as far as it is alive."""
    made: list[weakref.ref[nn.Module]] = []

    class TinyTrainer(training.Trainer):
        def __init__(self, job: Job) -> None:
            super().__init__(job, build=build)
            made.append(weakref.ref(self.network))

    monkeypatch.setattr(training, "Trainer", TinyTrainer)
    return made


def make_trainable(job: Job, trial: int = 7) -> TrialTrainable:
    """As an actor makes it, but for Ray's own set-up."""
    made = TrialTrainable.__new__(TrialTrainable)
    made.setup({"job": job.model_dump_json(), "trial": trial})
    return made


def run(trainable: TrialTrainable) -> list[dict[str, Any]]:
    results = [trainable.step()]
    while not results[-1]["done"]:
        results.append(trainable.step())
    return results


def scores(results: list[dict[str, Any]]) -> list[tuple[int, float, float]]:
    return [(r["epoch"], r["top1"], r["report"]["loss"]) for r in results]


def test_an_epoch_is_a_result(job: MakeJob) -> None:
    results = run(make_trainable(job()))
    assert [(r["epoch"], r["done"], r["trial"]) for r in results] == [
        (1, False, 7),
        (2, False, 7),
        (3, True, 7),
    ]
    assert all(r["report"]["top1"] == r["top1"] for r in results)
    assert "failure" not in results[0]


def test_a_killed_trial_goes_on_where_it_was_and_tells_what_was_missed(job: MakeJob) -> None:
    whole = run(make_trainable(job().model_copy(update={"folder": job().folder + "-whole"})))
    killed = make_trainable(job())
    killed.step(), killed.step()
    del killed  # its last report may never have reached the driver
    results = run(make_trainable(job()))
    assert scores(results) == scores(whole)[2:]
    earlier = [(r["epoch"], r["top1"], r["loss"]) for r in results[0]["earlier"]]
    assert earlier == scores(whole)[:2]


def test_a_worker_that_was_given_up_writes_no_more(job: MakeJob) -> None:
    """It hung; when it wakes up, its trial is another worker's, which is further already."""
    there = job(epochs=3)
    hung = make_trainable(there)
    hung.step()
    after = make_trainable(there)
    assert [after.step()["epoch"] for _ in range(2)] == [2, 3]
    with pytest.raises(SystemExit, match="another worker"):
        hung.step()
    _, meta = checkpoint.load(Path(there.folder) / "checkpoint")
    assert meta["epoch"] == 3


def test_a_finished_trial_tells_its_result_again_and_trains_no_more(job: MakeJob) -> None:
    first = run(make_trainable(job()))
    (again,) = run(make_trainable(job()))
    assert again["report"] == first[-1]["report"]
    assert len(again["earlier"]) == 3


def test_checkpoints_are_written_every_so_often_and_at_the_end(job: MakeJob) -> None:
    trainable = make_trainable(job(checkpoint_epochs=2))
    own = Path(job().folder) / "checkpoint"
    written = []
    for _ in range(3):
        trainable.step()
        written.append(checkpoint.load(own)[1]["epoch"] if checkpoint.versions(own) else 0)
    assert written == [0, 2, 3]


def test_an_actor_that_is_used_again_leaks_nothing(
    job: MakeJob, networks: list[weakref.ref[nn.Module]]
) -> None:
    second = job(seed=3, learning_rate=0.02).model_copy(update={"folder": job().folder + "-2"})
    fresh = run(make_trainable(second.model_copy(update={"folder": job().folder + "-fresh"})))
    trainable = make_trainable(job())
    trainable.step()
    assert networks[-1]() is not None
    assert trainable.reset_config({"job": second.model_dump_json(), "trial": 8})
    assert networks[1]() is None
    results = run(trainable)
    assert scores(results) == scores(fresh)
    assert {r["trial"] for r in results} == {8}
    trainable.cleanup()
    gc.collect()
    assert not [o for o in gc.get_objects() if isinstance(o, torch.optim.Optimizer)]


def run_to_failure(trainable: TrialTrainable) -> dict[str, Any]:
    result = trainable.step()
    assert result["done"]
    assert math.isnan(result["top1"])
    failure: dict[str, Any] = result["failure"]
    return failure


def test_divergence_is_a_result(job: MakeJob) -> None:
    recipe = {"optimiser": "sgd", "learning_rate": 1e30, "momentum": 0.0}
    outcome = run_to_failure(make_trainable(job(**recipe)))
    assert outcome["kind"] == "diverged"
    assert "epoch 1" in outcome["reason"]


def test_memory_that_does_not_suffice_is_a_result_and_is_given_back(
    job: MakeJob, networks: list[weakref.ref[nn.Module]], monkeypatch: pytest.MonkeyPatch
) -> None:
    trainable = make_trainable(job())
    trainable.step()
    assert networks[-1]() is not None

    def hungry(*_: object) -> None:
        torch.empty(1 << 50)

    monkeypatch.setattr(training.Trainer, "update", hungry)
    assert run_to_failure(trainable)["kind"] == "out-of-memory"
    assert networks[-1]() is None


def test_a_missing_pack_is_a_result(job: MakeJob, tmp_path: Path) -> None:
    lost = PackRef(path=str(tmp_path / "none"), checksum="0" * 64)
    outcome = run_to_failure(make_trainable(job().model_copy(update={"data": lost})))
    assert outcome["kind"] == "data"
    assert "holds no pack" in outcome["reason"]


def test_a_genome_that_does_not_fit_is_a_result(job: MakeJob) -> None:
    other = genome().with_images(size=16, channels=1, classes=10)
    outcome = run_to_failure(make_trainable(job().model_copy(update={"genome": other})))
    assert outcome["kind"] == "input"


def test_any_other_exception_is_a_result_with_its_traceback(
    job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("surprise")

    monkeypatch.setattr(training.Trainer, "update", broken)
    outcome = run_to_failure(make_trainable(job()))
    assert outcome["kind"] == "error"
    assert outcome["reason"] == "KeyError: 'surprise'"
    assert "broken" in outcome["detail"]


def test_a_full_disk_is_nobody_s_fault(job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "checkpoint")

    monkeypatch.setattr(training.Trainer, "save", full)
    outcome = run_to_failure(make_trainable(job()))
    assert outcome["kind"] == "storage"
    assert outcome["reason"] == "No space left on device: checkpoint"


@pytest.mark.parametrize(
    "error", [ModuleNotFoundError("No module named 'models.build'"), PermissionError(13, "denied")]
)
def test_a_place_where_nothing_can_be_trained_is_nobody_s_fault(
    job: MakeJob, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr(training.Trainer, "__init__", broken)
    outcome = run_to_failure(make_trainable(job()))
    assert outcome["kind"] == "environment"
    assert type(error).__name__ in outcome["reason"]


def test_files_out_of_reach_are_left_to_another_worker(
    job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    monkeypatch.setattr(training.Trainer, "save", away)
    trainable = make_trainable(job())
    with pytest.raises(OSError, match="Stale"):
        trainable.step()


def test_a_lost_gpu_is_left_to_ray(job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_: object) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(training.Trainer, "update", lost)
    trainable = make_trainable(job())
    with pytest.raises(RuntimeError, match="illegal memory access"):
        trainable.step()


def test_a_damaged_checkpoint_costs_an_epoch_and_two_the_trial(job: MakeJob) -> None:
    trainable = make_trainable(job())
    expected = scores([trainable.step(), trainable.step(), trainable.step()])
    newest, older = checkpoint.versions(Path(job().folder) / "checkpoint")
    Path(newest, "tensors.safetensors").write_bytes(b"")
    assert scores(run(make_trainable(job()))) == expected[2:]
    for version in checkpoint.versions(Path(job().folder) / "checkpoint"):
        Path(version, "checkpoint.json").write_text("{}")
    outcome = run_to_failure(make_trainable(job()))
    assert outcome["kind"] == "corrupt-checkpoint"
    assert "checkpoint.json" in outcome["reason"]
    assert Path(older).name == "00000002"


def test_rays_own_checkpoint_holds_the_same(job: MakeJob, tmp_path: Path) -> None:
    first = make_trainable(job())
    first.step()
    first.save_checkpoint(str(tmp_path / "ray"))
    second = first.step()
    elsewhere = job().model_copy(update={"folder": job().folder + "-elsewhere"})
    moved = make_trainable(elsewhere)
    moved.load_checkpoint(str(tmp_path / "ray"))
    result = moved.step()
    assert scores([result]) == scores([second])
    assert [r["epoch"] for r in result["earlier"]] == [1]
    # The trial's own checkpoint is further than Ray's, and goes first.
    own = make_trainable(job())
    own.load_checkpoint(str(tmp_path / "ray"))
    assert own.step()["epoch"] == 3
