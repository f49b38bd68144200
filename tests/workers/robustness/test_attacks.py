"""Attacks against what is known in closed form, and against a plain implementation."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from space.errors import InputError
from tests.support.networks import images_for, network_with, randomised
from workers.robustness.attacks import Attack, attack_images, draw_in_ball

SHAPE = (6, 1, 5, 5)


def _images(low: float = 0.0, high: float = 1.0, shape: tuple[int, ...] = SHAPE) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return low + (high - low) * torch.rand(shape, generator=generator, dtype=torch.float64)


def _linear(scale: float = 1.0) -> Tensor:
    """The weights of two classes, [2,25]."""
    generator = torch.Generator().manual_seed(2)
    return scale * torch.randn(2, 25, generator=generator, dtype=torch.float64)


def _no_start(_restart: int) -> Tensor:
    raise AssertionError("the first restart starts at the image")


def _draw(norm: str, shape: tuple[int, ...] = SHAPE) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    uniform = 2 * torch.rand(shape, generator=generator, dtype=torch.float64) - 1
    normal = torch.randn(shape, generator=generator, dtype=torch.float64)
    return draw_in_ball(norm, uniform, normal)  # type: ignore[arg-type]


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_a_linear_margin_falls_by_epsilon_times_the_dual_norm(norm: str) -> None:
    """The images are so far from black and white, and the margins so large, that neither the
    range of pixels nor a wrong answer gets in the way.
    """
    images, weights, epsilon = _images(0.4, 0.6), _linear(), 0.03
    difference = weights[0] - weights[1]

    def classify(batch: Tensor) -> Tensor:
        return batch.flatten(1) @ weights.T + torch.tensor([20.0, 0.0], dtype=torch.float64)

    labels = torch.zeros(6, dtype=torch.int64)
    attack = Attack(norm=norm, epsilon=epsilon, restarts=1)  # type: ignore[arg-type]
    changed = attack_images(classify, images, labels, attack, _no_start)
    fall = ((images - changed).flatten(1) @ difference).tolist()
    dual = difference.abs().sum() if norm == "linf" else difference.norm()
    assert fall == pytest.approx([epsilon * float(dual)] * 6, rel=1e-12)
    # From another start in the ball it is the same in the end.
    attack = Attack(norm=norm, epsilon=epsilon, restarts=2, steps=400, step=0.01)  # type: ignore[arg-type]
    changed = attack_images(classify, images, labels, attack, lambda _: _draw(norm))
    fall = ((images - changed).flatten(1) @ difference).tolist()
    assert fall == pytest.approx([epsilon * float(dual)] * 6, rel=1e-6)


def _plain(
    network: torch.nn.Module, image: Tensor, label: int, attack: Attack, start: Tensor
) -> Tensor:
    """PGD of one image as the paper has it, without a batch, from a start."""
    x = torch.clamp(image + start, 0, 1)
    for _ in range(attack.steps):
        x = x.clone().requires_grad_()
        loss = -torch.log_softmax(network(x[None]), 1)[0, label]
        loss.backward()
        gradient = x.grad
        assert gradient is not None
        with torch.no_grad():
            if attack.norm == "linf":
                x = x + attack.size * torch.sign(gradient)
                x = torch.min(torch.max(x, image - attack.epsilon), image + attack.epsilon)
            else:
                change = x + attack.size * gradient / torch.sqrt((gradient**2).sum()) - image
                length = float(torch.sqrt((change**2).sum()))
                x = image + change * min(1.0, attack.epsilon / length)
            x = torch.clamp(x, 0, 1)
    return x.detach()


@pytest.mark.parametrize(("norm", "epsilon"), [("linf", 0.1), ("l2", 0.8)])
def test_it_is_the_plain_attack_through_a_recurrent_network(norm: str, epsilon: float) -> None:
    """Planned against literal unroll: the attack goes through every step of either."""
    network = randomised(network_with())
    shape = (3, 1, 8, 8)
    images = _images(shape=shape)
    with torch.no_grad():
        labels = network(images).argmax(1)
    attack = Attack(norm=norm, epsilon=epsilon, steps=5, restarts=1)  # type: ignore[arg-type]
    changed = attack_images(network, images, labels, attack, _no_start)
    literal = randomised(network_with())
    literal.unroll = "literal"
    for image, label, one in zip(images, labels.tolist(), changed, strict=True):
        expected = _plain(literal, image, label, attack, torch.zeros_like(image))
        assert torch.allclose(one, expected, atol=1e-9)
    assert (changed != images).any()
    # With a restart it is the plain one from its start, or what was there before if that is worse.
    attack = Attack(norm=norm, epsilon=epsilon, steps=5, restarts=2)  # type: ignore[arg-type]
    start = _draw(norm, shape)
    twice = attack_images(network, images, labels, attack, lambda _: start)
    for at, label in enumerate(labels.tolist()):
        second = _plain(literal, images[at], label, attack, epsilon * start[at])
        candidates = torch.stack([images[at], changed[at], second])
        logits = literal(candidates)
        wrong = (logits.argmax(1) != label).tolist()
        losses = -logits.log_softmax(1)[:, label]
        place = wrong.index(True) if any(wrong) else int(losses.argmax())
        assert torch.allclose(twice[at], candidates[place], atol=1e-9)


def test_in_the_largest_norm_it_is_captum_s() -> None:
    from captum.robust import PGD

    network, images = randomised(network_with()), _images(shape=(5, 1, 8, 8))
    labels = network(images).argmax(1)
    attack = Attack(norm="linf", epsilon=0.05, steps=6, step=0.02, restarts=1)
    theirs = PGD(network, torch.nn.CrossEntropyLoss(reduction="none"), 0, 1)
    theirs.fgsm.zero_thresh = 0  # below it a slope counts as none there
    expected = theirs.perturb(images.clone().requires_grad_(), 0.05, 0.02, 6, labels)
    ours = attack_images(network, images, labels, attack, _no_start)
    assert torch.allclose(ours, expected, atol=1e-12)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_it_stays_in_the_ball_and_among_images(norm: str) -> None:
    network, images = randomised(network_with()), _images(shape=(4, 1, 8, 8)).round()
    attack = Attack(norm=norm, epsilon=0.3, steps=3, restarts=2)  # type: ignore[arg-type]
    labels = network(images).argmax(1)
    changed = attack_images(
        network, images, labels, attack, lambda _: _draw(norm, tuple(images.shape))
    )
    change = (changed - images).flatten(1)
    length = change.abs().amax(1) if norm == "linf" else change.norm(dim=1)
    assert (length <= 0.3 + 1e-12).all()
    assert changed.min() >= 0
    assert changed.max() <= 1


def test_what_is_wrong_already_is_left_alone_and_batches_change_nothing() -> None:
    network, images = randomised(network_with()), _images(shape=(4, 1, 8, 8))
    labels = network(images).argmax(1)
    labels[0] = (labels[0] + 1) % 10
    attack = Attack(norm="linf", epsilon=0.05, steps=3)
    start = _draw("linf", (4, 1, 8, 8))
    changed = attack_images(network, images, labels, attack, lambda _: start)
    assert torch.equal(changed[0], images[0])
    alone = attack_images(network, images[2:3], labels[2:3], attack, lambda _: start[2:3])
    assert torch.allclose(changed[2], alone[0], atol=1e-12)


def test_a_network_that_does_not_see_its_images_cannot_be_attacked() -> None:
    images, labels = _images(), torch.zeros(6, dtype=torch.int64)

    def blind(batch: Tensor) -> Tensor:
        return torch.tensor([1.0, 0.0], dtype=batch.dtype).expand(len(batch), 2)

    for attack in (
        Attack(norm="linf", epsilon=0.1, restarts=1),
        Attack(norm="l2", epsilon=0.1, restarts=1),
    ):
        assert torch.equal(attack_images(blind, images, labels, attack, _no_start), images)


def test_starts_lie_in_the_unit_ball() -> None:
    images = images_for(network_with().with_images(size=8, channels=1, classes=10), batch=500)
    uniform = (images.sigmoid() - 0.5) * 2
    lengths = draw_in_ball("l2", uniform, images).flatten(1).norm(dim=1)
    assert ((lengths > 0) & (lengths <= 1)).all()
    assert lengths.mean() == pytest.approx(64 / 65, abs=0.01)  # of a ball of 64 dimensions
    assert torch.equal(draw_in_ball("linf", uniform, images), uniform)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "steps: 0 is too few; give 1 or more"),
        ({"restarts": 0}, "restarts: 0 is too few"),
        ({"step": -1.0}, "step: -1.0 is no distance"),
        ({"epsilon": float("inf")}, "epsilon: inf is no distance"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Attack(**({"norm": "l2", "epsilon": 0.1} | changes))  # type: ignore[arg-type]
