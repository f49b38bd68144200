"""Simulated recordings whose scores others' programs have computed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
