"""Simulated recordings whose scores others' programs have computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.brains.assembly import Assembly, make_assembly
from workers.brains.scores import NeuralScore, fit_layers

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Recording:
    features: Floats  # [stimuli, features]
    responses: Floats  # [stimuli, repetitions, neurons]
    stimuli: NDArray[np.str_]
    objects: NDArray[np.str_]

    @property
    def averages(self) -> Floats:
        """[stimuli, neurons, 1 bin]"""
        averages: Floats = self.responses.mean(axis=1)[:, :, None]
        return averages


def draw_linear() -> Recording:
    """Neurons that are linear in the features, and noise as strong: brainscore-core 2.5.0 and
    brainscore-vision 2.4.2 gave the values of `BRAIN_SCORE` for it.
    """
    random = np.random.RandomState(0)
    stimuli, neurons, repetitions, features = 120, 12, 10, 40
    x = random.randn(stimuli, features)
    weights = random.randn(features, neurons) / np.sqrt(features)
    noise = random.randn(stimuli, repetitions, neurons)
    return Recording(
        features=x,
        responses=(x @ weights)[:, None, :] + noise,
        stimuli=np.array([f"s{i:04}" for i in range(stimuli)]),
        objects=np.array([f"o{i % 8}" for i in range(stimuli)]),
    )


@dataclass(frozen=True)
class Dynamic:
    """Two areas that follow a network of two layers, and what is known of it."""

    layers: dict[str, Floats]  # low, high: [stimuli, steps, features]
    steps: dict[str, tuple[int, ...]]
    assembly: Assembly
    stimuli: NDArray[np.str_]


def draw_dynamic(stimuli: int = 80, noise: float = 0.5) -> Dynamic:
    """A recording of 16 bins of 10 ms, 4 repetitions and 2 x 10 neurons: of V4, linear in `low`,
    and of IT, linear in `high`, where step k is the 10 ms from 30 + 10 k ms on; noise besides.
    """
    random = np.random.RandomState(7)
    layers = {name: np.zeros((stimuli, 10, 6)) for name in ("low", "high")}
    for values in layers.values():
        state = random.randn(stimuli, 6)
        for step in range(10):
            state = 0.8 * state + 0.6 * random.randn(stimuli, 6)
            values[:, step] = state
    steps = {"low": tuple(range(10)), "high": tuple(range(2, 12))}
    rates = np.zeros((stimuli, 4, 20, 16))
    for area, (name, values) in enumerate(layers.items()):
        first = 3 + steps[name][0]
        seen = values[:, : 16 - first] @ random.randn(6, 10) / np.sqrt(6)
        rates[:, :, 10 * area : 10 * area + 10, first : first + seen.shape[1]] += seen.transpose(
            0, 2, 1
        )[:, None]
    rates += noise * random.randn(*rates.shape)
    ids = np.array([f"s{i:04}" for i in range(stimuli)])
    which, number = (part.ravel() for part in np.indices((stimuli, 4)))
    start = 10 * np.arange(16)
    coordinates = {
        "presentation": {
            "stimulus_id": ids[which],
            "repetition": number,
            "object_name": np.array([*"abcd"])[which % 4],
        },
        "neuroid": {"neuroid_id": np.arange(20), "region": np.repeat(["V4", "IT"], 10)},
        "time_bin": {"time_bin_start": start, "time_bin_end": start + 10},
    }
    assembly = make_assembly("it.nc", "netCDF", rates.reshape(-1, 20, 16), coordinates)
    return Dynamic(layers=layers, steps=steps, assembly=assembly, stimuli=ids)


BRAIN_SCORE = {
    "score": 0.90948081,
    "error": 0.00571207,
    "ceiling": 0.91298118,
    "ceiling_error": 0.00100147,
    "ceiled": 0.905994,
}
BRAIN_SCORE_SPLITS = [
    *(0.92012, 0.90773, 0.91345, 0.92993, 0.91765),
    *(0.89637, 0.9078, 0.89221, 0.9374, 0.87215),
]


def score_layers(*asked: Any, **options: Any) -> list[NeuralScore]:
    """The scores of `fit_layers`, bin by bin, in one list."""
    return [score for fit in fit_layers(*asked, **options) for score in fit.scores]
