"""Linear maps from a network's features to neurons: partial least squares, and ridge.

A map is fitted to features [samples, features] and responses [samples, neurons]; what comes back
predicts responses from features of other samples. Features that do not vary among the samples
(dead units) are left out; with none left the prediction is each neuron's mean.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from workers.brains import gram_ridge, partial_least_squares
from workers.brains.correlation import SPREAD, Floats, find_varying

COMPONENTS = 25
MANY = 2
"""From so many samples a feature on, maps are taken from products, if these are exact enough."""
ROUNDING = 1e-6
"""What a rounding of features in single precision is of them, at most."""
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

    There are no more components than samples less one, or features that vary, or directions in
    which they do, and none once nothing is left to explain: with fewer the number is clamped, and
    `Fitted.components` says to what. (scikit-learn 1.6 and later raises an error there, earlier
    versions went on with what they had.)
    """

    components: int = COMPONENTS

    def fit(self, features: Floats, responses: Floats) -> Fitted:
        """Fit [samples, features] to [samples, neurons], one set of components for all neurons."""
        live = _find_live(features)
        targets = find_varying(responses)
        means = responses.mean(axis=0)
        number = min(self.components, len(features) - 1, int(live.sum()))
        if number < 1 or not targets.any():
            return Fitted(lambda unseen: np.tile(means, (len(unseen), 1)), components=0)
        x, y = features[:, live], responses[:, targets]
        plain: Any = None
        if len(x) >= MANY * x.shape[1]:
            plain = partial_least_squares.fit_by_products(x, y, number)
        if plain is None:
            plain = _fit_components(x, y, number)
        if plain is None:
            return Fitted(lambda unseen: np.tile(means, (len(unseen), 1)), components=0)

        def predict(unseen: Floats) -> Floats:
            predicted = np.tile(means, (len(unseen), 1))
            values = plain.predict(unseen[:, live])
            predicted[:, targets] = np.reshape(values, (len(unseen), -1))
            return predicted

        return Fitted(predict, components=plain.n_components)


def _find_live(features: Floats) -> NDArray[np.bool_]:
    """Which features vary by more than a rounding of the largest: a rotation (`compact`) leaves
    such roundings of what does not vary.
    """
    if not features.size:
        return np.zeros(features.shape[1], dtype=bool)
    live: NDArray[np.bool_] = np.ptp(features, axis=0) > SPREAD * np.abs(features).max()
    return live & find_varying(features)


def _fit_components(features: Floats, responses: Floats, most: int) -> Any:
    """Partial least squares of at most so many components; None if there is not even one.

    A component whose scores are a rounding of the first one's fits roundings alone, and predicts
    anything.
    """
    from sklearn.cross_decomposition import PLSRegression

    number = most
    while number:
        plain = PLSRegression(n_components=number, scale=False)
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")  # of roundings, which are looked at below
                plain.fit(features, responses)
        except ValueError:  # the residual was 0, and a component not a number
            number -= 1
            continue
        sizes = np.linalg.norm(plain.x_scores_, axis=0)
        small = np.flatnonzero(sizes <= ROUNDING * sizes[0])
        if not len(small):
            return plain
        number = int(small[0])
    return None


@dataclass(frozen=True)
class Ridge:
    """Ridge regression with an intercept, its penalty chosen for each neuron by cross-validation.

    The penalty of a neuron is the one of `penalties` with the smallest squared error over `folds`
    consecutive folds. With fewer samples than features it is solved by the kernel of samples,
    else by features, or with many samples by their products; the solution is the same. Source:
    himalaya (Dupré la Tour et al., NeuroImage 2022).
    """

    penalties: tuple[float, ...] = PENALTIES
    folds: int = 5

    def fit(self, features: Floats, responses: Floats) -> Fitted:
        """Fit [samples, features] to [samples, neurons], each neuron with its own penalty."""
        live = _find_live(features)
        means = responses.mean(axis=0)
        folds = min(self.folds, len(features))
        if folds < 2 or not live.any():
            return Fitted(lambda unseen: np.tile(means, (len(unseen), 1)))
        x = features[:, live]
        if len(x) >= MANY * x.shape[1]:
            centre = x.mean(axis=0)
            products = gram_ridge.fit_by_products(
                x - centre, responses - means, self.penalties, folds
            )
            if products is not None:
                weights, chosen = products
                return Fitted(
                    lambda unseen: (unseen[:, live] - centre) @ weights + means, penalties=chosen
                )
        plain = _choose_penalties(x, responses, self.penalties, folds)
        return Fitted(
            lambda unseen: np.asarray(plain.predict(unseen[:, live])),
            penalties=np.asarray(plain.best_alphas_),
        )


def _choose_penalties(
    features: Floats, responses: Floats, penalties: Sequence[float], folds: int
) -> Any:
    """himalaya's ridge with the best penalties, by samples or by features as there are fewer."""
    from himalaya.kernel_ridge import KernelRidgeCV
    from himalaya.ridge import RidgeCV

    options: dict[str, Any] = {"alphas": np.asarray(penalties), "cv": folds, "fit_intercept": True}
    wide = features.shape[1] > len(features)
    plain = KernelRidgeCV(warn=False, **options) if wide else RidgeCV(**options)
    return plain.fit(features, responses)


MAPS: dict[str, Callable[[], Map]] = {"pls": Pls, "ridge": Ridge}
"""The maps by the names that commands give them."""


def compact(features: NDArray[Any]) -> Floats:
    """[samples, features] -> [samples, at most samples], with all distances and products kept.

    A rotation: partial least squares and ridge, which see features by their products alone, give
    the same predictions from it. It is taken once for all splits of a layer, so that many features
    cost one decomposition. Those that do not vary are left out first: what a rotation makes of
    them varies by a rounding.
    """
    values: Floats = np.asarray(features, dtype=np.float64)
    samples, number = values.shape
    if number <= samples:
        return values
    if np.isfinite(values).all():  # what is not is refused later, and not left out
        values = values[:, _find_live(values)]
    triangle: Any = np.linalg.qr(values.T, mode="r")
    return np.ascontiguousarray(triangle.T, dtype=np.float64)
