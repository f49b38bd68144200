"""What a network answers to images of a split under a condition, at every step.

A condition is the images as they are, spoilt (`corruptions.py`) or attacked (`attacks.py`). The
network is run as `workers/evaluation.py` runs it: float32, in batches, its parameters untouched.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from space.errors import InputError
from workers.data.augmentation import average
from workers.data.preprocessing import Normalisation, to_unit
from workers.data.statistics import Statistics
from workers.evaluation import choose_classes, move_network
from workers.robustness.attacks import (
    ATTACKS,
    RESTARTS,
    STEPS,
    Attack,
    attack_images,
    draw_in_ball,
)
from workers.robustness.corruptions import CORRUPTIONS, LEVELS, Images, Pixels, corrupt

if TYPE_CHECKING:
    from models.build import Network

CLEAN = "clean"
KINDS = (*CORRUPTIONS, *ATTACKS)
"""What can be done to images."""
ATTACK_STREAM = 12
"""The first stream of the starts of attacks. Below it there is room for more kinds."""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What was done to the images: a kind at a level of 1 to 5, or nothing (CLEAN, 0).

    Raises InputError for a kind or a level that there is not.
    """

    kind: str = CLEAN
    level: int = 0

    def __post_init__(self) -> None:
        if self.kind not in (CLEAN, *KINDS):
            raise InputError("--kinds", f"{self.kind} is none", f"there are {', '.join(KINDS)}")
        if self.level not in ((0,) if self.kind == CLEAN else LEVELS):
            raise InputError("--severities", f"there is no {self.level}", "give some of 1 to 5")

    @property
    def strength(self) -> float:
        """How much of it: in the units of the kind's table; 0 of nothing."""
        if self.kind == CLEAN:
            return 0.0
        if self.kind in ATTACKS:
            return ATTACKS[self.kind][1][self.level - 1]
        return CORRUPTIONS[self.kind].levels[self.level - 1]


@dataclass(frozen=True, kw_only=True)
class AttackSettings:
    """What all attacks have in common: as in `attacks.Attack`, `step` in parts of epsilon."""

    steps: int = STEPS
    step: float | None = None
    restarts: int = RESTARTS

    def at(self, condition: Condition) -> Attack:
        """The attack of a condition. Raises InputError for numbers that make no sense."""
        norm, _ = ATTACKS[condition.kind]
        size = None if self.step is None else self.step * condition.strength
        return Attack(
            norm=norm,
            epsilon=condition.strength,
            steps=self.steps,
            step=size,
            restarts=self.restarts,
        )


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Whether the answers to images are right: the decoder's [N], and those of the head at each
    step from `first` on, the first that depends on the image, [N,T'].
    """

    right: NDArray[np.bool_]
    by_step: NDArray[np.bool_]
    first: int

    def head(self, count: int) -> "Answers":
        """Those to the first `count` images."""
        return Answers(right=self.right[:count], by_step=self.by_step[:count], first=self.first)


@dataclass(frozen=True, kw_only=True)
class Reader:
    """A network on a device that answers images of 0..1, which it gets normalised."""

    network: "Network"
    normalise: Normalisation
    batch_size: int
    device: torch.device

    def show(self, pixels: Pixels) -> Tensor:
        """uint8 [B,H,W,C] -> [B,C,S,S] in 0..1 at the network's size."""
        unit = to_unit(torch.from_numpy(pixels).to(self.device))
        return average(unit, self.network.image_size)

    def classify(self, images: Tensor) -> Tensor:
        """[B,C,S,S] in 0..1 -> the network's own logits [B,classes]."""
        logits: Tensor = self.network(self.normalise(images))
        return logits

    def step_logits(self, images: Tensor) -> Tensor:
        """[B,C,S,S] in 0..1 -> the head's logits at every step, [B,T,classes]."""
        return self.network.step_logits(self.normalise(images)).float()

    @torch.no_grad()
    def answer(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """[B,C,S,S] in 0..1 -> first classes: the decoder's [B], each step's [B,T]."""
        by_step = self.step_logits(images)
        return choose_classes(self.network.decode(by_step)), by_step.argmax(dim=2)


def find_device(name: str) -> torch.device:
    """`cpu`, or `cuda` (the first GPU). Raises InputError for others, and where there is none."""
    if name not in ("cpu", "cuda"):
        raise InputError(f"--device: {name}", "is no place of networks", "give cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("--device: cuda", "PyTorch has no GPU here", "leave it out")
    return torch.device(name)


def place_network(
    network: "Network", facts: Statistics, batch_size: int, device: torch.device
) -> Reader:
    """A network moved to a device, and read there; images are normalised by `facts`."""
    move_network(network, device)
    normalise = Normalisation(facts, device)
    return Reader(network=network, normalise=normalise, batch_size=batch_size, device=device)


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Evaluation mode, and no gradient for any parameter; both as before afterwards."""
    training, wanted = network.training, [one.requires_grad for one in network.parameters()]
    network.eval().requires_grad_(requires_grad=False)
    try:
        yield
    finally:
        network.train(training)
        for one, before in zip(network.parameters(), wanted, strict=True):
            one.requires_grad_(before)


def answer_condition(
    reader: Reader,
    images: Images,
    labels: NDArray[np.int64],
    condition: Condition,
    settings: AttackSettings,
) -> Answers:
    """What a network answers to the images (labels [N], of all of them) under a condition."""
    with frozen(reader.network):
        first = reader.network.first_valid_step("head")
        right, by_step = [], []
        for part in _batches(images, reader.batch_size):
            truth = torch.from_numpy(labels[np.asarray(part.numbers)]).to(reader.device)
            shown = _prepare(reader, part, truth, condition, settings)
            answers, at_steps = reader.answer(shown)
            right.append((answers == truth).cpu())
            by_step.append((at_steps[:, first:] == truth[:, None]).cpu())
    return Answers(right=torch.cat(right).numpy(), by_step=torch.cat(by_step).numpy(), first=first)


def _batches(images: Images, size: int) -> Iterator[Images]:
    numbers: Sequence[int] = images.numbers
    for start in range(0, len(numbers), size):
        part = numbers[start : start + size]
        yield Images(whole=images.whole, numbers=part, split=images.split, seed=images.seed)


def _prepare(
    reader: Reader,
    part: Images,
    labels: Tensor,
    condition: Condition,
    settings: AttackSettings,
) -> Tensor:
    """A batch as the network sees it, [B,C,S,S] in 0..1."""
    if condition.kind in CORRUPTIONS:
        return reader.show(corrupt(part, condition.kind, condition.level))
    shown = reader.show(part.pixels())
    if condition.kind == CLEAN:
        return shown
    attack = settings.at(condition)

    def draw(restart: int) -> Tensor:
        numbers = [part.random_numbers(int(n), ATTACK_STREAM + restart) for n in part.numbers]
        shape = tuple(shown.shape[1:])
        uniform = np.stack([one.uniform(-1, 1, *shape) for one in numbers])
        normal = np.stack([one.normal(1, *shape) for one in numbers])
        start = draw_in_ball(attack.norm, torch.from_numpy(uniform), torch.from_numpy(normal))
        return start.to(shown)

    return attack_images(reader.classify, shown, labels, attack, draw)
