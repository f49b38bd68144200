"""Is one property of networks good, or only that of a good family?

What a search suggests descends from what was good before: the best are alike in much that does not
matter. So a property's effect is estimated beside a random effect of all other choices, as in
genetics, where relatives share genes: the linear mixed model (Henderson 1975, Biometrics 31:423;
Kang et al. 2008, Genetics 178:1709) with fixed shares of HERITABLE and remaining variance, whose
sum is estimated. By Woodbury's identity it takes the choices' cross products alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from dashboards.findings.chances import Marks, Numbers
from dashboards.frames import CHOICE
from space.choices.domains import Categorical, Parameter

HERITABLE = 0.8


class Kinship:
    """The choices of some networks, as columns of numbers, and what is alike in them."""

    def __init__(self, parameters: Sequence[Parameter], trials: pd.DataFrame) -> None:
        columns: list[Numbers] = []
        self._owners: list[str] = []
        for parameter in parameters:
            if CHOICE + parameter.path in trials:
                for column in _encode(parameter, trials[CHOICE + parameter.path]):
                    moved = column - column.mean()
                    if moved.any():
                        columns.append(moved)
                        self._owners.append(parameter.path)
        self._design = np.array(columns).T if columns else np.zeros((len(trials), 0))
        self._cross = self._design.T @ self._design

    def measure_effect(self, choice: str, within: Marks, scores: Numbers) -> float:
        """By how many of its standard errors the mean score of the networks `within` is above the
        others', the kinship by all choices but `choice` and those below it allowed for. 0 where
        all are within.
        """
        if within.all():
            return 0.0
        kept = np.array([not _is_below(owner, choice) for owner in self._owners], dtype=bool)
        design, n = self._design[:, kept], len(scores)
        variances = float((design**2).sum()) / n
        ratio = variances * (1 - HERITABLE) / HERITABLE if variances else 1.0
        inner = self._cross[np.ix_(kept, kept)] + ratio * np.eye(int(kept.sum()))
        fixed = np.column_stack([np.ones(n), within.astype(float)])
        both = np.column_stack([fixed, scores])
        across = design.T @ both
        whitened = both.T @ both - across.T @ np.linalg.solve(inner, across)
        left, right = whitened[:2, :2], whitened[:2, 2]
        effects = np.linalg.solve(left, right)
        remaining = float(whitened[2, 2] - right @ effects) / (n - 2)
        error = math.sqrt(max(remaining, 1e-12) * float(np.linalg.inv(left)[1, 1]))
        return float(effects[1]) / error


def _encode(parameter: Parameter, values: pd.Series) -> list[Numbers]:
    """One column an option, or one of a number; 0 where the choice was not open."""
    if isinstance(parameter.domain, Categorical):
        return [(values == option).to_numpy().astype(float) for option in parameter.domain.options]
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(float)
    there = ~np.isnan(numbers)
    if not there.any():
        return []
    if parameter.domain.log:
        numbers = np.log(numbers)
    spread = float(numbers[there].std()) or 1.0
    moved = np.where(there, (numbers - numbers[there].mean()) / (2 * spread), 0.0)
    return [moved, there.astype(float)]


def _is_below(path: str, choice: str) -> bool:
    return path == choice or path.startswith(f"{choice}.")
