"""HyperOpt's tree-structured Parzen estimator, the sampler of the poster, on the space's own tree.

The space becomes nested `hp.choice` nodes, a parameter standing inside the option that opens it,
so that conditions need no encoding: HyperOpt itself leaves a parameter out where its branch was
not taken. HyperOpt models every parameter by itself, given its branch.

HyperOpt knows a loss only, and TPE uses nothing but its order. What it is told:

- a full training: the loss -score, at most 0;
- a training that ended early: a loss above every full training's, the furthest first and then by
  score, so that an early score is never compared with a final one;
- no score (infeasible, diverged, failed): STATUS_FAIL, which TPE ranks last of all;
- a pending point: nothing, which TPE takes for as bad until it is told.
"""

import math
import random
from collections.abc import Sequence
from typing import Annotated, Any

from hyperopt import STATUS_FAIL, STATUS_NEW, STATUS_OK, hp, tpe
from hyperopt.base import JOB_STATE_DONE, Domain, Trials
from pydantic import Field

from search.samplers.protocol import Choices, Outcome, derived, drawn, key, open_part
from space.domains import Categorical, Integer, Parameter, Scalar, Uniform
from space.domains import Domain as Values
from space.space import Space
from space.validation import Value

Document = dict[str, Any]


class Options(Value):
    """What may be set of HyperOpt's TPE."""

    startup: Annotated[int, Field(ge=1)] = 20
    """Points drawn from the space itself before the model is asked."""
    candidates: Annotated[int, Field(ge=1)] = 24
    """Draws from the model of the good points, of which the best is suggested."""
    gamma: Annotated[float, Field(gt=0, le=1)] = 0.25
    """The good points are the best gamma * sqrt(number of points)."""


class HyperoptSampler:
    """`hyperopt.tpe.suggest` on trials of our own, without `fmin`."""

    def __init__(self, space: Space, seed: int, options: Options) -> None:
        self._space, self._seed, self._options = space, seed, options
        self._parameters = {p.path: p for p in space.parameters}
        self._domain = Domain(_never_called, _nested(space.parameters, ()))
        self._trials = Trials()
        self._pending: dict[str, list[Document]] = {}

    def ask(self) -> Choices:
        number = len(self._trials.trials)
        seed = derived(self._seed, "hyperopt", number)
        if number < self._options.startup:
            choices: Choices = drawn(self._space.parameters, random.Random(seed))
            self.recall(choices)
            return choices
        [document] = tpe.suggest(
            [number],
            self._domain,
            self._trials,
            seed,
            n_startup_jobs=0,
            n_EI_candidates=self._options.candidates,
            gamma=self._options.gamma,
            verbose=False,
        )
        values = {path: found[0] for path, found in document["misc"]["vals"].items() if found}
        flat = {path: _decode(self._parameters[path].domain, v) for path, v in values.items()}
        choices = open_part(self._parameters.values(), flat)
        self.recall(choices)
        return choices

    def recall(self, choices: Choices) -> None:
        number = len(self._trials.trials)
        active = {path: path in choices for path in self._parameters}
        misc = {
            "tid": number,
            "cmd": self._domain.cmd,
            "workdir": self._domain.workdir,
            "idxs": {path: [number] if there else [] for path, there in active.items()},
            "vals": {
                path: [_encode(self._parameters[path].domain, choices[path])] if there else []
                for path, there in active.items()
            },
        }
        documents = self._trials.new_trial_docs([number], [None], [{"status": STATUS_NEW}], [misc])
        self._trials.insert_trial_docs(documents)
        self._trials.refresh()
        self._pending.setdefault(key(choices), []).append(self._trials.trials[-1])

    def tell(self, choices: Choices, outcome: Outcome) -> None:
        if not (waiting := self._pending.get(key(choices))):
            self.recall(choices)
            waiting = self._pending[key(choices)]
        document = waiting.pop(0)
        document["state"] = JOB_STATE_DONE
        document["result"] = (
            {"status": STATUS_FAIL}
            if outcome.score is None
            else {"status": STATUS_OK, "loss": loss(outcome.score, outcome.fidelity)}
        )


create = HyperoptSampler


def loss(score: float, fidelity: float) -> float:
    """A loss whose order is that of (fidelity is full, fidelity, score), best first.

    Full trainings have -score in -1..0; the others 1 + (1 - fidelity), lowered by less than the
    distance between two fidelities of up to 1000 epochs.
    """
    if fidelity >= 1.0:
        return -score
    return 2.0 - fidelity - 1e-3 * score


def _nested(parameters: Sequence[Parameter], branch: tuple[tuple[str, Scalar], ...]) -> Document:
    """The parameters that stand directly in `branch`, each with what it opens inside it."""
    here = [p for p in parameters if p.condition == branch]
    return {p.path: _node(p, parameters) for p in here}


def _node(parameter: Parameter, parameters: Sequence[Parameter]) -> Any:
    path, domain = parameter.path, parameter.domain
    if isinstance(domain, Categorical):
        options = [
            {"option": place, "opens": _nested(parameters, (*parameter.condition, (path, label)))}
            for place, label in enumerate(domain.options)
        ]
        if domain.weights is None:
            return hp.choice(path, options)
        whole = sum(domain.weights)
        parts = [weight / whole for weight in domain.weights]
        return hp.pchoice(path, list(zip(parts, options, strict=True)))
    if isinstance(domain, Integer):
        # Half a step beyond both ends, so that the ends are as likely as what lies between.
        low, high = domain.low - 0.5, domain.high + 0.5
        if domain.log:
            return hp.qloguniform(path, math.log(low), math.log(high), 1)
        return hp.quniform(path, low, high, 1)
    if domain.log:
        return hp.loguniform(path, math.log(domain.low), math.log(domain.high))
    return hp.uniform(path, domain.low, domain.high)


def _decode(domain: Values, value: Any) -> Scalar:
    """HyperOpt's number as a value of the domain; rounding may not leave the domain."""
    if isinstance(domain, Categorical):
        return domain.options[int(value)]
    number = min(max(value, domain.low), domain.high)
    return float(number) if isinstance(domain, Uniform) else round(number)


def _encode(domain: Values, value: Any) -> Any:
    return domain.options.index(value) if isinstance(domain, Categorical) else value


def _never_called(point: object) -> float:
    raise AssertionError("trials are evaluated by the workers, not by HyperOpt")
