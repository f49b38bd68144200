"""Layers of a network against an animal's solution times: one row a layer and group of images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from space.documents.outside import printable
from space.errors import DataError
from workers.brains.animal_times import AnimalTimes
from workers.brains.correlation import Floats
from workers.brains.populations import choose_layers
from workers.brains.scores import Features, find_rows
from workers.brains.solution_times import OrderScore, score_order, solve_images
from workers.brains.splits import SPLITS, split_stimuli


@dataclass(frozen=True, kw_only=True)
class LayerOrder:
    """How the order in which a layer solves images agrees with the animal's, in a group of them:
    `all`, `control` or `challenge`.
    """

    layer: str
    group: str
    score: OrderScore

    def document(self) -> dict[str, Any]:
        """The row as one prints it."""
        return {
            "layer": self.layer,
            "group": self.group,
            "spearman": self.score.center,
            "error": self.score.error,
            "low": self.score.low,
            "high": self.score.high,
            "images": self.score.images,
            "solved": self.score.solved,
            "splits": len(self.score.by_split),
            "by_split": self.score.by_split.tolist(),
        }


def select_moving(features: Features, layers: Sequence[str]) -> dict[str, NDArray[Any]]:
    """The layers named (all, if none are), each [stimuli, bins, features].

    Raises DataError for one that is not there, and for one without bins.
    """
    chosen = choose_layers(features, layers)
    for name in chosen:
        if (values := features.layers[name]).ndim != 3:
            problem = f"{printable(name)} has the shape {list(values.shape)}, without time"
            cure = "give [stimuli, bins, features], or name a layer that has bins"
            raise DataError(features.source, problem, cure)
    return {name: features.layers[name] for name in chosen}


def score_layer_orders(
    features: Features,
    animal: AnimalTimes,
    layers: Sequence[str] = (),
    *,
    start: float,
    width: float,
    splits: int = SPLITS,
) -> list[LayerOrder]:
    """Every layer against the animal's order, over all images and over control and challenge
    images apart.

    start, width: the time of the first bin and of each, in ms. A tenth of the images is tested in
    each split, as Brain-Score does it. Raises DataError for images that the features lack, and for
    layers without time.
    """
    moving = select_moving(features, layers)
    rows = find_rows(features, animal.stimuli, animal.source)
    objects, labels = np.unique(animal.objects, return_inverse=True)
    if labels.max() == 0:
        problem = f"has the object {printable(str(animal.objects[0]))} only"
        raise DataError(animal.source, problem, "give images of two objects or more")
    drawn = split_stimuli(len(rows), splits=splits)
    for split in drawn:
        absent = np.setdiff1d(np.arange(len(objects)), labels[split.train])
        if len(absent):
            problem = f"has too few images of {printable(str(objects[absent[0]]))} to fit to"
            raise DataError(animal.source, problem, "give each object more images")
    scores: list[LayerOrder] = []
    for name, values in moving.items():
        starts: Floats = start + width * np.arange(values.shape[1], dtype=np.float64)
        try:
            solved = solve_images(values[rows], labels, starts, animal.thresholds, drawn)
        except DataError as error:
            where = f"{features.source}: {printable(name)}"
            raise DataError(where, error.problem, error.cure) from None
        scores += [
            LayerOrder(layer=name, group=group, score=score_order(solved, animal.times, among))
            for group, among in animal.groups.items()
        ]
    return scores
