"""Campaigns, spaces and genomes that are damaged: one clear error, or all that is made of them."""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from search.campaign import Campaign, load
from search.forecast import Calibration, estimate, networks
from search.host.home import Home
from search.host.machine import Machine
from space import zoo
from space.genome import Genome
from space.space import Space
from space.unroll.cost import cost
from space.unroll.plan import plan
from space.unroll.reads import parse_reads
from tests.fuzz import trials
from tests.fuzz.mutations import mutate_bytes, mutate_document
from workers.job import PackRef

HERE = "tests.fuzz.test_documents"
CALIBRATION = Calibration(
    operation=1e-4, multiply=1e-9, build=0.1, spread=0.1, device="cpu", processes=1
)
SPACE: dict[str, Any] = {
    "name": "toy",
    "genome": {
        "clock": {"steps": 3},
        "stages": [
            {
                "name": "conv1",
                "convolution": {
                    "width": {"choice": {"few": 2, "many": {"logintegers": [4, 32]}}},
                    "kernel": {"choice": [1, 3, 5], "weights": [1, 2, 1]},
                },
                "cell": {"optional": "motif", "default": True},
            }
        ],
        "cells": {"motif": {"output": "h", "states": {"h": {"drive": {"optional": {}}}}}},
    },
    "recipe": {"learning_rate": {"loguniform": [0.001, 0.1]}},
    "controls": {"wide": {"genome": {"stages[0].convolution.width": 32}}},
}
CAMPAIGN: dict[str, Any] = {
    "name": "fuzzed",
    "space": "motifs-small",
    "data": {"name": "digits", "size": 8, "seed": 1},
    "recipe": {"epochs": 9, "fidelity": [{"until": 2, "images": 0.5}], "clip": {"norm": 1.0}},
    "sampler": {"name": "guided", "options": {"startup": 4}},
    "scheduler": {"name": "asha", "grace_epochs": 2, "reduction_factor": 3, "brackets": 2},
    "resources": {"cpus": 1, "gpus": 0, "concurrent": 2},
    "budget": {"trials": 20, "seconds": 600, "device_hours": 2.5, "epochs": 500},
    "limits": {"parameters": 10**6, "macs": 10**9, "epoch_seconds": 60},
    "controls": ["feedforward"],
    "control_seeds": 2,
    "keep": 3,
    "retries": 1,
    "priority": 2,
}


NUMBERS = (0, 1, 2, 3, 5, 8, 17, 64, 255, 1_000, 4_096, 65_536, 10**5, 0.0, 0.5, 1.0, 1e-9, 1e9)


def _damaged(tree: Any, rng: random.Random) -> Any:
    """A tree damaged anywhere and anyhow, or only in values, by such as might stand there."""
    if rng.random() < 0.4:
        return mutate_document(tree, rng)
    changed = json.loads(json.dumps(tree))
    places = list(_values(changed))
    words = [parent[key] for parent, key in places if isinstance(parent[key], str)]
    for _ in range(rng.choice((1, 1, 2, 4))):
        parent, key = rng.choice(places)
        if isinstance(parent[key], bool):
            parent[key] = not parent[key]
        else:
            parent[key] = rng.choice(words if isinstance(parent[key], str) else NUMBERS)
    return changed


def _values(node: Any) -> Iterator[tuple[Any, Any]]:
    """(the mapping or list, the key) of every scalar."""
    for key, child in node.items() if isinstance(node, dict) else enumerate(node):
        if isinstance(child, (dict, list)):
            yield from _values(child)
        else:
            yield node, key


def _damaged_file(tree: Any, folder: Path, rng: random.Random) -> Path:
    """A document damaged as a tree, or as the bytes of its file; as JSON or as YAML."""
    file = folder / rng.choice(("x.json", "x.yaml"))
    if rng.random() < 0.7:
        text = json.dumps(_damaged(tree, rng)).encode()  # JSON is YAML, too
    elif file.suffix == ".json":
        text = mutate_bytes(json.dumps(tree).encode(), rng)
    else:
        text = mutate_bytes(yaml.dump(tree, Dumper=_Dumper, sort_keys=False).encode(), rng)
    file.write_bytes(text)
    return file


