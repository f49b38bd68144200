"""A traced network as the teacher of simulated neurons, or as its rival."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from workers.brains.simulation import Teacher
from workers.brains.stimuli import StimulusSet
from workers.brains.subjects import Subject
from workers.brains.tracing import Trace
from workers.seeds import mix_seed

UNITS = 256
"""How many units of a layer are kept, drawn from all: what neurons can read."""


def make_teacher(trace: Trace, stimuli: StimulusSet, *, units: int = UNITS) -> Teacher:
    """The features of a trace in memory, `units` of each layer at most: the same ones in every
    network that has a layer of that name and size.

    What the stimuli show is their `object_name`, if the table has it.
    """
    layers: dict[str, NDArray[np.float32]] = {}
    for name, values in trace.layers.items():
        total = values.shape[2]
        random = np.random.default_rng(mix_seed(0, name, total))
        kept = np.sort(random.permutation(total)[:units])
        layers[name] = np.asarray(values[:, :, kept])
    objects = None
    if "object_name" in stimuli.columns:
        objects = np.array([stimuli.rows[str(name)]["object_name"] for name in trace.stimuli])
    return Teacher(
        stimuli=trace.stimuli,
        layers=layers,
        steps=trace.steps,
        source=trace.source,
        objects=objects,
    )


def reseed(subject: Subject, seed: int) -> Subject:
    """The same network, shown the same images, with random weights of a seed."""
    from models.build import build

    network = build(subject.network.genome, seed=seed).eval()
    return replace(subject, network=network)
