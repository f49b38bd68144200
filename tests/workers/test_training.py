"""The training loop: its arithmetic, its repeatability, and what becomes of failures."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from space.errors import CheckpointError, InputError
from workers.data.feed import Feed
from workers.data.manifest import SplitName
from workers.data.pack import Pack
from workers.data.packing import pack
from workers.data.specs import Digits
from workers.evaluation import evaluate
from workers.failures import Diverged, failure
from workers.job import Job, Report
from workers.training import Trainer

MakeJob = Callable[..., Job]
Build = Callable[..., nn.Module]
EVERYTHING = {
    "augmentation": {"crop": {"scale": [0.5, 1.0]}, "flip": True, "noise": 0.05},
    "warmup_epochs": 1,
    "label_smoothing": 0.1,
    "clip": {"norm": 1.0},
    "weight_decay": 0.01,
}


def numbers(report: Report) -> Report:
    """A report without what the clock and the machine decide."""
    return report.model_copy(update={"seconds": 0.0, "memory_mb": 0.0})


def same_weights(a: nn.Module, b: nn.Module) -> bool:
    ours, theirs = a.state_dict(), b.state_dict()
    return all(torch.equal(ours[name], theirs[name]) for name in ours)


# ---------------------------------------------------------------------------------- repeatability


@pytest.mark.parametrize("recipe", [{"optimiser": "sgd", "learning_rate": 0.05}, EVERYTHING])
def test_the_same_job_gives_the_same_numbers(
    job: MakeJob, build: Build, recipe: dict[str, object]
) -> None:
    first, second = (Trainer(job(**recipe), build=build) for _ in range(2))
    for _ in range(2):
        first_report = numbers(first.run_epoch())
        np.random.rand(3), torch.rand(3)  # others draw meanwhile
        assert first_report == numbers(second.run_epoch())
    assert same_weights(first.network, second.network)
    other = Trainer(job(seed=2, **recipe), build=build)
    assert numbers(other.run_epoch()) != numbers(first.reports[0])


@pytest.mark.parametrize("recipe", [{"optimiser": "sgd", "learning_rate": 0.05}, EVERYTHING])
def test_a_resumed_job_gives_the_numbers_of_one_that_never_stopped(
    job: MakeJob, build: Build, tmp_path: Path, recipe: dict[str, object]
) -> None:
    whole = Trainer(job(**recipe), build=build)
    for _ in range(3):
        whole.run_epoch()
    broken = Trainer(job(**recipe), build=build)
    broken.run_epoch()
    broken.save(tmp_path / "c")
    broken.run_epoch()  # lost
    torch.rand(5)
    resumed = Trainer(job(**recipe), build=build)
    resumed.load(tmp_path / "c")
    assert resumed.epoch == 1
    while not resumed.finished:
        resumed.run_epoch()
    assert [numbers(r) for r in resumed.reports] == [numbers(r) for r in whole.reports]
    assert same_weights(resumed.network, whole.network)
    seconds = [report.seconds for report in resumed.reports]
    assert all(a < b for a, b in pairwise(seconds))


def test_a_checkpoint_of_another_job_is_refused(
    job: MakeJob, build: Build, tmp_path: Path
) -> None:
    trainer = Trainer(job(), build=build)
    trainer.save(tmp_path / "c")
    for other in (job(seed=2), job(learning_rate=0.1)):
        with pytest.raises(CheckpointError, match="another genome, recipe, data or seed"):
            Trainer(other, build=build).load(tmp_path / "c")
    moved = job().model_copy(update={"folder": "elsewhere"})
    Trainer(moved, build=build).load(tmp_path / "c")


# ------------------------------------------------------------------------------------- arithmetic


def test_the_loss_of_all_steps_is_the_mean_of_the_informed_ones(
    job: MakeJob, build: Build
) -> None:
    made = job(loss_steps="all")
    trainer, network = Trainer(made, build=build), build(made)
    trainer.network.eval(), network.eval()
    images, labels = torch.rand(16, 1, 8, 8), torch.arange(16) % 10
    logits = network.step_logits(images)  # type: ignore[operator]
    informed = [nn.functional.cross_entropy(logits[:, step], labels) for step in (1, 2)]
    loss = trainer.loss(images, labels)
    torch.testing.assert_close(loss, torch.stack(informed).mean())


def test_it_learns(job: MakeJob, build: Build) -> None:
    trainer = Trainer(job(epochs=8, learning_rate=0.01), build=build)
    reports = [trainer.run_epoch() for _ in range(8)]
    assert reports[-1].top1 > 0.25  # chance is 0.1
    assert reports[-1].train_loss < reports[0].train_loss - 0.3
    assert trainer.finished
    assert 50 < reports[-1].memory_mb < 5000


# ------------------------------------------------------------------------------------- evaluation


def test_an_epoch_is_scored_on_validation_and_test_stays_closed(
    job: MakeJob, build: Build, digits: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: set[str] = set()

    def read(pack: Pack, split: SplitName) -> Any:
        opened.add(split)
        return original(pack, split)

    original = Pack.labels
    monkeypatch.setattr(Pack, "labels", read)
    trainer = Trainer(job(), build=build)
    report = trainer.run_epoch()
    again = evaluate(trainer.network, digits, batch_size=256, split="validation")
    assert (report.top1, report.loss) == (again.top1, again.loss)
    assert trainer.epoch_seconds(0.01) > 0
    assert opened == {"train", "validation"}


def test_a_final_training_is_scored_on_test_and_may_train_on_all_the_rest(
    job: MakeJob, build: Build, digits: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The weights are those of the search's training, unless more images are trained on."""
    search, final, whole = (
        Trainer(job(batch_size=40, **recipe), build=build)
        for recipe in ({}, {"score_on": "test"}, WHOLE)
    )
    searched, fed = search.run_epoch(), []

    def batches(feed: Feed, order: Any, size: int) -> Any:
        fed.append(len(order))
        return original(feed, order, size)

    original = Feed.batches
    monkeypatch.setattr(Feed, "batches", batches)
    report, _ = final.run_epoch(), whole.run_epoch()
    assert same_weights(search.network, final.network)
    assert not same_weights(final.network, whole.network)
    assert searched.train_loss == report.train_loss
    for trainer in (final, whole):
        scores = evaluate(trainer.network, digits, batch_size=256, split="test")
        assert (scores.top1, scores.loss) == (trainer.reports[-1].top1, trainer.reports[-1].loss)
    images = digits.splits
    every = [images["train"], images["train"] + images["validation"]]
    assert [part for part in fed if part != images["test"]] == every


