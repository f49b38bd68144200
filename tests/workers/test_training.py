"""The training loop: its arithmetic, its repeatability, and what becomes of failures."""

import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from space.errors import CheckpointError, InputError
from workers.data.pack import Pack
from workers.evaluation import evaluate
from workers.failures import Diverged, failure
from workers.job import Job, Recipe, Report
from workers.optimisation import learning_rate
from workers.peak_memory import read_peak
from workers.training import Trainer

MakeJob = Callable[..., Job]
Build = Callable[[Job], nn.Module]
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


def test_schedules_are_their_closed_forms() -> None:
    def rates(**recipe: object) -> list[float]:
        made = Recipe(epochs=6, learning_rate=0.8).overlaid(recipe)
        return [learning_rate(made, step, 10) for step in range(60)]

    assert rates(schedule="constant") == [0.8] * 60
    cosine = [0.4 * (1 + math.cos(math.pi * step / 60)) for step in range(60)]
    assert rates(schedule="cosine") == pytest.approx(cosine)
    steps = rates(schedule="step", step_epochs=2, factor=0.5)
    assert steps == pytest.approx([0.8] * 20 + [0.4] * 20 + [0.2] * 20)
    warm = rates(schedule="cosine", warmup_epochs=1.5)
    assert warm[:15] == pytest.approx([0.8 * (step + 1) / 15 for step in range(15)])
    tail = [0.4 * (1 + math.cos(math.pi * (step - 15) / 45)) for step in range(15, 60)]
    assert warm[15:] == pytest.approx(tail)


def one_step(trainer: Trainer) -> dict[str, torch.Tensor]:
    """The network's parameters after one step on the first images, dropout off."""
    trainer.network.eval()
    images = (
        torch.from_numpy(np.array(trainer.pack.images("train")[:64])).permute(0, 3, 1, 2) / 255
    )
    labels = torch.from_numpy(np.array(trainer.pack.labels("train")[:64]))
    trainer.update(images, labels, 0)
    return {name: p.detach() for name, p in trainer.network.named_parameters()}


def gradients(network: nn.Module, trainer: Trainer, l2: bool) -> dict[str, torch.Tensor]:
    """Of the cross entropy, and of sum(c w^2)/2 by autograd if `l2`, at the start."""
    network.eval()
    images = (
        torch.from_numpy(np.array(trainer.pack.images("train")[:64])).permute(0, 3, 1, 2) / 255
    )
    labels = torch.from_numpy(np.array(trainer.pack.labels("train")[:64]))
    loss = nn.functional.cross_entropy(network(images), labels)
    if l2:
        named = dict(network.named_parameters())
        for name, c in network.decays().items():  # type: ignore[operator]
            loss = loss + c * named[name].square().sum() / 2
    loss.backward()
    return {name: p.grad for name, p in network.named_parameters() if p.grad is not None}


PLAIN = {"optimiser": "sgd", "momentum": 0.0, "learning_rate": 0.1, "schedule": "constant"}


@pytest.mark.parametrize("clip", [None, {"norm": 0.05}, {"value": 0.002}])
def test_a_step_is_the_gradient_of_loss_and_penalty_clipped(
    job: MakeJob, build: Build, clip: dict[str, float] | None
) -> None:
    made = job(**PLAIN, clip=clip)
    trainer, start = Trainer(made, build=build), build(made)
    before = {name: p.detach().clone() for name, p in start.named_parameters()}
    slopes = gradients(start, trainer, l2=True)
    if clip and "norm" in clip:
        norm = math.sqrt(sum(float(g.square().sum()) for g in slopes.values()))
        assert norm > 0.05
        slopes = {name: g * (0.05 / norm) for name, g in slopes.items()}
    elif clip:
        slopes = {name: g.clamp(-0.002, 0.002) for name, g in slopes.items()}
    for name, after in one_step(trainer).items():
        expected = before[name] - 0.1 * slopes[name]
        torch.testing.assert_close(after, expected, atol=1e-6, rtol=1e-4)


def test_l2_is_the_weight_decay_of_torchs_own_nesterov(job: MakeJob, build: Build) -> None:
    """Three steps of momentum with decay on some tensors, against torch's param groups."""
    made = job(optimiser="sgd", learning_rate=0.1, schedule="constant")
    trainer, reference = Trainer(made, build=build), build(made)
    decays = reference.decays()  # type: ignore[operator]
    groups = [
        {"params": [p], "weight_decay": decays.get(name, 0.0)}
        for name, p in reference.named_parameters()
    ]
    optimiser = torch.optim.SGD(groups, lr=0.1, momentum=0.9, nesterov=True)
    for _ in range(3):
        optimiser.zero_grad()
        gradients(reference, trainer, l2=False)
        optimiser.step()
        after = one_step(trainer)
    for name, p in reference.named_parameters():
        torch.testing.assert_close(after[name], p.detach(), atol=1e-6, rtol=1e-4)


