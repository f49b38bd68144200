"""Optuna's tree-structured Parzen estimator on a fixed-length encoding of the space.

Optuna's multivariate model covers only the parameters that every trial has, and a conditional
space has few of those: the others would be drawn one by one, without a word. So every parameter
of the space has a slot in every trial. A slot whose branch was not taken holds a filler, a draw
from the parameter's own distribution that depends on the taken choices alone: it says nothing
about good or bad, and the same point always has the same encoding.

How points are ranked, as Optuna's TPE does it:

- a full training by its score;
- a training that ended early below every full one, the furthest first and then by score, so that
  an early score is never compared with a final one;
- no score (infeasible, diverged, failed) last of all, so that the region is learned to be bad
  instead of being forgotten;
- a pending point counts among the bad ones until its outcome arrives (the constant liar).

The estimators are Optuna's own; its Study is not used. A study keeps a trial as an object and
encodes all of them again for every question: at 5,000 trials that is two thirds of the time. Here
the encoded points are the rows of one table, and the answers are those of a study with the same
trials (tests/search/test_samplers.py compares the two).
"""

import random
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from pydantic import Field

from search.samplers.optuna_internals import (
    NORM_PDF_LOG_C,
    BatchedCategoricalDistributions,
    DefaultTPE,
    MixtureOfProductDistribution,
    ParzenEstimator,
    default_gamma,
    log_gauss_mass,
)
from search.samplers.protocol import Choices, Outcome, derive_seed, draw_point, key, open_part
from space.choices.domains import Categorical, Domain, Scalar, Uniform
from space.documents.bounds import SAMPLED
from space.documents.validation import Value
from space.space import Space

FIDELITY_STEPS = 1000  # fidelities that differ by less than this part count as equal

PENDING, COMPLETE, EARLY, NO_SCORE = range(4)
"""What a row of the table is, in the order in which Optuna takes them for good ones."""

Slots = dict[str, Any]
Numbers = NDArray[np.float64]
Rows = NDArray[np.intp]


class Encoding:
    """Between the flat form (open parameters only) and Optuna's slots (always all of them).

    Options stand in slots by their place, since two labels may be equal to Python (1 and true).
    A parameter that can take one value only has no slot.
    """

    def __init__(self, space: Space) -> None:
        self._parameters = space.parameters
        self.distributions = {
            p.path: distribution
            for p in space.parameters
            if not (distribution := make_distribution(p.domain)).single()
        }

    def open(self, slots: Mapping[str, Any]) -> dict[str, Scalar]:
        """The point that the slots stand for."""
        flat = {p.path: _value(p.domain, slots.get(p.path)) for p in self._parameters}
        return open_part(self._parameters, flat)

    def slots(self, choices: Choices) -> Slots:
        """The slots that stand for a point, fillers in place."""
        rng = random.Random(key(choices))
        filled: Slots = {}
        for p in self._parameters:
            filler = p.domain.draw(rng)  # always drawn: the next filler depends on it
            if p.path in self.distributions:
                filled[p.path] = _slot(p.domain, choices.get(p.path, filler))
        return filled

    def row(self, choices: Choices) -> list[float]:
        """The slots of a point as numbers."""
        return [float(slot) for slot in self.slots(choices).values()]


class PointTable:
    """The points that were asked for, one row each in the order of asking."""

    def __init__(self, width: int) -> None:
        self.length = 0
        self._points: Numbers = np.empty((64, width))
        self._kinds = np.empty(64, dtype=np.int8)
        self._ranks: Numbers = np.empty((64, 2))

    def add(self, point: list[float]) -> int:
        """A new pending row; gives its place."""
        if self.length == len(self._kinds):
            self._points = np.concatenate([self._points, np.empty_like(self._points)])
            self._kinds = np.concatenate([self._kinds, np.empty_like(self._kinds)])
            self._ranks = np.concatenate([self._ranks, np.empty_like(self._ranks)])
        self._points[self.length] = point
        self._kinds[self.length] = PENDING
        self._ranks[self.length] = 0.0
        self.length += 1
        return self.length - 1

    def tell(self, row: int, outcome: Outcome) -> None:
        """Take the outcome of a row."""
        if outcome.final:
            self._kinds[row], self._ranks[row] = COMPLETE, (0.0, -(outcome.score or 0.0))
        elif outcome.score is None:
            self._kinds[row] = NO_SCORE
        else:
            step = round(outcome.fidelity * FIDELITY_STEPS)
            self._kinds[row], self._ranks[row] = EARLY, (-step, -outcome.score)

    def split(self) -> tuple[Numbers, Numbers]:
        """The good points and the others, each in the order of asking."""
        kinds = self._kinds[: self.length]
        ended: Rows = np.flatnonzero(kinds != PENDING)
        ranks = self._ranks[ended]
        # Of equals the older one is the better one.
        best_first = ended[np.lexsort((ended, ranks[:, 1], ranks[:, 0], kinds[ended]))]
        good = np.zeros(self.length, dtype=bool)
        good[best_first[: default_gamma(len(ended))]] = True
        points = self._points[: self.length]
        return points[good], points[~good]


