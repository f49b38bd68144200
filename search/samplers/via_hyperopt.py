"""HyperOpt's tree-structured Parzen estimator, the sampler of the poster, on the space's own tree.

The space becomes nested `hp.choice` nodes, a parameter standing inside the option that opens it,
so that conditions need no encoding: HyperOpt itself leaves a parameter out where its branch was
not taken. HyperOpt models every parameter by itself, given its branch.

HyperOpt knows a loss only, and TPE uses nothing but its order. What it receives:

- a full training: the loss -score, at most 0;
- a training that ended early: a loss above every full training's, the furthest first and then by
  score, so that an early score is never compared with a final one;
- no score (infeasible, diverged, failed), and a pending point: no loss, which TPE ranks last.

The model is HyperOpt's own (`tpe.build_posterior`), but `tpe.suggest` is not called: it collects
the values of all trials from their documents for every question, and splits them once a
parameter. Here they are kept in a table, the graph of the model is built once, and whole numbers
are weighed in one step instead of a loop over all points. The suggestions are those of
`tpe.suggest` with the same trials (tests/search/test_samplers.py compares the two).
"""

import math
import random
from array import array
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from hyperopt import hp, pyll, tpe
from hyperopt.base import Domain
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import erf  # type: ignore[import-untyped]

from search.samplers.protocol import Choices, Outcome, derive_seed, draw_point, key, open_part
from space.choices.domains import Categorical, Integer, Parameter, Scalar, Uniform
from space.choices.domains import Domain as Values
from space.documents.bounds import SAMPLED
from space.documents.validation import Value
from space.space import Space

Document = dict[str, Any]
Numbers = NDArray[np.float64]

MOST_GOOD = 25
"""HyperOpt's limit to the number of good points, and to those that keep their full weight."""


class HyperoptSampler:
    """HyperOpt's TPE on a table of our own, without `fmin` and its `Trials`."""

    class Options(Value):
        """The options of HyperOpt's TPE."""

        startup: Annotated[int, Field(ge=1, le=SAMPLED)] = 20
        """Points drawn from the space itself before the model is asked."""
        candidates: Annotated[int, Field(ge=1, le=SAMPLED)] = 24
        """Draws from the model of the good points, of which the best is suggested."""
        gamma: Annotated[float, Field(gt=0, le=1)] = 0.25
        """The good points are the best gamma * sqrt(number of points)."""

    def __init__(self, space: Space, seed: int, options: Options) -> None:
        self._space, self._seed, self._options = space, seed, options
        self._parameters = {p.path: p for p in space.parameters}
        self._model = Posterior(space.parameters, options)
        # Of every parameter, the points where it was open and its values there, as buffers that
        # NumPy reads without a look at each number.
        self._points = {path: array("q") for path in self._parameters}
        self._values = {p.path: array(_code(p.domain)) for p in self._parameters.values()}
        self._losses: list[float] = []
        self._pending: dict[str, list[int]] = {}

    def ask(self) -> Choices:
        """A draw from the space during startup, then TPE's suggestion."""
        number = len(self._losses)
        seed = derive_seed(self._seed, "hyperopt", number)
        if number < self._options.startup or not self._parameters:
            choices: Choices = draw_point(self._space.parameters, random.Random(seed))
        else:
            values = self._model.suggest(number, seed, self._split())
            flat = {path: decode(self._parameters[path].domain, v) for path, v in values.items()}
            choices = open_part(self._parameters.values(), flat)
        self.recall(choices)
        return choices

    def _split(self) -> "dict[str, tuple[Numbers, Numbers]]":
        """Of every parameter, its values in the good points and in the others."""
        count = math.ceil(self._options.gamma * math.sqrt(len(self._losses)))
        # Of equals the older one is the better one.
        best_first = np.argsort(self._losses, kind="stable")
        good = np.zeros(len(self._losses), dtype=bool)
        good[best_first[: min(count, MOST_GOOD)]] = True
        parts = {}
        for path, values in self._values.items():
            here = good[np.frombuffer(self._points[path], dtype=np.int64)]
            there = np.frombuffer(values, dtype=values.typecode)
            parts[path] = there[here], there[~here]
        return parts

    def recall(self, choices: Choices) -> None:
        """Add a pending point, which TPE ranks last until `tell`."""
        number = len(self._losses)
        for path, choice in choices.items():
            self._points[path].append(number)
            self._values[path].append(encode(self._parameters[path].domain, choice))
        self._losses.append(math.inf)
        self._pending.setdefault(key(choices), []).append(number)

    def tell(self, choices: Choices, outcome: Outcome) -> None:
        """Give the oldest pending row of a point its loss; without a score it stays last."""
        point = key(choices)
        if point not in self._pending:
            self.recall(choices)
        waiting = self._pending[point]
        number = waiting.pop(0)
        if not waiting:
            del self._pending[point]
        if outcome.score is not None:
            self._losses[number] = loss(outcome.score, outcome.fidelity)


