"""Spoilt and attacked images on a GPU: the answers are the CPU's."""

from __future__ import annotations

import pytest
import torch

from models.build import build
from tests.support.networks import network_with
from workers.data.pack import Pack
from workers.robustness.answers import AttackSettings, Condition, answer_condition, place_network
from workers.robustness.corruptions import Images

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize(
    "condition",
    [
        Condition(),
        Condition(kind="noise", level=3),
        Condition(kind="pgd-linf", level=3),
        Condition(kind="pgd-l2", level=4),
    ],
    ids=lambda one: one.kind,
)
def test_answers_are_the_cpu_s(device: torch.device, digits: Pack, condition: Condition) -> None:
    images = Images(whole=digits.images("test"), numbers=range(100), split="test")
    labels, settings = digits.labels("test"), AttackSettings(steps=5)
    here, there = (
        answer_condition(
            place_network(build(network_with(), seed=1), digits, 64, place),
            images,
            labels,
            condition,
            settings,
        )
        for place in (torch.device("cpu"), device)
    )
    assert (here.right == there.right).mean() >= 0.97
    assert (here.by_step == there.by_step).mean() >= 0.97
