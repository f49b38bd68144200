"""Ridge regression for choices that take many fits: one decomposition, no folds."""

from dataclasses import dataclass

import numpy as np

from workers.brains.correlation import Floats, find_varying
from workers.brains.gram_ridge import Decomposed
from workers.brains.maps import PENALTIES, Fitted


@dataclass(frozen=True)
class QuickRidge:
    """Ridge with an intercept, its penalty chosen for each neuron by generalised cross-validation.

    The penalty of a neuron is that of the smallest n |y - Hy|^2 / (n - trace H)^2, where H is the
    matrix that takes the n responses to their predictions. Source: Golub, Heath and Wahba,
    Technometrics 1979. For features fewer than some thousands: it decomposes their products.
    """

    penalties: tuple[float, ...] = PENALTIES

    def fit(self, features: Floats, responses: Floats) -> Fitted:
        """Fit [samples, features] to [samples, neurons], each neuron with its own penalty."""
        live = find_varying(features)
        means = responses.mean(axis=0)
        if not live.any():
            return Fitted(lambda unseen: np.tile(means, (len(unseen), 1)))
        centre = features[:, live].mean(axis=0)
        x, y = features[:, live] - centre, responses - means
        decomposed = Decomposed(x.T @ x, x.T @ y)
        values = decomposed.sizes
        penalties = np.asarray(self.penalties, dtype=np.float64)
        shrinking = 1 / (values[None] + penalties[:, None])  # penalties, directions
        freedom = len(x) - 1 - (values * shrinking).sum(axis=1)
        lost = 2 * shrinking - values * shrinking**2
        errors = np.maximum(np.square(y).sum(axis=0) - lost @ np.square(decomposed.turned), 0)
        criterion = errors / np.square(np.maximum(freedom, 1e-9))[:, None]
        chosen = penalties[criterion.argmin(axis=0)]  # neurons
        weights = decomposed.solve(chosen)

        def predict(unseen: Floats) -> Floats:
            predicted: Floats = (unseen[:, live] - centre) @ weights + means
            return predicted

        return Fitted(predict, penalties=chosen)