class Posterior:
    """HyperOpt's posterior over a space, to be fed with what was observed."""

    def __init__(self, parameters: Sequence[Parameter], options: HyperoptSampler.Options) -> None:
        self._candidates = options.candidates
        self._domain = Domain(_never_called, nest(parameters))
        observed, losses, posterior = tpe.build_posterior_wrapper(
            self._domain, prior_weight=1.0, gamma=options.gamma
        )
        self._unused = [*observed.values(), *losses.values()]
        self._posterior = pyll.as_apply(posterior)
        self._splits: dict[str, Any] = {}
        for node in pyll.dfs(self._posterior):
            if node.name == "ap_split_trials":
                # Its first input is the item of the observed points under the parameter's name.
                self._splits[node.pos_args[0].pos_args[1].obj] = node
            elif node.name in FASTER and _has_step(node):
                node.name = FASTER[node.name]

    def suggest(
        self, number: int, seed: int, observed: dict[str, tuple[Numbers, Numbers]]
    ) -> dict[str, Any]:
        """The values of the open parameters in the point `number`, as HyperOpt writes them."""
        draws = list(range(number, number + self._candidates))
        memo = {self._domain.s_new_ids: draws, self._domain.s_rng: np.random.default_rng(seed)}
        memo |= dict.fromkeys(self._unused)
        memo |= {self._splits[path]: parts for path, parts in observed.items()}
        points, values = pyll.rec_eval(self._posterior, memo=memo, print_node_on_error=False)
        # All draws of a parameter are its best one; the first point has what the others have.
        return {
            path: values[path][list(numbers).index(number)]
            for path, numbers in points.items()
            if number in numbers
        }


def _has_step(node: Any) -> bool:
    """Whether a density of the model is one of whole numbers: it has a step `q`."""
    step = dict(node.named_args).get("q")
    return step is not None and step.obj is not None


@pyll.scope.define  # type: ignore[untyped-decorator]  # HyperOpt has no types
def ventral_whole_lpdf(
    samples: Numbers,
    weights: Numbers,
    mus: Numbers,
    sigmas: Numbers,
    low: float,
    high: float,
    q: float,
) -> Numbers:
    """HyperOpt's `GMM1_lpdf` with `q`, all kernels at once."""
    ends = np.minimum(samples + q / 2, high), np.maximum(samples - q / 2, low)
    return _whole(ends, (low, high), weights, mus, sigmas)


@pyll.scope.define  # type: ignore[untyped-decorator]  # HyperOpt has no types
def ventral_log_whole_lpdf(
    samples: Numbers,
    weights: Numbers,
    mus: Numbers,
    sigmas: Numbers,
    low: float,
    high: float,
    q: float,
) -> Numbers:
    """HyperOpt's `LGMM1_lpdf` with `q`, all kernels at once."""
    least = np.exp(low)
    ends = np.minimum(samples + q / 2, np.exp(high)), np.maximum(samples - q / 2, least)
    logs = np.log(ends[0]), np.log(ends[1])
    return _whole(logs, (low, high), weights, mus, sigmas)