_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def try_campaign(folder: Path) -> trials.Try:
    """Loads a damaged campaign, with all checks, and forecasts what it takes."""
    trees = [CAMPAIGN, CAMPAIGN | {"space": SPACE, "controls": None, "recipe": {}}]
    home, offered = Home.at(folder / "home"), Machine(cpus=4, gpus=1)
    networks.LEAST, networks.SECONDS = 2, 0.1

    def attempt(rng: random.Random) -> None:
        tree = rng.choice(trees)
        damaged = _damaged_file(tree, folder, rng)
        overrides = ["budget.trials=" + str(rng.choice((1, 10**9)))] * (rng.random() < 0.05)
        campaign = load(damaged, overrides, offered=offered)
        assert Campaign.parse(campaign.document()) == campaign
        assert not isinstance(campaign.space, str)
        space = Space.parse(campaign.space)
        space = space.with_images(size=campaign.data.size, channels=1, classes=10)
        data = PackRef(path="", checksum="")
        estimate(campaign, space, data, home, offered, calibration=CALIBRATION)

    return attempt


def try_space(folder: Path) -> trials.Try:
    """Loads a damaged space, counts it, and draws samples."""
    small = Space.load("motifs-small").document()
    trees = [small, Space.load("motifs-2018").document(), SPACE, _based(folder)]

    def attempt(rng: random.Random) -> None:
        tree = rng.choice(trees)
        if rng.random() < 0.5:
            space = Space.parse(_damaged(tree, rng), folder=folder)
        else:
            space = Space.load(_damaged_file(tree, folder, rng))
        assert space.count().log10 >= 0
        sample = space.sample(rng)
        assert space.close(sample.choices).choices == sample.choices
        assert Space.parse(space.document()).parameters == space.parameters
        sample.genome.document()

    return attempt


def _based(folder: Path) -> dict[str, Any]:
    """A space on a genome's file, opened by paths, with ties and controls."""
    (folder / "base.json").write_text(json.dumps(zoo.model("rgc_shallow").genome.document()))
    return {
        "name": "based",
        "genome": {
            "base": "base.json",
            "choices": {
                "stages[0].convolution.width": {"choice": [4, 8], "name": "width"},
                "stages[*].convolution.kernel": {"integers": [1, 5]},
                "stages[1].convolution.width": {"same_as": "width", "times": 2},
                "clock.steps": {"choice": [{"same_as": "width"}, 17]},
            },
        },
        "recipe": {"learning_rate": {"loguniform": [1e-4, 1e-1]}},
        "controls": {"plain": {"genome": {"stages[*].cell": None}, "choices": {"width": 8}}},
    }


def try_genome(_folder: Path) -> trials.Try:
    """Reads a damaged genome; its identity, cost and plan are worked out."""
    names = ("rgc_shallow", "lstm_shallow", "median_2018_t12_feedback", "resnet18")
    trees = [zoo.model(name).genome.document() for name in names]
    space = Space.load("motifs-small")
    trees += [space.sample(random.Random(seed)).genome.document() for seed in range(8)]

    def attempt(rng: random.Random) -> None:
        genome = Genome.parse(_damaged(rng.choice(trees), rng))
        assert Genome.parse(genome.document()).digest == genome.digest
        assert cost(genome).parameters >= 0
        planned = plan(genome, parse_reads(genome, "decoder"), training=True)
        assert planned.planned_macs(64) >= 0

    return attempt


TARGETS: dict[str, Callable[[Path], trials.Try]] = {
    "try_campaign": try_campaign,
    "try_space": try_space,
    "try_genome": try_genome,
}


@pytest.mark.parametrize("target", TARGETS)
def test_a_damaged_document_is_one_error(target: str) -> None:
    assert trials.findings(f"{HERE}:{target}") == []


@pytest.mark.slow
@pytest.mark.timeout(4000)
@pytest.mark.parametrize("target", TARGETS)
def test_thousands_of_damaged_documents_are_one_error_each(target: str) -> None:
    assert trials.findings(f"{HERE}:{target}", count=trials.MANY) == []
