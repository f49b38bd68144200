from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from space.errors import DataError
from workers.brains.assembly import Assembly, make_assembly
from workers.brains.stimuli import StimulusSet
from workers.brains.traced_features import arrange_trace, project, select_stimuli
from workers.brains.tracing import Trace


def record(*, bins: int = 2) -> Assembly:
    values = np.random.default_rng(0).standard_normal((6, 3, bins))
    times = 10.0 * np.arange(bins + 1)
    return make_assembly(
        "it.npz",
        "npz",
        values,
        {
            "presentation": {
                "stimulus_id": np.array([*"cabcab"]),
                "repetition": np.array([0] * 3 + [1] * 3),
            },
            "neuroid": {"neuroid_id": np.arange(3)},
            "time_bin": {"time_bin_start": times[:-1], "time_bin_end": times[1:]},
        },
    )


def trace(features: int = 40) -> Trace:
    random = np.random.default_rng(1)
    return Trace(
        stimuli=np.array([*"abc"]),
        layers={
            "conv1": random.standard_normal((3, 2, features), np.float32),
            "conv2": random.standard_normal((3, 1, 4), np.float32),
        },
        steps={"conv1": (0, 1), "conv2": (1,)},
        milliseconds=10,
        source="one",
    )


def test_steps_stay_where_there_are_bins_and_are_averaged_where_there_are_none() -> None:
    made = trace()
    with_bins = arrange_trace(made, record())
    assert with_bins.steps == made.steps
    assert all(with_bins.layers[name] is made.layers[name] for name in made.layers)
    still = replace(record(bins=1), bins={})
    without = arrange_trace(made, still)
    assert without.steps is None
    assert np.allclose(without.layers["conv1"], made.layers["conv1"].mean(axis=1))
    assert (without.source, [*without.stimuli]) == ("one", ["a", "b", "c"])


def test_projections_keep_products() -> None:
    values = np.random.default_rng(2).standard_normal((5, 3, 2000), np.float32)
    few = project(values, 500, seed=3)
    assert few.shape == (5, 3, 500)
    whole = values.reshape(15, -1) @ values.reshape(15, -1).T / 2000
    kept = few.reshape(15, -1) @ few.reshape(15, -1).T / 2000
    assert 0.5 < np.sqrt(500 * np.square(kept - whole).mean()) < 1.5
    assert np.array_equal(few, project(values, 500, seed=3))
    assert not np.array_equal(few, project(values, 500, seed=4))


def test_only_larger_layers_are_projected() -> None:
    made = trace()
    few = arrange_trace(made, record(), units=10, seed=5)
    assert few.layers["conv1"].shape == (3, 2, 10)
    assert few.layers["conv2"] is made.layers["conv2"]
    again = arrange_trace(made, record(), units=10, seed=5)
    assert np.array_equal(again.layers["conv1"], few.layers["conv1"])


def test_layers_that_memory_does_not_hold_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    # 3 stimuli in 2 bins, 40 and 4 features: 8 bytes each, and 104 more of the larger
    needed = 6 * (8 * 44 + 104 * 40)
    memory = SimpleNamespace(available=needed)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    arrange_trace(trace(), record())
    memory.available -= 1
    with pytest.raises(DataError, match=r"layers: 2 of them take .* of 40 features.*--units 1000"):
        arrange_trace(trace(), record())
    arrange_trace(trace(), record(), units=10)


def test_stimuli_are_those_of_the_recording() -> None:
    rows = {name: {"stimulus_id": name, "filename": f"{name}.png"} for name in "dcba"}
    chosen = select_stimuli(StimulusSet(rows, None), record())
    assert [*chosen.rows] == ["c", "b", "a"]
    few = StimulusSet({"b": rows["b"]}, None)
    line = r"stimuli: lacks 2 of 3 stimuli of it.npz: a, c; its own are b"
    with pytest.raises(DataError, match=line):
        select_stimuli(few, record())
