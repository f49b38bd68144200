"""Populations on the same stimuli: the layers of a network beside an area's neurons, animal by
animal, or beside the same layers of another network.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from space.documents.outside import printable
from space.errors import DataError
from workers.brains.assembly import Assembly, list_names
from workers.brains.correlation import Floats
from workers.brains.scores import Features, divide_areas, find_rows

ANIMAL = "animal"
"""The coordinate of neurons that says whose they are."""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What a network is compared with: an area, or another network's layer.

    animals: responses [stimuli, units, bins] by animal; a network is one. `bins`: their names;
    None for a recording without time. `source`: the file.
    """

    name: str
    animals: Mapping[str, Floats]
    bins: Sequence[str | None]
    source: str

    @property
    def units(self) -> Floats:
        """Those of all animals together: [stimuli, units, bins]."""
        return np.concatenate(list(self.animals.values()), axis=1)


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """A layer's responses [stimuli, units, bins] and what they are compared with."""

    layer: str
    responses: NDArray[Any]
    reference: Reference
    source: str


def split_animals(assembly: Assembly) -> dict[str, Assembly]:
    """A recording by animal; whole, under the name "all", where no coordinate says whose."""
    owners = assembly.neurons.get(ANIMAL)
    if owners is None:
        return {"all": assembly}
    owners = owners.astype(str)
    parts: dict[str, Assembly] = {}
    for name in np.unique(owners):
        own = owners == name
        neurons = {key: values[own] for key, values in assembly.neurons.items()}
        parts[str(name)] = replace(assembly, values=assembly.values[:, own], neurons=neurons)
    return parts


def pair_with_areas(
    features: Features, layers: Sequence[str], assembly: Assembly, areas: Sequence[str]
) -> list[Pairing]:
    """Every layer beside every area (those of the recording, if none are named).

    Raises DataError for an area without neurons, stimuli that the features lack, and a layer with
    other bins than the recording's.
    """
    rows = find_rows(features, np.unique(assembly.stimulus_ids), assembly.source)
    references = [
        Reference(
            name=area,
            animals={
                animal: own.arrange().averages for animal, own in split_animals(part).items()
            },
            bins=assembly.bin_names,
            source=assembly.source,
        )
        for area, part in divide_areas(assembly, areas).items()
    ]
    return [
        _pair(features, layer, rows, reference)
        for reference in references
        for layer in choose_layers(features, layers)
    ]


def pair_with_features(
    features: Features, layers: Sequence[str], other: Features
) -> list[Pairing]:
    """Every layer beside the layer of the same name of another network, on the stimuli of the
    first. Raises DataError for a layer, stimuli or bins that the other lacks.
    """
    rows = find_rows(other, features.stimuli, features.source)
    pairings: list[Pairing] = []
    for layer in choose_layers(features, layers):
        choose_layers(other, [layer])
        values = _order_bins(other.layers[layer][rows])
        reference = Reference(
            name=PurePath(other.source).name,
            animals={"all": values.astype(np.float64)},
            bins=[str(bin_) for bin_ in range(values.shape[2])],
            source=other.source,
        )
        every = np.arange(len(features.stimuli))
        pairings.append(_pair(features, layer, every, reference))
    return pairings


def choose_layers(features: Features, layers: Sequence[str]) -> list[str]:
    """The layers named, or all. Raises DataError for one that is not there."""
    for name in layers:
        if name not in features.layers:
            problem = f"has no layer {printable(name)}"
            raise DataError(features.source, problem, f"it has {list_names(features.layers)}")
    return list(layers or features.layers)


def _pair(
    features: Features, layer: str, rows: NDArray[np.int64], reference: Reference
) -> Pairing:
    values = _order_bins(features.layers[layer][rows])
    bins = len(reference.bins)
    if values.shape[2] == 1:
        values = np.repeat(values, bins, axis=2)
    if values.shape[2] != bins:
        problem = f"has {values.shape[2]} time bins, and {reference.source} has {bins}"
        where = f"{features.source}: {printable(layer)}"
        raise DataError(where, problem, "give features in the same bins")
    return Pairing(layer=layer, responses=values, reference=reference, source=features.source)


def _order_bins(values: NDArray[Any]) -> NDArray[Any]:
    """[stimuli, units, bins] of features with bins in the middle, or without."""
    return values[:, :, None] if values.ndim == 2 else np.moveaxis(values, 1, 2)
