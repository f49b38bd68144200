"""Optuna's private interfaces: what they give is what Optuna's own TPE works with."""

from __future__ import annotations

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.samplers import TPESampler

from search.samplers.optuna_internals import (
    NORM_PDF_LOG_C,
    DefaultTPE,
    ParzenEstimator,
    log_gauss_mass,
)

DISTRIBUTIONS = {"x": FloatDistribution(0.0, 1.0), "kind": CategoricalDistribution(range(3))}


def test_the_parameters_are_those_of_optuna_s_own_sampler() -> None:
    own = TPESampler(multivariate=True)
    assert DefaultTPE().estimator_parameters == own._parzen_estimator_parameters


def test_the_mixture_has_the_estimator_s_density() -> None:
    points = {"x": np.array([0.1, 0.2, 0.7]), "kind": np.array([0, 0, 2])}
    estimator = ParzenEstimator(points, DISTRIBUTIONS, DefaultTPE().estimator_parameters)
    drawn = estimator.sample(np.random.RandomState(0), 5)
    assert estimator.mixture.log_pdf(
        np.array([drawn[name] for name in DISTRIBUTIONS]).T
    ) == pytest.approx(estimator.log_pdf(drawn))


def test_the_normal_distribution_is_the_standard_one() -> None:
    assert pytest.approx(0.5 * np.log(2 * np.pi)) == NORM_PDF_LOG_C
    mass = log_gauss_mass(np.array([-1.0]), np.array([1.0]))
    assert np.exp(mass) == pytest.approx(0.6827, abs=1e-4)
