"""Answers under a condition: those of an evaluation, whatever is done to the images first."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.build import Network, build
from space.errors import InputError
from tests.support.networks import network_with
from workers.data.pack import Pack
from workers.evaluation import evaluate, judge_images
from workers.robustness.answers import (
    ATTACK_STREAM,
    AttackSettings,
    Condition,
    Reader,
    answer_condition,
    find_device,
    frozen,
    place_network,
)
from workers.robustness.attacks import ATTACKS
from workers.robustness.corruptions import CORRUPTIONS, Images, corrupt

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def network() -> Network:
    return build(network_with("batch"), seed=1)


def _read(network: Network, pack: Pack, batch_size: int = 64) -> Reader:
    return place_network(network, pack, batch_size, CPU)


def _images(pack: Pack, count: int) -> Images:
    return Images(whole=pack.images("test"), numbers=range(count), split="test")


def test_answers_to_clean_images_are_those_of_an_evaluation(
    network: Network, digits: Pack
) -> None:
    labels = digits.labels("test")
    answers = answer_condition(
        _read(network, digits), _images(digits, 200), labels, Condition(), AttackSettings()
    )
    assert (answers.right == judge_images(network, digits, batch_size=64, split="test")).all()
    scores = evaluate(network, digits, batch_size=64, split="test")
    assert answers.first == network.first_valid_step("head") == 1
    assert answers.by_step.shape == (200, 3)
    assert answers.by_step.mean(axis=0) == pytest.approx(scores.accuracy_by_step[1:])
    assert answers.head(7).right.tolist() == answers.right[:7].tolist()


def test_spoilt_images_are_what_the_network_gets(network: Network, digits: Pack) -> None:
    images, labels = _images(digits, 30), digits.labels("test")
    condition = Condition(kind="noise", level=5)
    answers = answer_condition(_read(network, digits), images, labels, condition, AttackSettings())
    spoilt = torch.from_numpy(corrupt(images, "noise", 5)).permute(0, 3, 1, 2) / 255
    with frozen(network):
        logits = network((spoilt - digits.mean[0]) / digits.std[0])
    assert (answers.right == (logits.argmax(1).numpy() == labels[:30])).all()


@pytest.mark.parametrize("kind", ATTACKS)
def test_attacks_leave_the_network_alone_and_do_not_help_it(
    network: Network, digits: Pack, kind: str
) -> None:
    images, labels = _images(digits, 20), digits.labels("test")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.train()
    settings = AttackSettings(steps=3, restarts=2)
    share = {}
    for level in (0, 1, 5):
        condition = Condition(kind=kind, level=level) if level else Condition()
        answers = [
            answer_condition(_read(network, digits, size), images, labels, condition, settings)
            for size in (20, 7)
        ]
        share[level] = answers[0].right.mean()
        assert (answers[0].by_step == answers[1].by_step).all()
    assert share[0] >= share[1] >= share[5]
    assert share[0] > share[5]
    assert network.training
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert all(one.requires_grad and one.grad is None for one in network.parameters())


def test_strengths_are_those_of_the_tables() -> None:
    assert Condition().strength == 0
    assert Condition(kind="jpeg", level=5).strength == 7
    assert Condition(kind="pgd-linf", level=5).strength == pytest.approx(8 / 255)
    attack = AttackSettings(steps=4, step=0.5).at(Condition(kind="pgd-l2", level=4))
    assert (attack.epsilon, attack.size, attack.steps) == (1.0, 0.5, 4)


def test_starts_of_attacks_share_no_stream_with_a_corruption() -> None:
    assert len(CORRUPTIONS) <= ATTACK_STREAM


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"kind": "fog", "level": 1}, "--kinds: fog is none; there are occlusion"),
        ({"kind": "noise", "level": 0}, "--severities: there is no 0; give some of 1 to 5"),
        ({"kind": "clean", "level": 2}, "--severities: there is no 2"),
    ],
)
def test_a_condition_that_there_is_not_is_refused(facts: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Condition(**facts)  # type: ignore[arg-type]


def test_only_a_device_that_is_there_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert find_device("cpu") == CPU
    with pytest.raises(InputError, match="--device: cuda: PyTorch has no GPU here"):
        find_device("cuda")
    with pytest.raises(InputError, match="--device: tpu: is no place of networks"):
        find_device("tpu")


def test_larger_images_are_averaged_to_the_network_s_size(digits: Pack) -> None:
    small = build(network_with().with_images(size=4, channels=1, classes=10), seed=1)
    images = digits.images("test")[:3]
    shown = _read(small, digits).show(np.array(images))
    assert shown.shape == (3, 1, 4, 4)
    assert float(shown[0, 0, 0, 0]) == pytest.approx(images[0, :2, :2].mean() / 255)