FASTER = {"GMM1_lpdf": "ventral_whole_lpdf", "LGMM1_lpdf": "ventral_log_whole_lpdf"}
"""Nodes of the model that loop over all kernels, and what takes their place."""


def _whole(
    ends: tuple[Numbers, Numbers],
    bounds: tuple[float, float],
    weights: Numbers,
    mus: Numbers,
    sigmas: Numbers,
) -> Numbers:
    """Log probability of the intervals with these (upper, lower) ends, given the bounds."""
    width = np.maximum(np.sqrt(2) * sigmas, 1e-12)
    at = [0.5 * erf((end[:, np.newaxis] - mus) / width) for end in ends]
    low, high = (0.5 * erf((bound - mus) / width) for bound in bounds)
    whole = np.sum(weights * (high - low))
    return np.asarray(np.log((at[0] - at[1]) @ weights) - np.log(whole))


def loss(score: float, fidelity: float) -> float:
    """A loss whose order is that of (fidelity is full, fidelity, score), best first.

    Full trainings have -score in -1..0; the others 1 + (1 - fidelity), lowered by less than the
    distance between two fidelities of up to 1000 epochs.
    """
    if fidelity >= 1.0:
        return -score
    return 2.0 - fidelity - 1e-3 * score


def nest(parameters: Sequence[Parameter]) -> Document:
    """The space as HyperOpt has it: the parameters that are always open, each with what it opens
    inside it. One that several branches open is one node in all of them.
    """
    inside: dict[tuple[str, Scalar] | None, list[str]] = {}
    for parameter in parameters:
        openers = [condition[-1] if condition else None for condition in parameter.conditions]
        for opener in dict.fromkeys(openers):
            inside.setdefault(opener, []).append(parameter.path)
    nodes: dict[str, Any] = {}
    for parameter in reversed(parameters):  # what is inside stands behind what opens it
        path, domain = parameter.path, parameter.domain
        if isinstance(domain, Categorical):
            opened = [inside.get((path, label), []) for label in domain.options]
            opens = [{child: nodes[child] for child in children} for children in opened]
            nodes[path] = _choose(path, domain, opens)
        else:
            nodes[path] = _between(path, domain)
    return {path: nodes[path] for path in inside.get(None, [])}


def _choose(path: str, domain: Categorical, opens: list[Document]) -> Any:
    """A choice between options, each of which opens further parameters."""
    options = [{"option": place, "opens": inside} for place, inside in enumerate(opens)]
    if domain.weights is None:
        return hp.choice(path, options)
    whole = sum(domain.weights)
    parts = [weight / whole for weight in domain.weights]
    return hp.pchoice(path, list(zip(parts, options, strict=True)))


def _between(path: str, domain: Integer | Uniform) -> Any:
    if isinstance(domain, Integer):
        # Half a step beyond both ends, so that the ends are as likely as what lies between.
        low, high = domain.low - 0.5, domain.high + 0.5
        if domain.log:
            return hp.qloguniform(path, math.log(low), math.log(high), 1)
        return hp.quniform(path, low, high, 1)
    if domain.log:
        return hp.loguniform(path, math.log(domain.low), math.log(domain.high))
    return hp.uniform(path, domain.low, domain.high)


def decode(domain: Values, value: Any) -> Scalar:
    """HyperOpt's number as a value of the domain; rounding may not leave the domain."""
    if isinstance(domain, Categorical):
        return domain.options[int(value)]
    number = min(max(value, domain.low), domain.high)
    return float(number) if isinstance(domain, Uniform) else round(number)


def _code(domain: Values) -> str:
    """The type of a domain's numbers in a buffer."""
    return "d" if isinstance(domain, Uniform) else "q"


def encode(domain: Values, value: Any) -> Any:
    """A value of the domain as HyperOpt writes it: of options, the place."""
    return domain.options.index(value) if isinstance(domain, Categorical) else value


def _never_called(_point: object) -> float:
    raise AssertionError("trials are evaluated by the workers, not by HyperOpt")
