"""Linear maps from a network's features to neurons: partial least squares, and ridge.

A map is fitted to features [samples, features] and responses [samples, neurons]; what comes back
predicts responses from features of other samples. Features that do not vary among the samples
(dead units) are left out; with none left the prediction is each neuron's mean.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from workers.brains.correlation import Floats, find_varying

COMPONENTS = 25
PENALTIES = tuple(float(penalty) for penalty in np.logspace(-2, 7, 19))


@dataclass(frozen=True)
class Fitted:
    """A fitted map: [samples, features] -> [samples, neurons], and what was chosen for it."""

    predict: Callable[[Floats], Floats]
    components: int | None = None
    penalties: Floats | None = field(default=None, repr=False)


class Map(Protocol):
    """A way of fitting features to neurons."""

    def fit(self, features: Floats, responses: Floats) -> Fitted:
        """Fit [samples, features] to [samples, neurons]."""


@dataclass(frozen=True)
class Pls:
    """Partial least squares of `components` components, features not scaled (Brain-Score's).

    There are no more components than samples less one, or features that vary: with fewer of them
    the number is clamped, and `Fitted.components` says to what. (scikit-learn 1.6 and later raises
    an error there, earlier versions went on with what they had.)
    """

    components: int = COMPONENTS

    def fit(self, features: Floats, responses: Floats) -> Fitted:
        """Fit [samples, features] to [samples, neurons], one set of components for all neurons."""
        from sklearn.cross_decomposition import PLSRegression

        live = find_varying(features)
        targets = find_varying(responses)
        means = responses.mean(axis=0)
        number = min(self.components, len(features) - 1, int(live.sum()))
        if number < 1 or not targets.any():
            return Fitted(lambda unseen: np.tile(means, (len(unseen), 1)), components=0)
        plain = PLSRegression(n_components=number, scale=False)
        plain.fit(features[:, live], responses[:, targets])

        def predict(unseen: Floats) -> Floats:
            predicted = np.tile(means, (len(unseen), 1))
            values = plain.predict(unseen[:, live])
            predicted[:, targets] = np.reshape(values, (len(unseen), -1))
            return predicted

        return Fitted(predict, components=number)


@dataclass(frozen=True)
class Ridge:
    """Ridge regression with an intercept, its penalty chosen for each neuron by cross-validation.

    The penalty of a neuron is the one of `penalties` with the smallest squared error over `folds`
    consecutive folds. With fewer samples than features it is solved by the kernel of samples,
    else by features; the solution is the same. Source: himalaya (Dupré la Tour et al.,
    NeuroImage 2022).
    """

    penalties: tuple[float, ...] = PENALTIES
    folds: int = 5

    def fit(self, features: Floats, responses: Floats) -> Fitted:
        """Fit [samples, features] to [samples, neurons], each neuron with its own penalty."""
        from himalaya.kernel_ridge import KernelRidgeCV
        from himalaya.ridge import RidgeCV

        live = find_varying(features)
        means = responses.mean(axis=0)
        folds = min(self.folds, len(features))
        if folds < 2 or not live.any():
            return Fitted(lambda unseen: np.tile(means, (len(unseen), 1)))
        options: dict[str, Any] = {
            "alphas": np.asarray(self.penalties),
            "cv": folds,
            "fit_intercept": True,
        }
        wide = live.sum() > len(features)
        plain = KernelRidgeCV(warn=False, **options) if wide else RidgeCV(**options)
        plain.fit(features[:, live], responses)

        def predict(unseen: Floats) -> Floats:
            predicted: Floats = np.asarray(plain.predict(unseen[:, live]))
            return predicted

        return Fitted(predict, penalties=np.asarray(plain.best_alphas_))


MAPS: dict[str, Callable[[], Map]] = {"pls": Pls, "ridge": Ridge}
"""The maps by the names that commands give them."""


def compact(features: NDArray[Any]) -> Floats:
    """[samples, features] -> [samples, at most samples], with all distances and products kept.

    A rotation: partial least squares and ridge, which see features by their products alone, give
    the same predictions from it. It is taken once for all splits of a layer, so that many features
    cost one decomposition.
    """
    values: Floats = np.asarray(features, dtype=np.float64)
    samples, number = values.shape
    if number <= samples:
        return values
    triangle: Any = np.linalg.qr(values.T, mode="r")
    return np.ascontiguousarray(triangle.T, dtype=np.float64)
