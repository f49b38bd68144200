"""Optuna's private interfaces that the samplers use, in one place.

Optuna is pinned to a minor version (search/host/libraries.py); raising it means reading this
module against the new one: tests/test_private_names.py says which names are gone.
tests/search/test_samplers.py compares our answers with those of an Optuna study, so that a change
of what these names mean does not pass unnoticed.

- `ParzenEstimator`, its mixture, the parameters of `DefaultTPE` and `default_gamma`: the model of
  TPE without a study.
- `log_gauss_mass`, `NORM_PDF_LOG_C`: Optuna's truncated normal distribution.
- `ChildGeneration`, `ElitePopulationSelection`, `LazyRandomState`: the steps of NSGA-II.
"""

from typing import Any

from optuna.samplers import TPESampler
from optuna.samplers._lazy_random_state import LazyRandomState
from optuna.samplers._tpe._truncnorm import _log_gauss_mass as log_gauss_mass
from optuna.samplers._tpe._truncnorm import _norm_pdf_logC as NORM_PDF_LOG_C
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator
from optuna.samplers._tpe.probability_distributions import (
    _BatchedCategoricalDistributions as BatchedCategoricalDistributions,
)
from optuna.samplers._tpe.probability_distributions import (
    _MixtureOfProductDistribution as MixtureOfProductDistribution,
)
from optuna.samplers._tpe.sampler import default_gamma
from optuna.samplers.nsgaii._child_generation_strategy import (
    NSGAIIChildGenerationStrategy as ChildGeneration,
)
from optuna.samplers.nsgaii._elite_population_selection_strategy import (
    NSGAIIElitePopulationSelectionStrategy as ElitePopulationSelection,
)

__all__ = [
    "NORM_PDF_LOG_C",
    "BatchedCategoricalDistributions",
    "ChildGeneration",
    "DefaultTPE",
    "ElitePopulationSelection",
    "LazyRandomState",
    "MixtureOfProductDistribution",
    "ParzenEstimator",
    "default_gamma",
    "log_gauss_mass",
]


class ParzenEstimator(_ParzenEstimator):
    """Optuna's estimator of the density of some points, by distribution."""

    @property
    def mixture(self) -> MixtureOfProductDistribution:
        """The density that it has fitted."""
        return self._mixture_distribution


class DefaultTPE(TPESampler):
    """Optuna's multivariate TPE with its defaults. It is never asked for a point."""

    def __init__(self) -> None:
        super().__init__(multivariate=True)

    @property
    def estimator_parameters(self) -> Any:
        """What its estimators are made with."""
        return self._parzen_estimator_parameters
