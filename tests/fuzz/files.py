"""What the fuzzers of our own files try: packs, checkpoints, exports, folders of results.

Hashes are made anew behind the damage, most of the time: it must get past them.
"""

import hashlib
import json
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models.build import Network, build
from space.errors import InputError
from space.genome import Genome
from tests.fuzz import mutations, trials
from workers import checkpoint, export
from workers.card import Card
from workers.data.manifest import MANIFEST, STAMP
from workers.data.pack import Pack
from workers.data.packing import pack
from workers.data.specs import Digits
from workers.job import Report
from workers.reference import networks, replay
from workers.training_state import TrainingState, read_state

GOLDEN = Path(__file__).parents[1] / "models" / "golden"


def damaged(path: Path, rng: random.Random) -> bytes:
    """A file's content, damaged in the way of its kind or in its bytes."""
    data = path.read_bytes()
    ways = {
        ".json": mutations.mutate_json,
        ".npy": mutations.mutate_array,
        ".npz": mutations.mutate_zip,
        ".safetensors": mutations.mutate_tensors,
    }
    return rng.choice(
        (mutations.mutate_bytes, *3 * [ways.get(path.suffix, mutations.mutate_bytes)])
    )(data, rng)


class Folder:
    """A folder of whole files, and a copy in which some are damaged, or gone, or empty."""

    def __init__(self, whole: Path) -> None:
        self.whole, self.copy = whole, whole.with_name(f"{whole.name}-damaged")
        self.names = sorted(str(p.relative_to(whole)) for p in whole.rglob("*") if p.is_file())

    def damage(self, rng: random.Random) -> Path:
        shutil.rmtree(self.copy, ignore_errors=True)
        shutil.copytree(self.whole, self.copy)
        for name in {rng.choice(self.names) for _ in range(rng.choice((1, 1, 2)))}:
            path = self.copy / name
            if rng.random() < 0.02:
                path.unlink()
            else:
                path.write_bytes(damaged(path, rng))
        return self.copy


def sealed(path: Path, key: str, change: Any = None) -> None:
    """Write a JSON file again with the hash of its content under `key`."""
    try:
        document = json.loads(path.read_bytes())
        change(document)
        document.pop(key, None)
        text = json.dumps(document, sort_keys=True)
        document[key] = hashlib.sha256(text.encode()).hexdigest()
        path.write_text(json.dumps(document))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pass  # too damaged for a hash


def packs(folder: Path) -> trials.Try:
    made = pack(Digits(train_images=20, test_images=10), folder)
    (made.path / STAMP).unlink()
    whole = Folder(made.path)

    def seal(document: dict[str, Any]) -> None:
        for name, entry in document["files"].items():
            data = (whole.copy / name).read_bytes()
            entry |= {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}

    def attempt(rng: random.Random) -> None:
        path = whole.damage(rng)
        if rng.random() < 0.8:
            sealed(path / MANIFEST, "checksum", seal if rng.random() < 0.8 else lambda _: None)
        found = Pack.load(path)
        assert found.guess(found.selection) <= 1
        assert len(found.mean) == len(found.std) == found.channels
        for split in ("train", "test"):
            assert found.images(split).sum() >= 0  # every page is touched
            assert len(found.labels(split)) == len(found.images(split)) == found.count(split)
        assert found.ref
        assert found.spec is not None

    return attempt


