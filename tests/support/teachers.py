"""Networks for simulated recordings: their features drawn, without a network, or traced."""

from __future__ import annotations

import numpy as np

from workers.brains.simulation import Teacher

LAYERS = ("conv1", "conv2", "conv3")


def draw_teacher(stimuli: int = 60, *, steps: int = 6, units: int = 12, seed: int = 0) -> Teacher:
    """Features that change with time: each step is half the step before, rotated, and half new.

    The image reaches one layer a step.
    """
    random = np.random.default_rng(seed)
    layers = {}
    for first, layer in enumerate(LAYERS):
        rotation = np.linalg.qr(random.standard_normal((units, units)))[0]
        values = [random.standard_normal((stimuli, units))]
        for _ in range(first + 1, steps):
            values.append(values[-1] @ rotation + 0.5 * random.standard_normal((stimuli, units)))
        layers[layer] = np.stack(values, axis=1)
    return Teacher(
        stimuli=np.array([f"s{place:04}" for place in range(stimuli)]),
        layers=layers,
        steps={layer: tuple(range(first, steps)) for first, layer in enumerate(LAYERS)},
        source="drawn",
        objects=np.array([f"o{place % 2}" for place in range(stimuli)]),
    )
