"""Regularised evolution (Real et al., 2019) with the grammar's own mutation and crossover.

The population is the last `population` points that came back with a score, whatever it was: a
point ages out, it is not voted out, so that a lucky score does not stay for ever. A parent is the
best of `tournament` members drawn at random; its child is a mutation of it, or, for one child in
some, a crossing of two parents that is mutated as well.

A full training beats every one that ended early; those are compared by how far they came, then by
score. A point without a score has no children.
"""

import random
from collections import deque
from typing import Annotated

from pydantic import Field

from search.samplers.protocol import Choices, Outcome, derive_seed, draw_point
from space.documents.bounds import SAMPLED
from space.documents.validation import Value
from space.errors import GenomeError
from space.space import Sample, Space

_TRIES = 20  # children that do not form a genome before a point is drawn from the space instead


class EvolutionSampler:
    """An ageing population of points; a child is a small step of the grammar from its parents."""

    class Options(Value):
        """The options of the evolution."""

        startup: Annotated[int, Field(ge=1, le=SAMPLED)] = 20
        """Points drawn from the space itself before there are children."""
        population: Annotated[int, Field(ge=1, le=SAMPLED)] = 40
        """How many of the last points may have children."""
        tournament: Annotated[int, Field(ge=1, le=SAMPLED)] = 10
        """Members drawn for a parent's place, with replacement; the best of them takes it."""
        crossover: Annotated[float, Field(ge=0, le=1)] = 0.25
        """The part of the children that have two parents."""

    def __init__(self, space: Space, seed: int, options: Options) -> None:
        self._space, self._seed, self._options = space, seed, options
        self._population: deque[tuple[tuple[float, float], Choices]] = deque(
            maxlen=options.population
        )
        self._questions = 0

    def ask(self) -> Choices:
        """A draw from the space while the population is small, then a child of it."""
        rng = random.Random(derive_seed(self._seed, "evolution", self._questions))
        started = self._questions >= self._options.startup
        self._questions += 1
        if started and self._population:
            for _ in range(_TRIES):
                try:
                    return self._child(rng).choices
                except GenomeError:
                    continue  # a parent of another space, or a step to an invalid genome
        return draw_point(self._space.parameters, rng)

    def recall(self, _choices: Choices) -> None:
        """Count a question: the random numbers of the next one depend on the count."""
        self._questions += 1

    def tell(self, choices: Choices, outcome: Outcome) -> None:
        """Add a point with a score to the population; the oldest one makes room."""
        if outcome.score is not None:
            self._population.append(((outcome.fidelity, outcome.score), choices))

    def _child(self, rng: random.Random) -> Sample:
        child = self._parent(rng)
        if rng.random() < self._options.crossover:
            child = self._space.cross(child, self._parent(rng), rng)
        return self._space.mutate(child, rng)

    def _parent(self, rng: random.Random) -> Sample:
        members = self._population
        candidates = (
            members[int(rng.random() * len(members))] for _ in range(self._options.tournament)
        )
        _, choices = max(candidates, key=lambda member: member[0])
        return self._space.close(choices)