def test_weight_decay_shrinks_kernels_only_and_by_rate(job: MakeJob, build: Build) -> None:
    plain = one_step(Trainer(job(**PLAIN), build=build))
    decayed = one_step(Trainer(job(**PLAIN, weight_decay=0.5), build=build))
    start = dict(build(job()).named_parameters())
    for name, value in plain.items():
        shrunk = value - 0.05 * start[name].detach() if value.ndim > 1 else value
        torch.testing.assert_close(decayed[name], shrunk, atol=1e-6, rtol=1e-5)


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


def test_scores_are_what_they_are_called(digits: Pack, build: Build, job: MakeJob) -> None:
    network = build(job()).eval()
    result = evaluate(network, digits, batch_size=64)
    stored = torch.from_numpy(np.array(digits.images("test"))).permute(0, 3, 1, 2) / 255
    images = (stored - digits.mean[0]) / digits.std[0]
    labels = torch.from_numpy(np.array(digits.labels("test")))
    with torch.no_grad():
        steps = network.step_logits(images)  # type: ignore[operator]
        ranks = (-network(images)).argsort(1)
        loss = nn.functional.cross_entropy(network(images), labels)
    assert result.top1 == pytest.approx(float((ranks[:, 0] == labels).double().mean()))
    top5 = (ranks[:, :5] == labels[:, None]).any(1).double().mean()
    assert result.top5 == pytest.approx(float(top5))
    assert result.loss == pytest.approx(float(loss), rel=1e-5)
    by_step = (steps.argmax(2) == labels[:, None]).double().mean(0)
    assert result.accuracy_by_step == pytest.approx(by_step.tolist())
    assert result.accuracy_by_step[-1] == result.top1


def test_a_score_can_be_had_again(digits: Pack, build: Build, job: MakeJob) -> None:
    made = job(evaluation_batch_size=48)
    trainer = Trainer(made, build=build)
    report = trainer.run_epoch()
    other = build(job(seed=5))
    other.load_state_dict(trainer.network.state_dict())
    torch.set_num_threads(2)
    again = evaluate(other, digits, batch_size=48, threads=1)
    assert torch.get_num_threads() == 2
    assert (again.top1, again.top5, again.loss) == (report.top1, report.top5, report.loss)
    assert again.accuracy_by_step == report.accuracy_by_step
    assert other.training


def test_fewer_than_five_classes_are_all_in_the_top_five(
    digits: Pack, build: Build, job: MakeJob
) -> None:
    network = build(job().model_copy(update={"genome": {"classes": 12}}))
    with pytest.raises(InputError, match=r"genome\.classes: 12, but the data has 10; set 10"):
        evaluate(network, digits)


@pytest.mark.parametrize(
    ("genome", "message"),
    [({"size": 16}, "image.size: 16"), ({"channels": 3}, "image.channels: 3")],
)
def test_a_genome_that_does_not_fit_its_data_is_refused(
    job: MakeJob, build: Build, genome: dict[str, int], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Trainer(job().model_copy(update={"genome": genome}), build=build)


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

    trainer = Trainer(job(), build=lambda job: Bomb(build(job)))
    trainer.run_epoch()  # five batches
    with pytest.raises(Diverged, match="loss is nan at epoch 2, step 3") as caught:
        trainer.run_epoch()
    assert trainer.epoch == 1
    assert failure(caught.value).kind == "diverged"


def test_a_learning_rate_that_explodes_diverges(job: MakeJob, build: Build) -> None:
    recipe = {**PLAIN, "learning_rate": 1e30}
    with pytest.raises(Diverged, match=r"at (the end of )?epoch 1"):
        Trainer(job(**recipe), build=build).run_epoch()


def test_weights_that_are_not_finite_diverge(job: MakeJob, build: Build) -> None:
    trainer = Trainer(job(), build=build)
    with torch.no_grad():
        dict(trainer.network.named_parameters())["again.bias"][0] = math.inf
    with pytest.raises(Diverged, match=r"again\.bias is not finite at the end of epoch 4"):
        trainer.optimisation.check_weights(4)


def test_the_peak_of_memory_is_forgotten_between_trials(job: MakeJob, build: Build) -> None:
    big = torch.ones(40_000_000)  # 160 MB
    high = read_peak(torch.device("cpu"))
    del big
    low = Trainer(job(), build=build).run_epoch().memory_mb
    assert low < high - 100


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
