"""Evolution guided by a learned model of what makes a cell good: Ventral's own sampler.

A question is answered in three steps. The outcomes of the points so far are brought to one scale:
the score that a full training would reach. A Gaussian process learns that score from the words of
the cells' graphs (search/samplers/graph_features.py), from the cells' size, of which early on
nothing else says as much, and from the choices themselves. Then points near the best ones are
bred, by the grammar's own mutation and crossover; the most promising of them have children again,
for some generations, and the most promising of all that were never asked is the answer: the
highest mean plus a part of the deviation. Now and then it is the one of which the model knows
least: a branch of the space that began badly would never be tried again otherwise.

What the model learns from:

- a full training: its score;
- a training that ended early: the score that full trainings had which stood there at that epoch,
  by a regression over their curves, as uncertain as the regression is. Below all of them, where
  early stopping lets none go on, it has at least the usual slope. Where no curve says so, less
  than any full training;
- no score (infeasible, diverged, failed): worse than the worst, so that the region is learned;
- a pending point: what the model expects there, so that the next question leads elsewhere.

Version 1 read scores below those of all full trainings by the regression alone. Where it was flat,
or fell, a region in which nothing is learned was expected to be the best, was asked for again and
again, and was stopped each time: nothing could correct it.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from search.early_stopping.extrapolation import Early, Line, early_scores
from search.samplers import regression
from search.samplers.graph_features import Words, columns, counts, size, words
from search.samplers.protocol import Choices, Outcome, derive_seed, draw_point, key
from search.samplers.regression import Array, Settings
from space.choices.domains import Categorical, Scalar
from space.choices.domains import Domain as Values
from space.documents.bounds import DEVIATIONS, SAMPLED
from space.documents.validation import Value
from space.space import Space

_REFIT = 1.1  # the kernel's settings are chosen again when the points have grown by this factor
_GENERATIONS = 6  # of candidates for one question
_NUMBERS = 0.3  # the part of all mutations that change a number
_FAR = 8.0  # deviations that count in an excursion
_CHOICE = 0.5  # the weight of a choice's own word beside the words of the graph
_CURVES = 200  # the latest full trainings say how an early score is to be read
_NUMBER = 2.0  # the weight of a number's place in its interval, and of how far out it is
_SIZE = 1.8  # the weight of a deviation of the size beside the words of the graph
_SIZE_WORD = "size"  # its key among the words
_LEAST = 0.1  # the least deviation of the size (in its logarithm) that makes a difference
_NEAR = 0.5  # the part of all changes of a number that are small
_BELOW = 0.05  # below the worst score: points without a score, or without one that can be compared


@dataclass(frozen=True, kw_only=True)
class _Observation:
    key: str
    choices: Choices
    outcome: Outcome


class GuidedSampler:
    """An evolution whose children are judged by a model before they are trained."""

    version = 2

    class Options(Value):
        """The options of the guided evolution."""

        startup: Annotated[int, Field(ge=1, le=SAMPLED)] = 6
        """Points drawn from the space itself before the model is asked."""
        candidates: Annotated[int, Field(ge=2, le=SAMPLED)] = 96
        """Points bred for each question, of which the most promising is the answer."""
        parents: Annotated[int, Field(ge=1, le=SAMPLED)] = 10
        """The best points, by the model, have the children."""
        curiosity: Annotated[float, Field(ge=0, le=DEVIATIONS)] = 1.0
        """Deviations that are added to the mean: 0 trusts the model, 2 explores."""
        excursions: Annotated[int, Field(ge=0, le=SAMPLED)] = 6
        """One in this many questions is answered by where the model knows least; 0: none."""
        points: Annotated[int, Field(ge=10, le=SAMPLED)] = 300
        """The model learns from at most this many points: the best and the latest."""

    def __init__(self, space: Space, seed: int, options: Options, version: int = version) -> None:
        self._space, self._seed, self._options = space, seed, options
        self._full_scores = line_scores if version == 1 else full_scores
        self._domains = {p.path: p.domain for p in space.parameters}
        self._observations: list[_Observation] = []
        self._pending: dict[str, list[Choices]] = {}
        self._points_seen: set[str] = set()
        self._word_cache: dict[str, Words] = {}
        self._questions = 0
        self._settings, self._chosen_at = Settings(), 0

    # ---------------------------------------------------------------- the protocol

    def ask(self) -> Choices:
        """A draw from the space while there is nothing to learn from, then the best candidate."""
        rng = random.Random(derive_seed(self._seed, "guided", self._questions))
        # Of scores that are all the same, such as those of mere guesses, nothing is learned.
        scores = [one.outcome.score for one in self._observations]
        same = sum(score is not None for score in scores) < 2 or len(set(scores)) < 2
        early = self._questions < self._options.startup or same
        if early:
            choices = self._new(rng)
        else:
            with regression.one_thread():
                choices = self._best(rng)
        self.recall(choices)
        return choices

    def recall(self, choices: Choices) -> None:
        """Note a point as pending; the model assumes its own expectation there until `tell`."""
        self._questions += 1
        point = key(choices)
        self._points_seen.add(point)
        self._pending.setdefault(point, []).append(choices)

    def tell(self, choices: Choices, outcome: Outcome) -> None:
        """Add an outcome to what the model learns from."""
        point = key(choices)
        if waiting := self._pending.get(point):
            waiting.pop()
            if not waiting:
                del self._pending[point]
        self._points_seen.add(point)
        self._observations.append(_Observation(key=point, choices=choices, outcome=outcome))

    # ---------------------------------------------------------------- breeding

    def _new(self, rng: random.Random) -> Choices:
        """A draw from the space, one that was not asked before if possible."""
        for _ in range(20):
            choices = draw_point(self._space.parameters, rng)
            if key(choices) not in self._points_seen:
                break
        return choices

    def _best(self, rng: random.Random) -> Choices:
        """The most promising of the candidates."""
        points, scores, extra = self._select_points(self._observations)
        waiting = [
            self._cached_words(point, choices[0]) for point, choices in self._pending.items()
        ]
        features = [self._cached_words(point.key, point.choices) for point in points]
        model = _Model(features, scores, extra).fit(self._current_settings(), waiting)
        every = self._options.excursions
        away = every and self._questions % every == every - 1
        curiosity = _FAR if away else self._options.curiosity
        order = np.argsort(-model.known, kind="stable")[: self._options.parents]
        parents = [points[int(place)].choices for place in order]
        # The best of the children have children of their own before any is trained.
        candidates: dict[str, Choices] = {}
        value = np.zeros(0)
        for _ in range(_GENERATIONS):
            bred = self._breed(parents, rng, -(-self._options.candidates // _GENERATIONS))
            if new := {
                point: choices for point, choices in bred.items() if point not in candidates
            }:
                candidates |= new
                value = np.concatenate([value, self._promise(model, [*new.values()], curiosity)])
            if not candidates:
                return self._new(rng)
            order, everyone = np.argsort(-value, kind="stable"), [*candidates.values()]
            parents = [everyone[int(place)] for place in order[: self._options.parents]]
        return parents[0]

    def _promise(self, model: "_Fitted", points: list[Choices], curiosity: float) -> Array:
        return model.promise([self._words(choices) for choices in points], curiosity)

    def _breed(self, parents: list[Choices], rng: random.Random, count: int) -> dict[str, Choices]:
        """Different points that were never asked: children, and some draws from the space."""
        children: dict[str, Choices] = {}
        for _ in range(3 * count):
            if len(children) == count:
                break
            child = self._child(parents, rng)
            if (point := key(child)) not in self._points_seen:
                children.setdefault(point, child)
        return children

    def _child(self, parents: list[Choices], rng: random.Random) -> Choices:
        """A draw from the space, a child of a parent and a draw, of two parents, or of one."""
        kind, opened = rng.random(), self._space.opened
        if kind < 0.2:
            return draw_point(self._space.parameters, rng)
        child = parents[int(len(parents) * rng.random() ** 2)]
        if kind < 0.4:
            return opened.cross(child, draw_point(self._space.parameters, rng), rng)
        if kind < 0.6:
            child = opened.cross(child, parents[int(len(parents) * rng.random())], rng)
        while self._changeable(child):
            number = self._number(child, rng)
            near = number is not None and rng.random() < _NEAR
            child = opened.mutate(child, rng, number, near=near)
            if rng.random() < 0.5:
                break
        return child

    def _number(self, choices: Choices, rng: random.Random) -> str | None:
        """Now and then a choice that is a number.

        Rates and scales are few among the hundred choices of a large space, and decide whether a
        network trains at all.
        """
        numbers = [p for p in choices if not isinstance(self._domains[p], Categorical)]
        if not numbers or rng.random() >= _NUMBERS:
            return None
        path = numbers[int(len(numbers) * rng.random())]
        return path if self._domains[path].size != 1 else None

    def _changeable(self, choices: Choices) -> bool:
        return any(self._domains[path].size != 1 for path in choices)

    # ---------------------------------------------------------------- learning

    def _select_points(
        self, observations: list[_Observation]
    ) -> tuple[list[_Observation], Array, Array]:
        """The points that the model learns from, their scores at full training, and variances."""
        scores, extra = self._full_scores([point.outcome for point in observations])
        limit = self._options.points
        if len(scores) <= limit:
            return observations, scores, extra
        latest = set(range(len(scores) - limit // 3, len(scores)))
        best = [int(i) for i in np.argsort(-scores, kind="stable") if int(i) not in latest]
        places = sorted(latest | set(best[: limit - len(latest)]))
        return [observations[i] for i in places], scores[places], extra[places]

    def _current_settings(self) -> Settings:
        """The kernel's settings, chosen again whenever the points have grown by a part.

        They follow from the first of the points alone: a sampler that was rebuilt has the same.
        """
        count = 2
        while (more := max(count + 1, int(count * _REFIT))) <= len(self._observations):
            count = more
        if count != self._chosen_at:
            self._chosen_at = count
            points, scores, extra = self._select_points(self._observations[:count])
            words = [self._cached_words(point.key, point.choices) for point in points]
            self._settings = _Model(words, scores, extra).choose()
        return self._settings

    def _cached_words(self, point: str, choices: Choices) -> Words:
        """The features of a point that is asked about again and again, by its key."""
        if point not in self._word_cache:
            self._word_cache[point] = self._words(choices)
        return self._word_cache[point]

    def _words(self, choices: Choices) -> Words:
        """The features of a point: the graph's words, the size, the choices' own, the numbers."""
        genome = self._space.opened.close(choices)["genome"]
        features = dict(words(genome))
        features[_SIZE_WORD] = size(genome)
        for path, value in choices.items():
            domain = self._domains[path]
            if isinstance(domain, Categorical):
                features[f"{path}={value}"] = _CHOICE
            else:
                # A learning rate is best somewhere between its ends, as a line cannot say.
                place = _place(domain, value)
                features[path] = _NUMBER * place
                features[f"{path} outside"] = _NUMBER * (2 * place - 1) ** 2
        return features


@dataclass(frozen=True, kw_only=True)
class _Fitted:
    """A regression that learned: `known` are the scores that it expects of its own points [N]."""

    known: Array
    fitted: regression.Regression
    features: Callable[[list[Words]], Array]

    def promise(self, points: list[Words], curiosity: float) -> Array:
        """What points may be worth: the mean and `curiosity` deviations."""
        mean, deviation = self.fitted.predict(self.features(points))
        return mean + curiosity * deviation


class _Model:
    """The regression over words: a column for every word that any of its points has.

    The size has no unit that suits every space: it counts in deviations among the points.
    """

    def __init__(self, points: list[Words], scores: Array, extra: Array) -> None:
        self._scores, self._extra = scores, extra
        sizes = [point[_SIZE_WORD] for point in points]
        self._size, self._unit = float(np.mean(sizes)), max(float(np.std(sizes)), _LEAST)
        self._columns = columns(points)
        self._features = self._matrix(points)

    def choose(self) -> Settings:
        """The settings that suit the points best."""
        return regression.choose(self._features, self._scores, self._extra)

    def fit(self, settings: Settings, pending: list[Words]) -> _Fitted:
        """Learn; then take the expected scores of the pending points for their outcomes."""
        fitted = regression.fit(self._features, self._scores, self._extra, settings)
        known, _ = fitted.predict(self._features)
        if pending:
            waiting = self._matrix(pending)
            expected, _ = fitted.predict(waiting)
            fitted = regression.fit(
                np.vstack([self._features, waiting]),
                np.concatenate([self._scores, expected]),
                np.concatenate([self._extra, np.zeros(len(expected))]),
                settings,
            )
        return _Fitted(known=known, fitted=fitted, features=self._matrix)

    def _matrix(self, points: list[Words]) -> Array:
        matrix = counts(points, self._columns)
        sizes = matrix[:, self._columns[_SIZE_WORD]]
        sizes[:] = _SIZE * (sizes - self._size) / self._unit
        return matrix


def full_scores(outcomes: list[Outcome]) -> tuple[Array, Array]:
    """What every point would score at full training, and the variance of that guess."""
    return _full_scores(outcomes, Line.expect)


def line_scores(outcomes: list[Outcome]) -> tuple[Array, Array]:
    """The same as version 1 took it: by the line, also where none of its pairs was."""
    return _full_scores(outcomes, lambda line, early: (line.at(early), line.variance))


def _full_scores(
    outcomes: list[Outcome], expect: Callable[[Line, Early], tuple[float, float]]
) -> tuple[Array, Array]:
    scores, extra = np.zeros(len(outcomes)), np.zeros(len(outcomes))
    full = [outcome for outcome in outcomes if outcome.final]
    curves = [(early_scores(outcome.curve), outcome.score or 0.0) for outcome in full[-_CURVES:]]
    worst = min((outcome.score or 0.0 for outcome in full), default=0.0)
    lines: dict[float, Line | None] = {}
    for place, outcome in enumerate(outcomes):
        if outcome.score is None:
            continue
        scores[place] = outcome.score
        if outcome.final:
            continue
        at = outcome.fidelity
        if at not in lines:
            pairs = [(curve[at], score) for curve, score in curves if at in curve]
            lines[at] = Line.through(pairs, at) if pairs else None
        if (line := lines[at]) is None:
            scores[place] = worst - _BELOW * (1 - at) + 0.01 * (outcome.score - 1)
        else:
            known = early_scores(outcome.curve).get(at, (outcome.score, outcome.score))
            scores[place], extra[place] = expect(line, known)
    failed = [place for place, outcome in enumerate(outcomes) if outcome.score is None]
    known_scores = np.delete(scores, failed)
    scores[failed] = known_scores.min() - _BELOW if len(known_scores) else 0.0
    return scores, extra


def _place(domain: Values, value: Scalar) -> float:
    """Where a number stands in its interval, 0..1, in the logarithm where the domain is."""
    assert not isinstance(domain, Categorical)
    low, high, number = float(domain.low), float(domain.high), float(value)  # type: ignore[arg-type]
    if domain.log:
        low, high, number = np.log(low), np.log(high), np.log(number)
    return float((number - low) / (high - low)) if high > low else 0.0