WHOLE = {"train_on": "train+validation", "score_on": "test"}


def test_data_of_before_is_scored_on_test_and_has_no_validation_images_to_train_on(
    job: MakeJob, build: Build, tmp_path: Path
) -> None:
    before = pack(Digits(size=8, train_images=64, test_images=64, validation=0), tmp_path)
    made = job().model_copy(update={"data": before.ref})
    trainer = Trainer(made, build=build)
    report = trainer.run_epoch()
    assert evaluate(trainer.network, before, batch_size=256, split="test").loss == report.loss
    asking = made.model_copy(update={"recipe": made.recipe.overlaid(WHOLE)})
    with pytest.raises(InputError, match=r"recipe\.train_on: .* the data has no validation split"):
        Trainer(asking, build=build)


# --------------------------------------------------------------------------------------- failures


def test_a_loss_that_is_not_finite_is_told_with_its_place(job: MakeJob, build: Build) -> None:
    class Bomb(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner, self.calls = inner, 0

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            logits: torch.Tensor = self.inner(images)
            return logits * (float("nan") if self.calls == 8 else 1.0)

        def __getattr__(self, name: str) -> Any:
            try:
                return super().__getattr__(name)
            except AttributeError:
                return getattr(super().__getattr__("inner"), name)

        def decays(self) -> dict[str, float]:
            return {}

    trainer = Trainer(job(), build=lambda job, _fidelity: Bomb(build(job)))
    trainer.run_epoch()  # five batches
    with pytest.raises(Diverged, match="loss is nan at epoch 2, step 3") as caught:
        trainer.run_epoch()
    assert trainer.epoch == 1
    assert failure(caught.value).kind == "diverged"


def test_a_learning_rate_that_explodes_diverges(job: MakeJob, build: Build) -> None:
    recipe = {"optimiser": "sgd", "learning_rate": 1e30, "schedule": "constant"}
    with pytest.raises(Diverged, match=r"at (the end of )?epoch 1"):
        Trainer(job(**recipe), build=build).run_epoch()


@pytest.mark.parametrize("schedule", ["constant", "step"])
def test_a_shorter_training_goes_on_as_the_longer_one_where_the_schedule_does_not_look_ahead(
    job: MakeJob, build: Build, tmp_path: Path, schedule: str
) -> None:
    recipe = {"schedule": schedule, "step_epochs": 2, "warmup_epochs": 0.5}
    whole = Trainer(job(epochs=4, **recipe), build=build)
    while not whole.finished:
        whole.run_epoch()
    short = Trainer(job(epochs=2, **recipe), build=build)
    while not short.finished:
        short.run_epoch()
    short.save(tmp_path / "c")
    longer = Trainer(job(epochs=4, **recipe), build=build)
    longer.load(tmp_path / "c")
    while not longer.finished:
        longer.run_epoch()
    assert [numbers(r) for r in longer.reports] == [numbers(r) for r in whole.reports]
    assert same_weights(longer.network, whole.network)
    longer.save(tmp_path / "c")
    with pytest.raises(CheckpointError, match="another genome"):  # it is too far already
        Trainer(job(epochs=2, **recipe), build=build).load(tmp_path / "c")
    with pytest.raises(CheckpointError, match="another genome"):
        Trainer(job(epochs=4, **recipe | {"learning_rate": 0.1}), build=build).load(tmp_path / "c")


def test_a_schedule_that_looks_ahead_is_not_continued_with_other_epochs(
    job: MakeJob, build: Build, tmp_path: Path
) -> None:
    short = Trainer(job(epochs=2, schedule="cosine"), build=build)
    short.run_epoch()
    short.save(tmp_path / "c")
    with pytest.raises(CheckpointError, match="another genome"):
        Trainer(job(epochs=4, schedule="cosine"), build=build).load(tmp_path / "c")


def test_an_epoch_is_timed_from_a_part_of_it(
    job: MakeJob, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock on which an update takes 2 s and a batch of the evaluation 0.5 s."""
    trainer, now = Trainer(job(evaluation_batch_size=64), build=build), [0.0]
    step, network = trainer.update, trainer.network
    step_logits: Any = network.step_logits

    def update(*batch: Any) -> torch.Tensor:
        now[0] += 2.0
        return step(*batch)

    def evaluated(images: torch.Tensor) -> torch.Tensor:
        now[0] += 0.0 if network.training else 0.5
        return torch.as_tensor(step_logits(images))

    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    monkeypatch.setattr(trainer, "update", update)
    monkeypatch.setattr(network, "step_logits", evaluated)
    # 320 images in batches of 64, then 200 of them.
    assert trainer.epoch_seconds(8.0) == 5 * 2.0 + 4 * 0.5
    assert now[0] < 5 * 2.0 + 4 * 0.5, "from a part of it"
