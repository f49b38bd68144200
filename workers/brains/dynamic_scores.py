"""Networks and brains compared without a map from one to the other: what is said of each pair."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from space.documents.outside import printable
from space.errors import DataError
from workers.brains.agreement import Agreement, compare_dynamics
from workers.brains.correlation import Floats
from workers.brains.intervals import DRAWS, count_drawn, find_interval
from workers.brains.populations import Pairing
from workers.brains.similarity import (
    Comparison,
    Dissimilarity,
    average_animals,
    bound_similarity,
    compare_drawn,
    compare_movies,
    compare_times,
    measure_dissimilarities,
)


@dataclass(frozen=True, kw_only=True)
class Similarity:
    """How a layer's dissimilarities are like a brain's, or another network's, in a time bin.

    similarity: the mean over animals. low, high: its 95 % interval over stimuli drawn again.
    lower, upper: the bounds of what a model can reach; NaN for fewer than two animals.
    """

    layer: str
    against: str
    bin: str | None
    similarity: float
    low: float
    high: float
    lower: float
    upper: float
    animals: int
    stimuli: int

    def document(self) -> dict[str, Any]:
        """The row as one prints it."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class TimeSimilarity:
    """How a layer's dissimilarities in one bin are like a brain's in another."""

    layer: str
    against: str
    bin: str | None
    against_bin: str | None
    similarity: float

    def document(self) -> dict[str, Any]:
        """The row as one prints it."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class FlowDistance:
    """How far a layer's dynamics are from a brain's, or another network's."""

    layer: str
    against: str
    agreement: Agreement

    def document(self) -> dict[str, Any]:
        """The row as one prints it."""
        return {"layer": self.layer, "against": self.against, **asdict(self.agreement)}


def score_similarity(
    pairings: Sequence[Pairing],
    dissimilarity: Dissimilarity = "correlation",
    comparison: Comparison = "corr",
    *,
    draws: int = DRAWS,
) -> list[Similarity]:
    """Every pairing bin by bin, with intervals and ceilings. Raises DataError for few stimuli."""
    rows: list[Similarity] = []
    for pairing in pairings:
        reference = pairing.reference
        movie, movies = _measure_movies(pairing, dissimilarity)
        stimuli = len(pairing.responses)
        counts = count_drawn(stimuli, draws)
        center = average_animals(
            np.stack([compare_movies(movie, other, comparison) for other in movies])
        )
        drawn = [compare_drawn(movie, other, counts, comparison) for other in movies]
        low, high = find_interval(average_animals(np.stack(drawn)))
        nothing: Floats = np.full(len(center), np.nan)
        several = len(movies) > 1
        bounds = bound_similarity(movies, comparison) if several else (nothing, nothing)
        rows += [
            Similarity(
                layer=pairing.layer,
                against=reference.name,
                bin=name,
                similarity=float(center[place]),
                low=float(low[place]),
                high=float(high[place]),
                lower=float(bounds[0][place]),
                upper=float(bounds[1][place]),
                animals=len(movies),
                stimuli=stimuli,
            )
            for place, name in enumerate(reference.bins)
        ]
    return rows


def score_times(
    pairings: Sequence[Pairing],
    dissimilarity: Dissimilarity = "correlation",
    comparison: Comparison = "corr",
) -> list[TimeSimilarity]:
    """Every bin of a layer against every bin of the other side, averaged over animals."""
    rows: list[TimeSimilarity] = []
    for pairing in pairings:
        names = pairing.reference.bins
        movie, movies = _measure_movies(pairing, dissimilarity)
        square = average_animals(
            np.stack([compare_times(movie, other, comparison) for other in movies])
        )
        rows += [
            TimeSimilarity(
                layer=pairing.layer,
                against=pairing.reference.name,
                bin=name,
                against_bin=other,
                similarity=float(square[place, spot]),
            )
            for place, name in enumerate(names)
            for spot, other in enumerate(names)
        ]
    return rows


def score_flows(
    pairings: Sequence[Pairing], *, delays: int = 1, rank: int | None = None, draws: int
) -> list[FlowDistance]:
    """The distance of dynamics of every pairing, over the neurons of all animals.

    Neurons that lack a stimulus in a bin are left out. Raises DataError for responses without
    time, or without any such neuron, and for a rank that they do not have.
    """
    rows: list[FlowDistance] = []
    for pairing in pairings:
        units = pairing.reference.units
        known = np.isfinite(units).all(axis=(0, 2))
        if not known.any():
            cure = "leave out the stimuli or the bins that are missing"
            raise DataError(pairing.reference.source, "has no neuron with all stimuli", cure)
        try:
            agreement = compare_dynamics(
                np.moveaxis(pairing.responses, 2, 1),
                np.moveaxis(units[:, known], 2, 1),
                delays=delays,
                rank=rank,
                draws=draws,
            )
        except DataError as error:
            where = f"{pairing.source}: {printable(pairing.layer)}: {error.where}"
            raise DataError(where, error.problem, error.cure) from None
        rows.append(
            FlowDistance(layer=pairing.layer, against=pairing.reference.name, agreement=agreement)
        )
    return rows


def _measure_movies(pairing: Pairing, method: Dissimilarity) -> tuple[Floats, Floats]:
    """The movie [bins, pairs] of a layer, and those [animals, bins, pairs] of the other side."""
    movie = measure_dissimilarities(pairing.responses, method)
    others = [measure_dissimilarities(one, method) for one in pairing.reference.animals.values()]
    return movie, np.stack(others)
