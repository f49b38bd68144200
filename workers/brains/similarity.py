"""Representational similarity over time: which stimuli a population tells apart, bin by bin.

A movie of dissimilarities is [bins, pairs]: the pairs (i, j), i < j, of stimuli row by row. Two
movies, a network's and a brain's, are compared bin by bin, or every bin of one with every bin of
the other; no map is fitted. Source: Kriegeskorte et al. 2008; Nili et al., PLOS Computational
Biology 2014 (ceilings); the numbers are those of rsatoolbox (`calc_rdm_movie`, `compare`,
`boot_noise_ceiling`).
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from space.errors import DataError
from workers.brains.averages import average_defined, divide
from workers.brains.correlation import SPREAD, Floats, find_varying
from workers.brains.weighted import correlate_ranks

Dissimilarity = Literal["euclidean", "correlation"]
Comparison = Literal["cosine", "corr", "spearman"]

FEWEST = 3
"""Fewer stimuli have one pair, or none, and nothing to correlate."""


def measure_dissimilarities(
    responses: NDArray[Any], method: Dissimilarity = "correlation"
) -> Floats:
    """The movie [bins, pairs] of responses [stimuli, units, bins].

    euclidean: the squared distance divided by the number of units. correlation: 1 - Pearson's r
    over units; NaN for a stimulus to which all units respond alike. A unit that lacks a stimulus
    in a bin (NaN) is left out there; a bin without units is NaN. Raises DataError for fewer than
    three stimuli.
    """
    if responses.ndim != 3 or len(responses) < FEWEST:
        shape = list(responses.shape)
        cure = f"give [stimuli, units, bins] of {FEWEST} stimuli or more"
        raise DataError("responses", f"have the shape {shape}", cure)
    measure = _square_distances if method == "euclidean" else _subtract_correlations
    upper = np.triu_indices(len(responses), 1)
    movie: Floats = np.full((responses.shape[2], len(upper[0])), np.nan)
    for bin_ in range(len(movie)):
        values = np.asarray(responses[:, :, bin_], dtype=np.float64)
        known = np.isfinite(values).all(axis=0)
        if known.any():
            movie[bin_] = measure(values[:, known])[upper]
    return movie


def _square_distances(values: Floats) -> Floats:
    # Centred, so that the difference of large numbers loses no digits.
    centred = values - values.mean(axis=0)
    lengths = np.square(centred).sum(axis=1)
    distances = lengths[:, None] + lengths - 2 * centred @ centred.T
    squared: Floats = np.maximum(distances, 0) / values.shape[1]
    return squared


def _subtract_correlations(values: Floats) -> Floats:
    centred = values - values.mean(axis=1, keepdims=True)
    lengths: Floats = np.sqrt(np.square(centred).sum(axis=1, keepdims=True))
    varying = lengths > SPREAD * np.abs(values).max(axis=1, keepdims=True)
    unit: Floats = np.full(values.shape, np.nan)
    np.divide(centred, lengths, where=varying, out=unit)
    distances: Floats = 1 - unit @ unit.T
    return distances


# --------------------------------------------------------------------------------- comparisons


def compare_movies(first: Floats, second: Floats, method: Comparison = "corr") -> Floats:
    """The similarity [bins] of two movies [bins, pairs], bin by bin.

    NaN for a bin in which one of them has a pair without dissimilarity (NaN), or in which all
    pairs of one are alike. Raises DataError for movies of different stimuli or bins.
    """
    if first.shape != second.shape:
        shapes = f"{list(first.shape)} and {list(second.shape)}"
        raise DataError("movies", f"have the shapes {shapes}", "take the same stimuli and bins")
    one, other = (_find_directions(movie, method) for movie in (first, second))
    similarities: Floats = np.clip((one * other).sum(axis=1), -1, 1)
    return similarities


def compare_times(first: Floats, second: Floats, method: Comparison = "corr") -> Floats:
    """The similarity [bins of the first, bins of the second] of every two bins of two movies.

    Where a late bin of a brain is most like an early one of a network, the network is ahead.
    Raises DataError for movies of different stimuli.
    """
    if first.shape[1:] != second.shape[1:]:
        shapes = f"{list(first.shape)} and {list(second.shape)}"
        raise DataError("movies", f"have the shapes {shapes}", "take the same stimuli")
    one, other = (_find_directions(movie, method) for movie in (first, second))
    return np.clip(one @ other.T, -1, 1)


def _find_directions(movie: Floats, method: Comparison) -> Floats:
    """Each bin of a movie [bins, pairs] as a vector of length 1: products are similarities."""
    if method == "cosine":
        return divide(movie, np.sqrt(np.square(movie).sum(axis=1))[:, None])
    values = _rank(movie) if method == "spearman" else movie
    centred = values - values.mean(axis=1, keepdims=True)
    centred[~find_varying(values.T)] = np.nan
    return divide(centred, np.sqrt(np.square(centred).sum(axis=1))[:, None])


def _rank(movie: Floats) -> Floats:
    """The ranks of a movie's pairs, [bins, pairs] or more dimensions; NaN for a bin with NaN."""
    from scipy.stats import rankdata  # type: ignore[import-untyped]

    ranks: Floats = rankdata(movie, axis=-1, nan_policy="propagate")
    return ranks


