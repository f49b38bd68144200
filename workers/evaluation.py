"""How good a network is on a pack: the only code that scores, so that scores can be reproduced.

This module does not know what a network is made of, nor how it was trained.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from space.errors import InputError
from workers.data.augmentation import average
from workers.data.feed import Feed
from workers.data.manifest import SplitName
from workers.data.pack import Pack
from workers.data.preprocessing import Normalisation, to_unit
from workers.functions import Metric


class Scored(Protocol):
    """What training and evaluation ask of a network, besides being an nn.Module."""

    def step_logits(self, images: Tensor) -> Tensor:
        """[B,C,H,W] -> the head's logits at every step, [B,T,classes]."""
        ...

    def first_valid_step(self, stage: str) -> int:
        """The first step at which the image has reached a stage, or the `head`."""
        ...

    def decays(self) -> dict[str, float]:
        """The L2 coefficient of every parameter that has one, by the parameter's name."""
        ...


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Scores on a split: top-1 (or the metric that takes its place), top-5 and accuracy at each
    step in 0..1, mean loss in nats.
    """

    top1: float
    top5: float
    loss: float
    accuracy_by_step: tuple[float, ...]


def evaluate(
    network: nn.Module,
    pack: Pack,
    *,
    batch_size: int = 256,
    device: str | torch.device | None = None,
    split: SplitName,
    threads: int | None = None,
    reduced: bool = False,
    metric: Metric | None = None,
) -> Evaluation:
    """Score a network on a split of a pack, in float32 and in batches of exactly `batch_size`.

    The network is moved to `device` (default: where it is) and left in its mode. With the batch
    size and the threads of the job, on the same machine, this gives exactly the recorded scores.
    The decoder's logits come from the same forward pass as those of the steps. With `reduced` the
    network may take smaller images than the pack's, which are averaged down to its size. A
    `metric` takes the place of top-1: it is computed of all logits of the split together. Raises
    ValueError if it is not in 0..1.
    """
    answers: list[tuple[Tensor, Tensor]] = []
    sums: list[Tensor] = []
    steps: list[Tensor] = []
    for by_step, logits, labels in _answer(
        network, pack, split, batch_size, device=device, threads=threads, reduced=reduced
    ):
        best = logits.topk(min(5, logits.shape[1]), dim=1).indices == labels[:, None]
        loss = cross_entropy(logits, labels, reduction="none").double()
        sums.append(torch.stack([best[:, 0].sum(), best.sum(), loss.sum()]))
        if metric is not None:
            answers.append((logits.cpu(), labels.cpu()))
        steps.append((by_step.argmax(dim=2) == labels[:, None]).sum(dim=0))
    count = pack.count(split)
    top1, top5, loss_sum = (torch.stack(sums).sum(dim=0) / count).tolist()
    if metric is not None:
        top1 = _score(metric, answers)
    by_step_accuracy = (torch.stack(steps).sum(dim=0).double() / count).tolist()
    return Evaluation(
        top1=top1, top5=top5, loss=loss_sum, accuracy_by_step=tuple(by_step_accuracy)
    )


def _score(metric: Metric, answers: Sequence[tuple[Tensor, Tensor]]) -> float:
    """The metric of (logits [B,classes], labels [B]) of all batches. Raises ValueError."""
    logits, labels = (torch.cat(parts) for parts in zip(*answers, strict=True))
    score = float(metric.compute(logits, labels))
    if not 0 <= score <= 1:  # not a number, either
        raise ValueError(f"the metric gave {score}, which is not in 0..1")
    return score


def judge_images(
    network: nn.Module,
    pack: Pack,
    *,
    batch_size: int = 256,
    device: str | torch.device | None = None,
    split: SplitName,
    threads: int | None = None,
    reduced: bool = False,
) -> NDArray[np.bool_]:
    """[N]: whether a network's first answer to each image of a split is right, in the pack's
    order. All else is as of `evaluate`, whose top-1 is the mean of this.
    """
    answers = _answer(
        network, pack, split, batch_size, device=device, threads=threads, reduced=reduced
    )
    right = [choose_classes(logits) == labels for _, logits, labels in answers]
    return cast(NDArray[np.bool_], torch.cat(right).cpu().numpy())


def choose_classes(logits: Tensor) -> Tensor:
    """[B,classes] -> the first answer to each image, [B], as `judge_images` takes it."""
    return logits.topk(1, dim=1).indices[:, 0]


@torch.no_grad()
def _answer(
    network: nn.Module,
    pack: Pack,
    split: SplitName,
    batch_size: int,
    *,
    device: str | torch.device | None,
    threads: int | None,
    reduced: bool,
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """(logits by step [B,T,classes], the decoder's [B,classes], labels [B]) of every batch."""
    where = torch.device(device) if device is not None else next(network.parameters()).device
    move_network(network, where)
    check_fit(network, pack, reduced=reduced)
    normalise, size = Normalisation(pack, where), cast(int, network.image_size)
    feed = Feed(pack, split, where)
    scored, decode = cast(Scored, network), getattr(network, "decode", _last_step)
    training = network.training
    network.eval()
    try:
        with _threads(threads):
            for images, labels in feed.batches(np.arange(pack.count(split)), batch_size):
                pictures = average(to_unit(images), size)
                by_step = scored.step_logits(normalise(pictures)).float()
                yield by_step, decode(by_step), labels
    finally:
        network.train(training)


def _last_step(step_logits: Tensor) -> Tensor:
    return step_logits[:, -1]


def check_fit(network: nn.Module, pack: Pack, *, reduced: bool = False) -> None:
    """Raises InputError unless the network takes the pack's images and names its classes.

    With `reduced` its images may be smaller than the pack's.
    """
    for name, here, there in (
        ("image.size", network.image_size, pack.size),
        ("image.channels", network.image_channels, pack.channels),
        ("classes", network.classes, len(pack.classes)),
    ):
        smaller = reduced and name == "image.size" and cast(int, here) < there
        if here != there and not smaller:
            raise InputError(f"genome.{name}", f"{here}, but the data has {there}", f"set {there}")


def move_network(network: nn.Module, device: torch.device) -> nn.Module:
    """The network on the device, in the memory order that is fastest there."""
    if device.type == "cuda":
        # The stubs of torch do not know this form of `to`.
        return network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]
    return network.to(device)


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