def checkpoints(folder: Path) -> trials.Try:
    scores = {"top1": 0.5, "top5": 0.9, "loss": 1.5, "train_loss": 1.25, "seconds": 2.0}
    report = Report(epoch=1, accuracy_by_step=(0.1, 0.5), memory_mb=10.0, **scores)
    state = TrainingState(
        job="a" * 64, start="b" * 64, epoch=1, seconds=2.0, reports=(report,),
        optimiser={"first.step": 3}, scaler={"scale": 65536.0, "growth_interval": 2000},
    )  # fmt: skip
    tensors = {"network.weight": torch.rand(4, 3), "network.norm": torch.rand(4).double()}
    version = Path(checkpoint.save(folder / "kept", tensors, state.model_dump(mode="json")))
    whole = Folder(version)

    def seal(document: dict[str, Any]) -> None:
        data = (whole.copy / checkpoint.TENSORS).read_bytes()
        found = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        document["tensors"] = found

    def attempt(rng: random.Random) -> None:
        path = whole.damage(rng)
        if rng.random() < 0.8:
            seals = seal if rng.random() < 0.8 else lambda _: None
            sealed(path / checkpoint.META, "sha256", seals)
        place = folder / "read" / "00000001"
        shutil.rmtree(place.parent, ignore_errors=True)
        place.parent.mkdir()
        path.rename(place)
        _, meta = checkpoint.load(place.parent)
        assert read_state(meta, place.parent).epoch >= 0

    return attempt


def exports(folder: Path) -> trials.Try:
    genome = Genome.parse(
        {
            "image": {"size": 8, "channels": 1},
            "classes": 10,
            "clock": {"steps": 4},
            "stages": [
                {"name": "conv1", "convolution": {"width": 4}, "pool": {}},
                {"name": "conv2", "convolution": {"width": 5}, "cell": "rnn"},
            ],
            "cells": {
                "rnn": {
                    "output": "out",
                    "states": {
                        "out": {
                            "drive": {
                                "edges": [
                                    {"add": {"of": "input", "kernel": 3}},
                                    {"add": {"of": "out", "kernel": 1}},
                                ]
                            }
                        }
                    },
                }
            },
        }
    )
    card = Card(
        name="one", digest="d" * 64, campaign="abc", trial=3, data={"name": "digits", "size": 8},
        data_checksum="0" * 64, classes=tuple(map(str, range(10))), mean=(0.5,), std=(0.25,),
        seed=1, recipe={"epochs": 2}, epochs=1, top1=0.5, accuracy_by_step=(0.1, 0.5),
    )  # fmt: skip
    whole = Folder(export.write(folder / "cell", genome, build(genome).state_dict(), card))
    whole.names.remove(export.CARD)
    images = torch.rand(2, 1, 8, 8)

    def attempt(rng: random.Random) -> None:
        path = whole.damage(rng)
        assert export.read_card(path).std
        network = export.load(path)
        if network.genome == genome:
            network(images)

    return attempt


def results(folder: Path) -> trials.Try:
    small = published(
        folder / "small",
        cells=("timedecay", "rgc_median_clipped_kernel"),
        other=("decoders", "harbor_concat"),
    )
    network = published(folder / "network", networks=("rgc_intermediate_64px",))
    # A whole network takes a minute: its entry is read, and its variables find their places.
    patch = pytest.MonkeyPatch()  # for this process, which does nothing else
    patch.setattr(networks, "build", unbuilt)
    patch.setattr(networks, "generate_variable", zeros)

    def attempt(rng: random.Random) -> None:
        whole = network if rng.random() < 0.2 else small
        path = whole.damage(rng)
        if rng.random() < 0.5:  # the index is what says most
            (path / "index.json").write_bytes(damaged(whole.whole / "index.json", rng))
        replay.verify(path)

    return attempt


def published(root: Path, **kept: tuple[str, ...]) -> Folder:
    """A folder of published results with these entries of each section."""
    index = json.loads((GOLDEN / "index.json").read_text())
    document: dict[str, Any] = {}
    for section, names in kept.items():
        document[section] = {name: index[section][name] for name in names}
        for entry in document[section].values():
            for key in ("file", "variables_file"):
                if key in entry:
                    (root / entry[key]).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(GOLDEN / entry[key], root / entry[key])
    (root / "index.json").write_text(json.dumps(document))
    return Folder(root)


def unbuilt(*_arguments: object, **_options: object) -> Network:
    """In the place of `build`."""
    raise InputError("network", "is not built here")


def zeros(_seed: int, _name: str, shape: tuple[int, ...], _gain: float = 1.0) -> np.ndarray:
    """In the place of `generated`."""
    return np.zeros(shape, np.float32)
