"""Networks for simulated recordings: drawn features, and small networks that are traced."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from models.build import Network, build
from space.genome import Genome
from space.inheritance import lesion
from space.network.grammar import Cell, as_document
from space.parts import place_parts
from space.zoo import cells
from space.zoo.reciprocal_gated import rgc_median
from workers.brains.correlation import Floats
from workers.brains.simulation import Experiment, Teacher, place_bins, weigh_steps
from workers.brains.stimuli import StimulusSet
from workers.brains.subjects import Subject
from workers.brains.teachers import make_teacher
from workers.brains.tracing import Pixels, trace_layers
from workers.lesions import take_weights

GREY = Pixels(mean=(0.35,), std=(0.3,))
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


def bin_features(teacher: Teacher, experiment: Experiment) -> dict[str, Floats]:
    """Its features in a recording's bins, [stimuli, bins, units], 0 before the image is there."""
    bins = place_bins(teacher.end, experiment)
    return {
        name: np.einsum("sku,bk->sbu", values, weigh_steps(teacher.steps[name], experiment, bins))
        for name, values in teacher.layers.items()
    }


def write_genome(cell: Cell, *, steps: int = 10, image_off: int = 6) -> Genome:
    """Four stages for grey images of 16 pixels, three of them with a cell."""
    stages: list[dict[str, object]] = []
    for place, width in enumerate([6, 8, 8, 8], start=1):
        stage: dict[str, object] = {"name": f"conv{place}", "convolution": {"width": width}}
        stage |= {"activation": "elu"} if place == 1 else {"cell": "cell"}
        stages.append(stage | ({"pool": {}} if place in (1, 3) else {}))
    return Genome.parse(
        {
            "image": {"size": 16, "channels": 1},
            "classes": 10,
            "clock": {"steps": steps, "image_off": image_off},
            "stages": stages,
            "cells": {"cell": as_document(cell)},
        }
    )


def build_lively(genome: Genome, seed: int = 0) -> Network:
    """A network whose cells have a tenth of normal noise on their first weights.

    As it is built a cell hardly does more than repeat its input, as gates are all half open.
    """
    network = build(genome, seed=seed).eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if ".cell." in name:
                generator = torch.Generator().manual_seed(zlib.crc32(name.encode()) + seed)
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return network


TEACHER = "teacher"
LESIONS = ("cell->cell keep", "out->out keep", "out->cell times", "cell->out times")


def build_candidates() -> dict[str, Network]:
    """The teacher, and rivals: the teacher without each of its cells' gates, without cells, with
    other cells, and with other weights.
    """
    genome = write_genome(rgc_median(cell_depth=6))
    teacher = build_lively(genome)
    networks = {TEACHER: teacher}
    parts = {one.part.name: one.part for one in place_parts(genome)}
    for name in LESIONS:
        lesioned = lesion(genome, parts[name])
        left = build(lesioned.genome).eval()
        left.load_state_dict(take_weights(teacher.state_dict(), lesioned.weights))
        networks[f"without {name}"] = left
    others = {
        "feedforward": cells.feedforward(),
        "time decay": cells.time_decay(0.5),
        "gru": cells.conv_gru(),
        "lstm": cells.conv_lstm(),
        "ugrnn": cells.ugrnn(),
    }
    networks |= {name: build_lively(write_genome(cell)) for name, cell in others.items()}
    return networks | {"other seed": build_lively(genome, seed=1)}


def trace_networks(
    networks: Mapping[str, Network], stimuli: StimulusSet, folder: Path, units: int = 48
) -> dict[str, Teacher]:
    """The features of each network's stages, under its name; of the stages with cells."""
    traced = {}
    for name, network in networks.items():
        subject = Subject(name=name, network=network, statistics=GREY)
        trace = trace_layers(
            network,
            stimuli,
            subject.show(10.0),
            folder,
            layers=["conv2", "conv3", "conv4"],
            statistics=GREY,
            source=name,
        )
        traced[name] = make_teacher(trace, stimuli, units=units)
    return traced
