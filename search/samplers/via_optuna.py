"""Optuna's tree-structured Parzen estimator on a fixed-length encoding of the space.

Optuna's multivariate model covers only the parameters that every trial has, and a conditional
space has few of those: the others would be drawn one by one, without a word. So every parameter
of the space has a slot in every trial. A slot whose branch was not taken holds a filler, a draw
from the parameter's own distribution that depends on the taken choices alone: it says nothing
about good or bad, and the same point always has the same encoding.

What Optuna is told:

- a full training: COMPLETE with its score;
- a training that ended early: PRUNED with its score at its fidelity. TPE ranks such trials below
  every complete one, the furthest first and then by score, so that an early score is never
  compared with a final one;
- no score (infeasible, diverged, failed): PRUNED with a violated constraint, ranked last of all,
  so that the region is learned to be bad instead of being forgotten.
"""

import random
from collections.abc import Mapping
from typing import Annotated, Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState
from pydantic import Field

from search.samplers.protocol import Choices, Outcome, derived, drawn, key, open_part
from space.domains import Categorical, Domain, Scalar, Uniform
from space.space import Space
from space.validation import Value

FIDELITY_STEPS = 1000  # Optuna's steps are whole numbers: one is this part of a full training

Slots = dict[str, Any]


class Options(Value):
    """What may be set of Optuna's TPE."""

    startup: Annotated[int, Field(ge=1)] = 10
    """Points drawn from the space itself before the model is asked."""
    candidates: Annotated[int, Field(ge=1)] = 24
    """Draws from the model of the good points, of which the best is suggested."""


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
            if not (distribution := _distribution(p.domain)).single()
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


class OptunaSampler:
    """TPE as Optuna ships it: multivariate, with the constant liar for pending points."""

    def __init__(self, space: Space, seed: int, options: Options) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space, self._seed, self._options = space, seed, options
        self._encoding = Encoding(space)
        self._study = optuna.create_study(direction="maximize", sampler=self._tpe(0))
        self._pending: dict[str, list[Trial]] = {}
        self._asked = 0

    def ask(self) -> Choices:
        seed = derived(self._seed, "optuna", self._asked)
        if self._asked < self._options.startup:
            choices: Choices = drawn(self._space.parameters, random.Random(seed))
            self._enter(_Given(self._encoding, choices))
            return choices
        return self._enter(self._tpe(seed))

    def recall(self, choices: Choices) -> None:
        self._enter(_Given(self._encoding, choices))

    def tell(self, choices: Choices, outcome: Outcome) -> None:
        if not (waiting := self._pending.get(key(choices))):
            self.recall(choices)
            waiting = self._pending[key(choices)]
        trial = waiting.pop(0)
        if outcome.final:
            self._study.tell(trial, outcome.score)
            return
        if outcome.score is None:
            trial.set_constraint("has a score", 1.0)  # above zero is violated
        else:
            trial.report(outcome.score, step=round(outcome.fidelity * FIDELITY_STEPS))
        self._study.tell(trial, state=TrialState.PRUNED)

    def _enter(self, sampler: optuna.samplers.BaseSampler) -> Choices:
        """A new pending trial at the point that `sampler` answers with."""
        self._study.sampler = sampler
        self._asked += 1
        trial = self._study.ask(self._encoding.distributions)
        choices = self._encoding.open(trial.params)
        self._pending.setdefault(key(choices), []).append(trial)
        return choices

    def _tpe(self, seed: int) -> "_Joint":
        # A new sampler for every question: its random numbers then depend on the question's
        # number alone, and a replayed study answers as one that was never interrupted.
        return _Joint(
            self._encoding, seed=seed, n_startup_trials=0, n_ei_candidates=self._options.candidates
        )


create = OptunaSampler


class _Joint(TPESampler):
    """TPE over all slots at once, whose suggestions are written back in canonical encoding."""

    def __init__(self, encoding: Encoding, **options: Any) -> None:
        super().__init__(multivariate=True, constant_liar=True, **options)
        self._encoding = encoding

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return dict(self._encoding.distributions)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> Slots:
        drawn = super().sample_relative(study, trial, search_space)
        return self._encoding.slots(self._encoding.open(drawn))


class _Given(optuna.samplers.RandomSampler):
    """Answers with the slots of the point that it was made with."""

    def __init__(self, encoding: Encoding, choices: Choices) -> None:
        super().__init__()
        self._encoding, self._choices = encoding, choices

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return dict(self._encoding.distributions)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> Slots:
        return self._encoding.slots(self._choices)


def _distribution(domain: Domain) -> BaseDistribution:
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
