"""A small network and its card, for tests of exports."""

from pathlib import Path
from typing import Any

from space.genome import Genome
from workers.card import Card
from workers.data.pack import Pack


def genome(width: int = 4) -> Genome:
    """One convolution of `width` channels for grey images of 8 pixels, in ten classes."""
    return Genome.parse(
        {
            "image": {"size": 8, "channels": 1},
            "classes": 10,
            "clock": {"steps": 4},
            "stages": [{"name": "conv1", "convolution": {"width": width}}],
        }
    )


def card(pack: Pack | None = None, **changes: Any) -> Card:
    """The card of that network, scored on `pack` if there is one, with some facts changed."""
    facts: dict[str, Any] = {
        "name": "one",
        "digest": "d" * 64,
        "data": {"name": "digits-occluded", "size": 8, "train_images": 320, "test_images": 200},
        "data_checksum": "0" * 64 if pack is None else pack.checksum,
        "classes": tuple(map(str, range(10))),
        "mean": (0.5,) if pack is None else tuple(pack.mean),
        "std": (0.25,) if pack is None else tuple(pack.std),
        "seed": 1,
        "recipe": {},
        "epochs": 1,
        "top1": 0.5,
    }
    return Card(**(facts | changes))


def write_trained(folder: Path, pack: Pack, seed: int = 0, **changes: Any) -> Path:
    """That network as an export, its first values in the place of trained ones."""
    from models.build import build
    from workers.export import write

    tensors = build(genome(), seed=seed).state_dict()
    return write(folder, genome(), tensors, card(pack, split="validation", **changes))
