"""Traced networks as teachers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tests.support.teachers import GREY, TEACHER, build_candidates, trace_networks
from workers.brains.data_stimuli import write_stimuli
from workers.brains.subjects import Subject
from workers.brains.teachers import reseed
from workers.data.specs import Digits


def test_units_are_drawn_from_a_layer_s_and_are_the_same_in_all_networks(tmp_path: Path) -> None:
    stimuli = write_stimuli(Digits(size=16), 4, tmp_path / "set")
    networks = {TEACHER: build_candidates()[TEACHER]}
    whole = trace_networks(networks, stimuli, tmp_path, units=1000)[TEACHER]
    some = trace_networks(networks, stimuli, tmp_path, units=20)[TEACHER]
    assert whole.steps == {"conv2": range_of(1), "conv3": range_of(2), "conv4": range_of(3)}
    assert {name: values.shape for name, values in whole.layers.items()} == {
        "conv2": (4, 9, 512),
        "conv3": (4, 8, 128),
        "conv4": (4, 7, 128),
    }
    for name, values in some.layers.items():
        assert values.shape[2] == 20
        columns = {
            column.tobytes()
            for column in whole.layers[name].reshape(-1, whole.layers[name].shape[2]).T
        }
        assert {column.tobytes() for column in values.reshape(-1, 20).T} <= columns
    again = trace_networks(networks, stimuli, tmp_path, units=20)[TEACHER]
    np.testing.assert_array_equal(again.layers["conv4"], some.layers["conv4"])
    assert some.objects is not None
    shown = [stimuli.rows[name]["object_name"] for name in stimuli.rows]
    assert some.objects.tolist() == shown


def list_units(values: NDArray[Any]) -> set[bytes]:
    return {unit.tobytes() for unit in values.reshape(-1, values.shape[2]).T}


def range_of(first: int) -> tuple[int, ...]:
    return tuple(range(first, 10))


def test_another_seed_is_the_same_network_with_other_weights() -> None:
    network = build_candidates()[TEACHER]
    subject = Subject(name=TEACHER, network=network, statistics=GREY)
    other = reseed(subject, 3)
    assert other.network.genome == network.genome
    assert other.statistics == GREY
    weights, others = network.state_dict(), other.network.state_dict()
    assert not all(torch.equal(weights[name], others[name]) for name in weights)
