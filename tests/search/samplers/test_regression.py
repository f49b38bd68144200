"""The guided sampler's Gaussian process against the definition: a joint normal, conditioned."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import multivariate_normal, norm  # type: ignore[import-untyped]

from search.samplers import regression
from search.samplers.regression import LENGTHS, LINEAR, NOISES, Settings

Array = NDArray[np.float64]
CHOICES = st.builds(
    Settings,
    linear=st.sampled_from(LINEAR),
    length=st.sampled_from(LENGTHS),
    noise=st.sampled_from(NOISES),
)


def points(seed: int, count: int, asked: int) -> tuple[Array, Array, Array, Array]:
    """Counts of words, scores that follow from them, variances, and points to ask about."""
    rng = np.random.default_rng(seed)
    features = rng.poisson(0.7, (count + asked, 6)).astype(float)
    scores = 0.3 + 0.05 * features[:count, 0] + rng.normal(0, 0.03, count)
    return features[:count], scores, rng.uniform(0, 1e-3, count), features[count:]


def covariance(features: Array, everything: Array, chosen: Settings) -> Array:
    """Of the true scores of all points, in units of the scores' deviation, entry by entry."""
    centre = features.mean(0)
    scale = np.mean([np.sum((row - centre) ** 2) for row in features])
    found = np.empty((len(everything), len(everything)))
    for i, j in itertools.product(range(len(everything)), repeat=2):
        a, b = everything[i] - centre, everything[j] - centre
        near = np.exp(-np.sum((a - b) ** 2) / scale / (2 * chosen.length**2))
        found[i, j] = chosen.linear * (a @ b) / scale + (1 - chosen.linear) * near
    return found


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(4, 12), chosen=CHOICES)
def test_predictions_are_the_conditioned_normal(seed: int, count: int, chosen: Settings) -> None:
    features, scores, extra, asked = points(seed, count, 3)
    spread, mean = scores.std(), scores.mean()
    joint = covariance(features, np.vstack([features, asked]), chosen)
    noisy = joint[:count, :count] + np.diag(chosen.noise + extra / spread**2)
    across, inverse = joint[count:, :count], np.linalg.inv(noisy)
    wanted = mean + across @ inverse @ (scores - mean)
    variance = np.diag(joint[count:, count:] - across @ inverse @ across.T) * spread**2
    found = regression.fit(features, scores, extra, chosen)
    ours, deviation = found.predict(asked)
    assert ours == pytest.approx(wanted, abs=1e-9)
    assert deviation**2 == pytest.approx(variance, abs=1e-9)
    density = multivariate_normal(np.zeros(count), noisy).logpdf((scores - mean) / spread)
    assert found.likelihood == pytest.approx(density + count / 2 * np.log(2 * np.pi))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_settings_are_the_most_probable_ones(seed: int) -> None:
    features, scores, extra, _ = points(seed, 15, 0)
    chosen = regression.choose(features, scores, extra)
    grid = [
        Settings(linear=a, length=b, noise=c)
        for a, b, c in itertools.product(LINEAR, LENGTHS, NOISES)
    ]

    def logs(one: Settings) -> float:
        known = regression.fit(features, scores, extra, one).likelihood
        beside = norm.logpdf(one.linear, 0.8, 0.3)
        beside += norm.logpdf(np.log2(one.length), 1.0, 1.0)
        beside += norm.logpdf(np.log(one.noise / 0.3) / np.log(3.0), 0.0, 1.0)
        return known + float(beside)

    assert logs(chosen) == pytest.approx(max(map(logs, grid)))
