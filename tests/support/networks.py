"""Networks for tests: random weights and images; the ten published stages with few channels."""

from typing import Any

import torch
from torch import Tensor

from models.build import Network, build
from space.genome import Genome
from space.network.grammar import as_document
from space.zoo import reciprocal_gated as reciprocal


def images_for(genome: Genome, batch: int = 2, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape = (batch, genome.image.channels, genome.image.size, genome.image.size)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def randomised(genome: Genome, seed: int = 0) -> Network:
    """A network with biases, gains and decays that are not at their first values."""
    network = build(genome, seed=seed, dtype=torch.float64)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator))
    return network


def ten_stages(**changes: Any) -> Genome:
    """The intermediate network with tiny widths: ten stages, five feedback edges."""
    widths = [3, 4, 4, 4, 4, 5, 5, 5, 6, 6]
    stages: list[dict[str, Any]] = []
    for i, width in enumerate(widths, start=1):
        stage: dict[str, Any] = {"name": f"conv{i}", "convolution": {"width": width}}
        stage |= {"cell": "rgc"} if i >= 4 else {"activation": "elu"}
        stages.append(stage | ({"pool": {}} if i in (1, 4, 6) else {}))
    edges = ["conv8->conv5", "conv9->conv6", "conv10->conv7", "conv7->conv6", "conv10->conv9"]
    document: dict[str, Any] = {
        "image": {"size": 16, "channels": 2},
        "classes": 4,
        "clock": {"steps": 17, "image_off": 12},
        "stages": stages,
        "cells": {"rgc": as_document(reciprocal.rgc_median(cell_depth=3))},
        "feedback": dict.fromkeys(edges, True),
    }
    return Genome.parse(document | changes)


def network_with(norm: str = "group", steps: int = 4) -> Genome:
    """A recurrent network for grey images of 8 pixels, with a norm of that kind, and others."""
    return Genome.parse(
        {
            "image": {"size": 8, "channels": 1},
            "classes": 10,
            "clock": {"steps": steps},
            "stages": [
                {
                    "name": "conv1",
                    "convolution": {
                        "width": 16,
                        "kernel": 3,
                        "norm": {"kind": norm} | ({"groups": 4} if norm == "group" else {}),
                    },
                    "cell": "rnn",
                }
            ],
            "cells": {
                "rnn": {
                    "output": "out",
                    "states": {
                        "out": {
                            "drive": {
                                "edges": [
                                    {"add": {"of": "input"}},
                                    {"add": {"of": "out", "op": "separable", "kernel": 3}},
                                ],
                                "norm": "layer",
                            },
                            "activation": "tanh",
                        }
                    },
                }
            },
        }
    )
