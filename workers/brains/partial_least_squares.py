"""Partial least squares from the products of features, for many more samples than features.

scikit-learn's PLSRegression takes each component by iterations over all samples, tens to hundreds
of them. The same iterations need no more than the products of features with each other and with
the responses, so that samples are read once: of 40,000 samples of 256 features some fifty times as
fast.
"""

from dataclasses import dataclass

import numpy as np

from workers.brains.correlation import Floats

ITERATIONS, TOLERANCE = 500, 1e-6
"""scikit-learn's, so that a component which has not converged is the same one."""
SMALLEST = 1e-4
"""A component whose scores are a smaller share of the first one's is not taken from products: in
these stands its square.
"""
LEFT = 1e-7
"""Neither is one where a smaller share of the products with the responses is left to explain."""


@dataclass(frozen=True)
class Linear:
    """A linear map of `n_components` components: centre [features], weights [features, neurons],
    means [neurons].
    """

    centre: Floats
    weights: Floats
    means: Floats
    n_components: int

    def predict(self, unseen: Floats) -> Floats:
        """[samples, features] -> [samples, neurons]"""
        predicted: Floats = (unseen - self.centre) @ self.weights + self.means
        return predicted


def fit_by_products(features: Floats, responses: Floats, number: int) -> Linear | None:
    """PLSRegression(n_components=number, scale=False) of [samples, features] and
    [samples, neurons]; None where products are not exact enough to tell.

    Source: the iterations are NIPALS (Wegelin, 2000, section 4.1), written in products as by Dayal
    and MacGregor, Journal of Chemometrics 1997.
    """
    centre, means = features.mean(axis=0), responses.mean(axis=0)
    x = features - centre
    products, shared = x.T @ x, x.T @ (responses - means)  # features by features, by neurons
    size = np.abs(shared).max()
    weights, loadings, targets = [], [], []
    first = 0.0
    for _ in range(number):
        if not np.abs(shared).max() > LEFT * size:
            return None
        weight = _iterate(shared)
        scaled = products @ weight
        length = float(weight @ scaled)  # the squared length of the component's scores
        first = first or length
        if not length > SMALLEST**2 * first:
            return None
        loading, target = scaled / length, (weight @ shared) / length
        products = products - length * np.outer(loading, loading)
        shared = shared - length * np.outer(loading, target)
        weights.append(weight)
        loadings.append(loading)
        targets.append(target)
    w, p, q = (np.stack(rows, axis=1) for rows in (weights, loadings, targets))
    return Linear(centre, w @ np.linalg.pinv(p.T @ w) @ q.T, means, number)


def _iterate(shared: Floats) -> Floats:
    """The power method for the first left singular vector, begun and ended as scikit-learn's."""
    known = np.flatnonzero(np.abs(shared).max(axis=0))
    weight = shared[:, known[0]]
    weight = weight / np.linalg.norm(weight)
    for _ in range(ITERATIONS - 1):
        if shared.shape[1] == 1:
            break
        before = weight
        weight = shared @ (before @ shared)
        weight = weight / np.linalg.norm(weight)
        if np.square(weight - before).sum() < TOLERANCE:
            break
    return weight
