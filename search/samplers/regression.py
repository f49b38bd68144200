"""A Gaussian process for a few hundred points: mean and deviation of scores not seen yet.

The kernel is a part linear in the features and a part that knows only the distance. How much of
each, the length of the distance and the noise are the most probable ones of a small grid, so that
the same points always give the same model. A dozen points hardly separate settings: a prior says
what is usual.
"""

import itertools
import math
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular  # type: ignore[import-untyped]
from threadpoolctl import ThreadpoolController

Array = NDArray[np.float64]

LINEAR = (0.2, 0.5, 0.8)
LENGTHS = (0.5, 1.0, 2.0)
NOISES = (0.03, 0.1, 0.3)
_WITHIN = (
    0.3,
    2.0,
    3.0,
)  # about the usual: a difference of the part, factors of length, noise


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Of the kernel: the linear part in 0..1, the length in typical distances, and the noise as
    a part of the scores' variance. The defaults are the usual ones.
    """

    linear: float = 0.8
    length: float = 2.0
    noise: float = 0.3


@dataclass(frozen=True, kw_only=True)
class Regression:
    """A fitted process. Made by `fit`."""

    settings: Settings
    likelihood: float
    _features: Array
    _centre: Array
    _scale: float
    _mean: float
    _spread: float
    _factor: Array
    _weights: Array

    def predict(self, features: Array) -> tuple[Array, Array]:
        """Mean and standard deviation of the true scores at features [N,D]."""
        moved = features - self._centre
        shared = _kernel(*_distances(moved, self._features, self._scale), self.settings)
        mean = self._mean + self._spread * (shared @ self._weights)
        own = self.settings.linear * (moved**2).sum(1) / self._scale + 1 - self.settings.linear
        solved = _solve(self._factor, shared.T)
        variance = np.maximum(own - (solved**2).sum(0), 1e-9)
        return mean, self._spread * np.sqrt(variance)


def one_thread() -> AbstractContextManager[Any]:
    """Within it NumPy's linear algebra keeps to one thread.

    More of them wait for each other on cores that train: eight times as long on a full machine.
    They would also add up in another order, on which a replay must not depend.
    """
    limited: AbstractContextManager[Any] = _libraries().limit(limits=1, user_api="blas")
    return limited


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()


def choose(features: Array, scores: Array, extra: Array) -> Settings:
    """The most probable settings: marginal likelihood and prior. Arguments as of `fit`."""
    moved, scale = _centre_features(features)
    distances = _distances(moved, moved, scale)
    best, greatest = Settings(), -np.inf
    for linear, length, noise in itertools.product(LINEAR, LENGTHS, NOISES):
        settings = Settings(linear=linear, length=length, noise=noise)
        factor, half = _factorise(distances, scores, extra, settings)
        if (density := _likelihood(factor, half) + _prior(settings)) > greatest:
            best, greatest = settings, density
    return best


def _prior(settings: Settings) -> float:
    """The logarithm of the prior density of settings, but for a constant.

    Normal about the usual ones, in the logarithm for length and noise.
    """
    usual, (part, times, noisier) = Settings(), _WITHIN
    away = (
        (settings.linear - usual.linear) / part,
        math.log(settings.length / usual.length, times),
        math.log(settings.noise / usual.noise, noisier),
    )
    return -0.5 * sum(deviations**2 for deviations in away)


def fit(features: Array, scores: Array, extra: Array, settings: Settings) -> Regression:
    """A process through scores [N] at features [N,D].

    `extra` [N] is the variance of each score beyond the noise that all have, in units of scores.
    """
    moved, scale = _centre_features(features)
    factor, half = _factorise(_distances(moved, moved, scale), scores, extra, settings)
    return Regression(
        settings=settings,
        likelihood=_likelihood(factor, half),
        _features=moved,
        _centre=features.mean(0),
        _scale=scale,
        _mean=float(scores.mean()),
        _spread=_spread(scores),
        _factor=factor,
        _weights=_solve(factor, half, transposed=True),
    )


def _centre_features(features: Array) -> tuple[Array, float]:
    """Features about their mean, and the mean square of their length."""
    moved = features - features.mean(0)
    return moved, max(float((moved**2).sum(1).mean()), 1e-9)


def _spread(scores: Array) -> float:
    return max(float(scores.std()), 1e-4)


def _factorise(
    distances: tuple[Array, Array], scores: Array, extra: Array, settings: Settings
) -> tuple[Array, Array]:
    """The Cholesky factor of the scores' covariance, and the scores by its inverse."""
    covariance, spread = _kernel(*distances, settings), _spread(scores)
    covariance[np.diag_indices_from(covariance)] += settings.noise + extra / spread**2
    factor = np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)
    return factor, _solve(factor, (scores - float(scores.mean())) / spread)


def _likelihood(factor: Array, half: Array) -> float:
    return -0.5 * float(half @ half) - float(np.log(np.diag(factor)).sum())


def _solve(factor: Array, right_side: Array, *, transposed: bool = False) -> Array:
    solution: Array = solve_triangular(
        factor, right_side, lower=True, trans=int(transposed), check_finite=False
    )
    return solution


def _distances(a: Array, b: Array, scale: float) -> tuple[Array, Array]:
    """Products [N,M] of features [N,D] and [M,D] by the scale, and squares of their distances."""
    products = a @ b.T / scale
    squares = (a**2).sum(1)[:, None] / scale + (b**2).sum(1)[None, :] / scale - 2 * products
    return products, np.maximum(squares, 0.0)


def _kernel(products: Array, squares: Array, settings: Settings) -> Array:
    near = np.exp(-squares / (2 * settings.length**2))
    kernel: Array = settings.linear * products + (1 - settings.linear) * near
    return kernel