# ------------------------------------------------------------------------------------- ceilings


def bound_similarity(movies: Floats, method: Comparison = "corr") -> tuple[Floats, Floats]:
    """Between which similarities [bins] the best possible model lies: lower and upper bound.

    movies [animals, bins, pairs]. Upper: the mean similarity of each animal to the pooled movie of
    all, which nothing exceeds on average. Lower: to that of the other animals. Raises DataError
    for fewer than two animals.
    """
    if len(movies) < 2:
        cure = "the ceiling of similarity needs two animals or more"
        raise DataError("animals", f"there is {len(movies)} only", cure)
    scaled = np.stack([_scale(movie, method) for movie in movies])
    whole = scaled.mean(axis=0)
    lower, upper = [], []
    for animal, movie in enumerate(movies):
        others = np.delete(scaled, animal, axis=0).mean(axis=0)
        lower.append(compare_movies(others, movie, method))
        upper.append(compare_movies(whole, movie, method))
    return np.mean(lower, axis=0), np.mean(upper, axis=0)


def _scale(movie: Floats, method: Comparison) -> Floats:
    """A movie so that the mean over animals is the best that one can be like all of them."""
    if method == "cosine":
        return divide(movie, np.sqrt(np.square(movie).mean(axis=1))[:, None])
    if method == "spearman":
        return _rank(movie)
    return divide(movie - movie.mean(axis=1, keepdims=True), movie.std(axis=1)[:, None])


# ------------------------------------------------------------------------- stimuli drawn again


def compare_drawn(
    first: Floats, second: Floats, counts: Floats, method: Comparison = "corr"
) -> Floats:
    """The similarity [draws, bins] of two movies, had the stimuli been others.

    counts [draws, stimuli]: how often each stimulus is in a draw. A pair counts as often as both
    of its stimuli together, a stimulus beside itself not at all: it would be like itself in both
    movies.
    """
    similarities = [
        _compare_bin(*rows, counts, method) for rows in zip(first, second, strict=True)
    ]
    return np.stack(similarities, axis=1)


def _compare_bin(first: Floats, second: Floats, counts: Floats, method: Comparison) -> Floats:
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        return np.full(len(counts), np.nan)
    if method == "spearman":
        upper = np.triu_indices(counts.shape[1], 1)
        one_by_one = [
            correlate_ranks(first, second, (draw[upper[0]] * draw[upper[1]])[None])
            for draw in counts
        ]
        return np.concatenate(one_by_one)
    # Near their mean, so that no digits are lost where the dissimilarities hardly differ.
    move = [values.mean() if method == "corr" else 0.0 for values in (first, second)]
    one, other = first - move[0], second - move[1]
    products, left, right = (
        _sum_pairs(values, counts) for values in (one * other, one * one, other * other)
    )
    if method == "corr":
        number = _sum_pairs(np.ones(len(one)), counts)
        means = [divide(_sum_pairs(values, counts), number) for values in (one, other)]
        products = products - number * means[0] * means[1]
        left, right = left - number * means[0] ** 2, right - number * means[1] ** 2
    flat = (left <= SPREAD * np.square(one).sum()) | (right <= SPREAD * np.square(other).sum())
    return np.where(flat, np.nan, divide(products, np.sqrt(np.maximum(left * right, 0))))


def _sum_pairs(values: Floats, counts: Floats) -> Floats:
    """The sum [draws] of values [pairs], each as often as its stimuli are drawn together."""
    stimuli = counts.shape[1]
    square: Floats = np.zeros((stimuli, stimuli))
    square[np.triu_indices(stimuli, 1)] = values
    total: Floats = ((counts @ square) * counts).sum(axis=1)
    return total


def average_animals(similarities: Floats) -> Floats:
    """The mean over animals of similarities [animals, ...]; NaN where one has none."""
    undefined = np.isnan(similarities).any(axis=0)
    return np.where(undefined, np.nan, average_defined(similarities))