class OptunaSampler:
    """TPE with Optuna's defaults: multivariate, with the constant liar for pending points."""

    class Options(Value):
        """The options of Optuna's TPE."""

        startup: Annotated[int, Field(ge=1, le=SAMPLED)] = 10
        """Points drawn from the space itself before the model is asked."""
        candidates: Annotated[int, Field(ge=1, le=SAMPLED)] = 24
        """Draws from the model of the good points, of which the best is suggested."""

    def __init__(self, space: Space, seed: int, options: Options) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space, self._seed, self._options = space, seed, options
        self._encoding = Encoding(space)
        self._table = PointTable(len(self._encoding.distributions))
        self._defaults = DefaultTPE().estimator_parameters
        self._pending: dict[str, list[int]] = {}

    def ask(self) -> Choices:
        """A draw from the space during startup, then TPE's suggestion."""
        # New random numbers for every question, which depend on the question's number alone: a
        # replayed sampler answers as one that was never interrupted.
        seed = derive_seed(self._seed, "optuna", self._table.length)
        if self._table.length < self._options.startup or not self._encoding.distributions:
            choices: Choices = draw_point(self._space.parameters, random.Random(seed))
        else:
            choices = self._encoding.open(self._suggest(seed))
        self.recall(choices)
        return choices

    def recall(self, choices: Choices) -> None:
        """Add a pending row, which counts among the bad points until `tell`."""
        row = self._table.add(self._encoding.row(choices))
        self._pending.setdefault(key(choices), []).append(row)

    def tell(self, choices: Choices, outcome: Outcome) -> None:
        """Rank the oldest pending row of a point, or a new one if none was asked for."""
        point = key(choices)
        if point not in self._pending:
            self.recall(choices)
        waiting = self._pending[point]
        self._table.tell(waiting.pop(0), outcome)
        if not waiting:
            del self._pending[point]

    def _suggest(self, seed: int) -> Slots:
        """The slots of the best of some draws from the model of the good points."""
        good, others = (self._estimator(points) for points in self._table.split())
        candidates = good.sample(np.random.RandomState(seed), self._options.candidates)
        points = np.array([candidates[name] for name in self._encoding.distributions]).T
        gain = log_density(good.mixture, points)
        gain -= log_density(others.mixture, points)
        best = points[np.argmax(gain)]
        return {
            name: distribution.to_external_repr(_within(distribution, number.item()))
            for (name, distribution), number in zip(
                self._encoding.distributions.items(), best, strict=True
            )
        }

    def _estimator(self, points: Numbers) -> ParzenEstimator:
        distributions = self._encoding.distributions
        observations = {name: points[:, place] for place, name in enumerate(distributions)}
        return ParzenEstimator(observations, distributions, self._defaults)


def log_density(mixture: MixtureOfProductDistribution, points: Numbers) -> Numbers:
    """The log density of points [n,slots]: Optuna's `log_pdf` in less than half of its time.

    Optuna takes a logarithm for every pair of a point and a kernel; here one is taken for every
    kernel and option, and what does not depend on the point is worked out once a kernel.
    """
    total = np.zeros((len(points), len(mixture.weights)))
    constant = np.log(mixture.weights)
    for place, d in enumerate(mixture.distributions):
        at = points[:, place]
        if isinstance(d, BatchedCategoricalDistributions):
            total += np.log(d.weights).T[at.astype(np.intp)]
            continue
        low, high = ((end - d.mu) / d.sigma for end in (d.adapted_low, d.adapted_high))
        if d.step == 0.0:
            away = ((np.log(at) if d.is_log else at)[:, np.newaxis] - d.mu) / d.sigma
            away *= away
            away *= -0.5
            total += away
            constant -= np.log(d.sigma) + NORM_PDF_LOG_C
            constant -= log_gauss_mass(low, high)
            continue
        values, which = np.unique(at, return_inverse=True)
        ends = [values - d.step / 2, values + d.step / 2]
        lower, upper = (np.log(end) if d.is_log else end for end in ends)
        # Kernels at whole numbers repeat themselves: their masses are worked out once.
        kernels, back = np.unique(np.stack([d.mu, d.sigma]), axis=1, return_inverse=True)
        mu, sigma = kernels
        mass = log_gauss_mass(
            (lower[:, np.newaxis] - mu) / sigma, (upper[:, np.newaxis] - mu) / sigma
        )
        total += mass[np.ix_(which, back.ravel())]
        constant -= log_gauss_mass(low, high)
    total += constant
    return np.asarray(np.logaddexp.reduce(total, axis=1))


def _within(distribution: BaseDistribution, number: float) -> float:
    """A drawn number inside its domain, which rounding may have left."""
    if isinstance(distribution, FloatDistribution | IntDistribution):
        return float(min(max(number, distribution.low), distribution.high))
    return number


def make_distribution(domain: Domain) -> BaseDistribution:
    """A domain as Optuna has it; an option is known by its place."""
    if isinstance(domain, Categorical):
        return CategoricalDistribution(range(len(domain.options)))
    if isinstance(domain, Uniform):
        return FloatDistribution(domain.low, domain.high, log=domain.log)
    return IntDistribution(domain.low, domain.high, log=domain.log)


def _value(domain: Domain, slot: Any) -> Scalar:
    """The value that a slot stands for; None is the slot of a parameter with one value."""
    if isinstance(domain, Categorical):
        return domain.options[slot or 0]
    value: Scalar = domain.low if slot is None else slot
    return value


def _slot(domain: Domain, value: Scalar) -> Any:
    return domain.options.index(value) if isinstance(domain, Categorical) else value
