"""Ridge from the products of features, for many more samples than features.

All of ridge follows from [features, features] and [features, neurons], so that samples are read
once: with 50 features, 9,000 samples and 50 neurons it takes a hundredth of the time. (The Turing
test fits a map for every two subjects.)
"""

from collections.abc import Sequence

import numpy as np

from workers.brains.correlation import Floats

ROUNDING = 1e-7
"""What a rounding of products may be of the smallest of them, with a penalty: with more they are
not exact enough.
"""


class Decomposed:
    """Ridge's weights for any penalty, from one decomposition of the products x'x.

    sizes [directions]: the eigenvalues of x'x, in rising order; turned [directions, neurons]: x'y
    along them.
    """

    def __init__(self, gram: Floats, products: Floats) -> None:
        sizes, self._axes = np.linalg.eigh(gram)
        self.sizes: Floats = np.maximum(sizes, 0)
        self.turned: Floats = self._axes.T @ products

    def solve(self, penalties: Floats | float) -> Floats:
        """(x'x + penalty)^-1 x'y [features, neurons]; penalties: one, or one a neuron."""
        weights: Floats = self._axes @ (self.turned / (self.sizes[:, None] + penalties))
        return weights


def fit_by_products(
    features: Floats, responses: Floats, penalties: Sequence[float], folds: int
) -> tuple[Floats, Floats] | None:
    """Weights [features, neurons] and the penalty [neurons] that each neuron got: the one with the
    smallest squared error over `folds` consecutive folds.

    features [samples, features] and responses [samples, neurons] have the mean 0. None where
    products are not exact enough.
    """
    gram, products = features.T @ features, features.T @ responses
    whole = Decomposed(gram, products)
    rounding = np.finfo(np.float64).eps * whole.sizes[-1]
    if rounding > ROUNDING * (whole.sizes[0] + min(penalties)):
        return None
    errors = np.zeros((len(penalties), responses.shape[1]))
    for rows in np.array_split(np.arange(len(features)), folds):
        held, wanted = features[rows], responses[rows]
        left = len(features) - len(rows)
        centre, level = -held.sum(axis=0) / left, -wanted.sum(axis=0) / left
        others = Decomposed(
            gram - held.T @ held - left * np.outer(centre, centre),
            products - held.T @ wanted - left * np.outer(centre, level),
        )
        for place, penalty in enumerate(penalties):
            missed = (held - centre) @ others.solve(penalty) + level - wanted
            errors[place] += np.square(missed).mean(axis=0)
    chosen = np.asarray(penalties)[errors.argmin(axis=0)]
    return whole.solve(chosen), chosen
