"""What a network is without its dynamics: its controls in time.

Features are [stimuli, steps or bins, units], responses [stimuli, neurons, bins].
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.brains.correlation import Floats
from workers.brains.simulation import Teacher
from workers.seeds import mix_seed


def make_static(teacher: Teacher) -> Teacher:
    """The static twin: at every step each unit is its mean over all."""
    layers = {}
    for name, values in teacher.layers.items():
        mean = np.asarray(values, dtype=np.float64).mean(axis=1, keepdims=True)
        layers[name] = np.repeat(mean, values.shape[1], axis=1)
    return replace(teacher, layers=layers, source=f"{teacher.source}, static")


def shuffle_steps(values: NDArray[Any], seed: int = 0) -> NDArray[Any]:
    """Features with the steps of each stimulus in an order of its own: what was when is lost."""
    random = np.random.default_rng(mix_seed(seed, "steps"))
    order = random.permuted(np.tile(np.arange(values.shape[1]), (len(values), 1)), axis=1)
    return np.take_along_axis(values, order[:, :, None], axis=1)


def remove_time_average(values: NDArray[Any], axis: int) -> Floats:
    """What is left of each stimulus once its average over time (`axis`) is taken off: the part
    that only dynamics explain.
    """
    whole: Floats = np.asarray(values, dtype=np.float64)
    left: Floats = whole - whole.mean(axis=axis, keepdims=True)
    return left
