"""One update of a network: schedules, gradients, L2 terms, decay and clipping."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from workers.failures import Diverged
from workers.job import Job, Recipe
from workers.optimisation import learning_rate
from workers.training import Trainer

MakeJob = Callable[..., Job]


Build = Callable[..., nn.Module]


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


def test_weights_that_are_not_finite_diverge(job: MakeJob, build: Build) -> None:
    trainer = Trainer(job(), build=build)
    with torch.no_grad():
        dict(trainer.network.named_parameters())["again.bias"][0] = math.inf
    with pytest.raises(Diverged, match=r"again\.bias is not finite at the end of epoch 4"):
        trainer.optimisation.check_weights(4)
