"""The numbers of networks that may not change: how they are worked out, and where they are kept.

`python -m tests.frozen.record` writes `numbers.json` again. Do so only when a number is meant to
change, and say why in the commit: the digests answer for trials that stores hold already.
"""

import json
import random
from pathlib import Path
from typing import Any

import torch

from models.build import build
from space import zoo
from space.genome import Genome
from space.space import Space
from space.unroll.cost import cost
from space.unroll.memory import training_memory
from space.unroll.plan import plan
from space.unroll.planned_memory import planned_memory

FILE = Path(__file__).with_name("numbers.json")
SAMPLES = 200
"""Samples of each named space whose digest is kept."""
WORKED_OUT = 12
"""Of these, the first so many whose costs are kept as well."""
BATCH = 8
NETWORKS = ("rgc_shallow", "lstm_shallow", "gru_intermediate", "timedecay_2018", "resnet18")
"""Models of the zoo whose first values are kept."""
SIZE = 128
"""Height and width of the images that these see."""


def samples(name: str) -> list[Genome]:
    """The first `SAMPLES` genomes of a named space that are networks, from seed 0."""
    space, rng = Space.load(name), random.Random(0)
    return [space.sample(rng).genome for _ in range(SAMPLES)]


def costs(genome: Genome) -> dict[str, int]:
    """Parameters, multiply-adds, bytes of training, and the operations that a plan keeps."""
    inference, training = plan(genome), plan(genome, training=True)
    found = cost(genome)
    return {
        "parameters": found.parameters,
        "macs": found.macs,
        "planned_macs": round(inference.planned_macs(BATCH)),
        "operations": len(inference.operations),
        "training_operations": len(training.operations),
        "literal_memory": training_memory(genome, BATCH),
        "planned_memory": planned_memory(training, BATCH),
        "recomputed_memory": planned_memory(training, BATCH, recompute=True),
    }


def first_values(genome: Genome) -> dict[str, Any]:
    """For every tensor of a new network: its shape, its first value and the mean of its size."""
    small = genome.with_images(size=SIZE, channels=genome.image.channels, classes=10)
    return {
        name: [list(tensor.shape), *_moments(tensor)]
        for name, tensor in build(small, seed=1).state_dict().items()
    }


def _moments(tensor: torch.Tensor) -> list[float]:
    values = tensor.double().flatten()
    return [float(f"{float(number):.7g}") for number in (values[0], values.abs().mean())]


def digests(name: str) -> list[str]:
    return [genome.digest[:16] for genome in samples(name)]


def space_costs(name: str) -> list[dict[str, int]]:
    return [costs(genome) for genome in samples(name)[:WORKED_OUT]]


def record() -> dict[str, Any]:
    """Everything that `numbers.json` holds."""
    return {
        "zoo": {
            name: {"digest": zoo.model(name).genome.digest[:16]} | costs(zoo.model(name).genome)
            for name in zoo.names()
        },
        "spaces": {
            name: {"digests": digests(name), "costs": space_costs(name)} for name in Space.named()
        },
        "first_values": {name: first_values(zoo.model(name).genome) for name in NETWORKS},
    }


def read() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text())
    return found


if __name__ == "__main__":
    FILE.write_text(json.dumps(record(), indent=0) + "\n")
