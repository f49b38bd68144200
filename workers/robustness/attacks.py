"""Images changed by at most so much, as badly as can be: projected gradient descent.

Madry et al. (2018): from a start within the ball of radius epsilon around the image, steps along
the gradient of the loss (its sign in L-inf, its direction in L2), each followed by the projection
onto the ball and onto the images that exist, 0..1. The gradient is that of the network's own
answer, and so goes through every step of the unroll that this depends on.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from space.errors import InputError
from workers.evaluation import choose_classes

Norm = Literal["linf", "l2"]

ATTACKS: Mapping[str, tuple[Norm, tuple[float, ...]]] = {
    "pgd-linf": ("linf", (0.5 / 255, 1 / 255, 2 / 255, 4 / 255, 8 / 255)),
    "pgd-l2": ("l2", (0.1, 0.25, 0.5, 1.0, 2.0)),
}
"""The norm and the radius at each level, on pixels of 0..1."""

STEPS, RESTARTS = 20, 2


@dataclass(frozen=True, kw_only=True)
class Attack:
    """How images are attacked: `epsilon` and `step` on pixels of 0..1.

    `step` is by default 2.5 epsilon / steps. Of the `restarts` the first starts at the image, the
    others at points drawn from the ball. Raises InputError for a number that makes no sense.
    """

    norm: Norm
    epsilon: float
    steps: int = STEPS
    step: float | None = None
    restarts: int = RESTARTS

    def __post_init__(self) -> None:
        for name, number in (("steps", self.steps), ("restarts", self.restarts)):
            if number < 1:
                raise InputError(name, f"{number} is too few", "give 1 or more")
        for name, size in (("epsilon", self.epsilon), ("step", self.size)):
            if not 0 < size < float("inf"):
                raise InputError(name, f"{size} is no distance", "give a number above 0")

    @property
    def size(self) -> float:
        """How far a step goes."""
        return 2.5 * self.epsilon / self.steps if self.step is None else self.step


Classify = Callable[[Tensor], Tensor]
"""Images [B,C,H,W] of 0..1 -> logits [B,classes]."""


def attack_images(
    classify: Classify,
    images: Tensor,
    labels: Tensor,
    attack: Attack,
    draw: Callable[[int], Tensor],
) -> Tensor:
    """The images [B,C,H,W] of 0..1, changed within the ball so that the answers to them are wrong.

    `draw(k)` gives the start of restart k, 1 and up: a point of the unit ball for each image. Of
    an image itself and what the restarts made of it, the first that gets a wrong answer is
    returned, else that of the largest loss. Other images of the batch change nothing.
    """
    best, loss, wrong = images.clone(), *_judge(classify, images, labels)
    for restart in range(attack.restarts):
        left = ~wrong
        if not bool(left.any()):
            break
        start = torch.zeros_like(images) if restart == 0 else attack.epsilon * draw(restart)
        changed = _climb(classify, images[left], labels[left], attack, start[left])
        new_loss, new_wrong = _judge(classify, changed, labels[left])
        worse = new_wrong | (new_loss > loss[left])
        places = left.nonzero()[:, 0][worse]
        best[places], loss[places] = changed[worse], new_loss[worse]
        wrong[places] = new_wrong[worse]
    return best


def draw_in_ball(norm: Norm, uniform: Tensor, normal: Tensor) -> Tensor:
    """A point of the unit ball for each image, from numbers [B,C,H,W] that were drawn.

    `uniform` lies in -1..1 and is the point of L-inf. In L2 the direction is that of `normal`,
    and the radius the d-th root of a uniform number (the first), d the number of pixels.
    """
    if norm == "linf":
        return uniform
    dimensions = normal[0].numel()
    radius = ((uniform.flatten(1)[:, 0] + 1) / 2) ** (1 / dimensions)
    return _scale(_unit(normal), radius)


def _climb(
    classify: Classify, images: Tensor, labels: Tensor, attack: Attack, start: Tensor
) -> Tensor:
    """PGD from `images + start`."""
    changed = (images + start).clamp(0, 1)
    for _ in range(attack.steps):
        gradient = _gradient(classify, changed, labels)
        direction = gradient.sign() if attack.norm == "linf" else _unit(gradient)
        moved = _project(changed + attack.size * direction - images, attack)
        # An image lies in 0..1 itself: cutting off what does not moves no pixel away from it.
        changed = (images + moved).clamp(0, 1)
    return changed


@torch.enable_grad()
def _gradient(classify: Classify, images: Tensor, labels: Tensor) -> Tensor:
    """Of the cross-entropy of each image, [B,C,H,W]; 0 where the loss does not depend on it."""
    seen = images.detach().requires_grad_()
    loss = cross_entropy(classify(seen), labels, reduction="sum")
    if not loss.requires_grad:
        return torch.zeros_like(images)
    (gradient,) = torch.autograd.grad(loss, seen)
    return gradient


@torch.no_grad()
def _judge(classify: Classify, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """(loss [B], whether the answer is wrong [B])."""
    logits = classify(images)
    loss = cross_entropy(logits, labels, reduction="none")
    return loss, choose_classes(logits) != labels


def _project(change: Tensor, attack: Attack) -> Tensor:
    """The nearest change within the ball."""
    if attack.norm == "linf":
        return change.clamp(-attack.epsilon, attack.epsilon)
    length = change.flatten(1).norm(dim=1)
    return _scale(change, (attack.epsilon / length.clamp_min(attack.epsilon)))


def _unit(vectors: Tensor) -> Tensor:
    """Each of length 1, but for those that are 0."""
    length = vectors.flatten(1).norm(dim=1)
    return _scale(vectors, torch.where(length > 0, 1 / length, 0))


def _scale(vectors: Tensor, factors: Tensor) -> Tensor:
    return vectors * factors.view(-1, 1, 1, 1)
