from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from space.errors import DataError
from workers.brains.assembly import Assembly, make_assembly
from workers.brains.populations import (
    choose_layers,
    pair_with_areas,
    pair_with_features,
    split_animals,
)
from workers.brains.scores import Features

IDS = np.array([f"s{i}" for i in range(6)])
VALUES = np.random.RandomState(0).randn(6, 4, 3)  # [stimuli, neurons, bins]


def record(**neurons: Any) -> Assembly:
    start = 70 + 10 * np.arange(3)
    return make_assembly(
        "it.npz",
        "npz",
        VALUES,
        {
            "presentation": {"stimulus_id": IDS},
            "neuroid": {"neuroid_id": np.arange(4), **neurons},
            "time_bin": {"time_bin_start": start, "time_bin_end": start + 10},
        },
    )


def present(source: str = "features.npz", **layers: Any) -> Features:
    order = np.array([3, 1, 0, 5, 4, 2])
    rows = {name: values[order] for name, values in layers.items()}
    return Features(stimuli=IDS[order], layers=rows, source=source)


def test_neurons_are_split_by_animal() -> None:
    assert list(split_animals(record())) == ["all"]
    parts = split_animals(record(animal=np.array(["b", "a", "b", "b"])))
    assert {name: part.values.shape[1] for name, part in parts.items()} == {"a": 1, "b": 3}
    assert (parts["a"].values[:, 0] == VALUES[:, 1]).all()


def test_layers_stand_beside_areas_stimulus_by_stimulus() -> None:
    layer = np.random.RandomState(1).randn(6, 3, 7)
    assembly = record(region=np.array(["V4", "IT", "IT", "IT"]), animal=np.array([*"abab"]))
    pairings = pair_with_areas(present(it=layer, still=layer[:, 0]), ["it"], assembly, ["IT"])
    (pairing,) = pairings
    assert (pairing.responses == layer.transpose(0, 2, 1)).all()
    assert {name: part.shape for name, part in pairing.reference.animals.items()} == {
        "a": (6, 1, 3),
        "b": (6, 2, 3),
    }
    assert pairing.reference.bins == ["70-80", "80-90", "90-100"]
    assert pairing.reference.units == pytest.approx(VALUES[:, [2, 1, 3]])
    every = pair_with_areas(present(it=layer, still=layer[:, 0]), [], assembly, [])
    assert [(one.layer, one.reference.name) for one in every] == [
        ("it", "IT"),
        ("still", "IT"),
        ("it", "V4"),
        ("still", "V4"),
    ]
    assert (every[1].responses == layer[:, 0, :, None]).all()
    (alone,) = pair_with_areas(present(it=layer), [], record(), [])
    assert alone.reference.name == "all"


def test_layers_stand_beside_those_of_another_network() -> None:
    layer = np.random.RandomState(1).randn(6, 3, 7)
    other = Features(stimuli=IDS, layers={"it": layer + 1}, source="other.npz")
    (pairing,) = pair_with_features(present(it=layer), ["it"], other)
    assert pairing.reference.units == pytest.approx(pairing.responses + 1)
    assert (pairing.reference.name, pairing.reference.bins) == ("other.npz", ["0", "1", "2"])


def test_what_does_not_fit_is_named() -> None:
    layer = np.zeros((6, 3, 7))
    with pytest.raises(DataError, match=r"features.npz: has no layer v1; it has it"):
        choose_layers(present(it=layer), ["v1"])
    with pytest.raises(DataError, match=r"features.npz: it: has 2 time bins, and it.npz has 3"):
        pair_with_areas(present(it=layer[:, :2]), [], record(), [])
    with pytest.raises(DataError, match=r"other.npz: has no layer it; it has v4"):
        pair_with_features(present(it=layer), [], present("other.npz", v4=layer))
    few = Features(stimuli=IDS[:5], layers={"it": layer[:5]}, source="other.npz")
    with pytest.raises(DataError, match=r"other.npz: lacks 1 of 6 stimuli of features.npz: s5"):
        pair_with_features(present(it=layer), [], few)
