"""Lesions of networks of which it is known what each part does."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.build import Network, build
from space.genome import Genome
from space.lesions import Part, lesion_parts
from workers.data.pack import Pack
from workers.evaluation import evaluate
from workers.lesions import TrainedNetwork, answer_lesioned, answer_whole

EDGE = "high->low"
FAVOURITE = 3


def looping() -> Network:
    """The image is there for one step, and is put out four steps later: only what went round, from
    `high` back to `low`, is left of it.
    """
    edges = [{"add": {"of": "input"}}, {"add": {"of": "feedback", "kernel": 1, "bias": False}}]
    genome = Genome.parse(
        {
            "image": {"size": 8, "channels": 1},
            "classes": 10,
            "clock": {"steps": 5, "image_off": 1, "blank": 0.0},
            "stages": [
                {"name": "low", "convolution": {"width": 10, "kernel": 3}, "cell": "loop"},
                {"name": "high", "convolution": {"width": 10, "kernel": 1}},
            ],
            "cells": {"loop": {"states": {"out": {"drive": {"edges": edges}}}, "output": "out"}},
            "feedback": {EDGE: True},
        }
    )
    network = build(genome, seed=1)
    with torch.no_grad():
        network.get_parameter("head.bias")[FAVOURITE] = 1e-9
    return network


def trained(network: Network) -> TrainedNetwork:
    return TrainedNetwork(genome=network.genome, weights=network.state_dict(), threads=1)


def part_of(network: Network, name: str) -> Part:
    return next(part for part in lesion_parts(network.genome) if part.name == name)


def test_feedback_that_carries_everything_leaves_a_constant_answer(digits: Pack) -> None:
    network = looping()
    whole = answer_whole(trained(network), digits, "validation")
    assert whole.mean() == evaluate(network, digits, split="validation").top1
    for name in (EDGE, "feedback->out", "input->out"):
        parts = [part_of(network, name)]
        (answers,) = answer_lesioned(trained(network), whole, parts, digits, "validation")
        constant = np.array(digits.labels("validation")) == FAVOURITE
        assert not answers.inert
        assert answers.right is not None
        assert (answers.right == constant).all()
        assert (answers.right != whole).any()


def test_feedback_that_carries_nothing_changes_nothing(digits: Pack) -> None:
    network = looping()
    with torch.no_grad():
        network.get_parameter("stages.low.cell.states.out.drive.1.kernel").zero_()
        network.get_parameter("head.kernel").normal_()
    whole = answer_whole(trained(network), digits, "validation")
    (answers,) = answer_lesioned(
        trained(network), whole, [part_of(network, EDGE)], digits, "validation"
    )
    assert answers.right is not None
    assert (answers.right == whole).all()


def test_an_inert_part_is_not_run_and_a_part_without_weights_is_refused(
    digits: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = looping()
    document = network.genome.document()
    document["cells"]["loop"]["states"]["idle"] = {"drive": {"edges": [{"add": {"of": "input"}}]}}
    idle = build(Genome.parse(document))
    whole = answer_whole(trained(idle), digits, "validation")
    monkeypatch.setattr("workers.lesions.judge_images", None)
    (answers,) = answer_lesioned(
        trained(idle), whole, [part_of(idle, "idle")], digits, "validation"
    )
    assert answers.inert
    unknown = Part(name="out->idle", kind="edge")
    (refused,) = answer_lesioned(trained(idle), whole, [unknown], digits, "validation")
    assert refused.right is None
    assert "out->idle: is no edge of this network" in refused.refusal


def test_a_lesion_is_scored_at_the_fidelity_of_the_training(digits: Pack) -> None:
    """For fewer steps than the network has, as a training that ended early was scored."""
    network = looping()
    early = TrainedNetwork(genome=network.genome, weights=network.state_dict(), steps=3, threads=1)
    whole = answer_whole(early, digits, "validation")
    (answers,) = answer_lesioned(early, whole, [part_of(network, EDGE)], digits, "validation")
    assert answers.right is not None
    assert (answers.right == whole).all(), "nothing has come round by then"
