"""When neurons first say what a stimulus shows: a linear read-out of each time bin."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from space.errors import DataError
from workers.brains.correlation import Floats, find_varying

FOLDS = 5
MARGIN = 0.2
"""How clear the answer has to be: 1 is as clear as it can be, 0 is no answer."""
PENALTY = 2.0
"""What the read-out's ridge adds to the variance of each neuron, as a share of the mean. So much
that noise before the response has no opinion: it hardly ever reaches the margin.
"""


def find_solution_times(responses: NDArray[Any], objects: NDArray[Any], times: Floats) -> Floats:
    """[stimuli]: when the margin of what each stimulus shows reaches `MARGIN` for the first time.

    responses [stimuli, neurons, bins], objects [stimuli], times [bins] in milliseconds. Between
    two bins the margin is a straight line. NaN for a stimulus that no bin solves. Source of the
    idea: Kar et al. 2019 (Nat. Neurosci. 22:974), whose times are where d' crosses an animal's.
    """
    margins = measure_margins(responses, objects)
    solved = margins >= MARGIN
    first = solved.argmax(axis=1)
    rows = np.arange(len(margins))
    before = np.maximum(first - 1, 0)
    low, high = margins[rows, before], margins[rows, first]
    share = np.where(first > 0, (MARGIN - low) / np.where(first > 0, high - low, 1), 0)
    crossed: Floats = times[before] + share * (times[first] - times[before])
    return np.where(solved.any(axis=1), crossed, np.nan)


def measure_margins(responses: NDArray[Any], objects: NDArray[Any]) -> Floats:
    """[stimuli, bins]: how much more than by chance a read-out gives the true object, less the
    same of the best other one.

    A ridge regression on the objects' indicators, of every bin by itself, fitted to four fifths
    of the stimuli of each object and asked for the others. Raises DataError for one object only.
    """
    names, truth = np.unique(objects, return_inverse=True)
    if len(names) < 2:
        raise DataError("objects", f"{len(names)} of them", "give stimuli of two or more")
    folds = _deal(truth)
    indicators = np.eye(len(names))[truth]
    rows = np.arange(len(truth))
    margins = np.empty((len(truth), responses.shape[2]))
    for bin_ in range(responses.shape[2]):
        here = np.asarray(responses[:, :, bin_], dtype=np.float64)
        scores = np.empty_like(indicators)
        for fold in range(FOLDS):
            inside = folds == fold
            scores[inside] = _read_out(here[~inside], indicators[~inside], here[inside])
        right = scores[rows, truth]
        scores[rows, truth] = -np.inf
        margins[:, bin_] = right - scores.max(axis=1)
    return margins


def _deal(truth: NDArray[np.int64]) -> NDArray[np.int64]:
    """The fold of each stimulus: those of an object are dealt out in turn."""
    folds = np.empty(len(truth), dtype=np.int64)
    for object_ in np.unique(truth):
        places = np.flatnonzero(truth == object_)
        folds[places] = np.arange(len(places)) % FOLDS
    return folds


def _read_out(known: Floats, indicators: Floats, asked: Floats) -> Floats:
    """How much more than by chance, [asked, objects], by ridge regression on neurons that vary."""
    live = find_varying(known)
    if not live.any():
        return np.zeros((len(asked), indicators.shape[1]))
    means = known[:, live].mean(axis=0)
    centred = known[:, live] - means
    gram = centred.T @ centred
    gram[np.diag_indices_from(gram)] += PENALTY * np.trace(gram) / len(gram)
    weights = np.linalg.solve(gram, centred.T @ (indicators - indicators.mean(axis=0)))
    scores: Floats = (asked[:, live] - means) @ weights
    return scores
