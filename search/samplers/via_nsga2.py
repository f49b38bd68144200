"""Optuna's NSGA-II on the fixed-length encoding of search/samplers/via_optuna.py.

For several objectives: the score, and the costs that outcomes come with. The parents are those
that no other point beats in all objectives, then those that only they beat, and so on; of equals
the ones in emptier parts of the front. Optuna selects and breeds; its Study is not used, since a
generation here is a number of points that came back with a final score, in the order of arrival,
so that the sampler's state follows from its calls.

A training that ended early and a point without a score have no children.
"""

import random
from typing import Annotated

import numpy as np
import optuna
from optuna.samplers.nsgaii import UniformCrossover
from optuna.study import Study
from optuna.trial import FrozenTrial, create_trial
from pydantic import Field

from search.samplers.optuna_internals import (
    ChildGeneration,
    ElitePopulationSelection,
    LazyRandomState,
)
from search.samplers.protocol import Choices, Outcome, derive_seed, draw_point
from search.samplers.via_optuna import Encoding
from space.documents.bounds import SAMPLED
from space.documents.validation import Value
from space.space import Space


class Nsga2Sampler:
    """Generations of points, in Optuna's encoding."""

    several = True

    class Options(Value):
        """The options of Optuna's NSGA-II."""

        population: Annotated[int, Field(ge=2, le=SAMPLED)] = 50
        """Points of a generation, and parents of the next one. The first generation is drawn."""
        crossover: Annotated[float, Field(ge=0, le=1)] = 0.9
        """The part of the children that have two parents."""
        swapping: Annotated[float, Field(ge=0, le=1)] = 0.5
        """How likely a parameter of such a child comes from the second parent."""
        mutation: Annotated[float | None, Field(ge=0, le=1)] = None
        """How likely a parameter is drawn again; by default one over the number of parameters."""

    def __init__(self, space: Space, seed: int, options: Options) -> None:
        self._space, self._seed, self._options = space, seed, options
        self._encoding = Encoding(space)
        self._parents: list[FrozenTrial] = []
        self._generation: list[FrozenTrial] = []
        self._study: Study | None = None
        self._questions = 0

    def ask(self) -> Choices:
        """A draw from the space in the first generation, then a child of the parents."""
        seed = derive_seed(self._seed, "nsga2", self._questions)
        self._questions += 1
        rng = random.Random(seed)
        points = draw_point(self._space.parameters, rng)
        if self._study is None or not self._parents or not self._encoding.distributions:
            return points
        breed = ChildGeneration(
            mutation_prob=self._options.mutation,
            crossover=UniformCrossover(self._options.swapping),
            crossover_prob=self._options.crossover,
            swapping_prob=self._options.swapping,
            rng=LazyRandomState(seed),
        )
        child = breed(self._study, self._encoding.distributions, self._parents)
        # What Optuna leaves out of a child is drawn again.
        return self._encoding.open({**self._encoding.slots(points), **child})

    def recall(self, _choices: Choices) -> None:
        """Count a question: the random numbers of the next one depend on the count."""
        self._questions += 1

    def tell(self, choices: Choices, outcome: Outcome) -> None:
        """Add a final score to the generation; a full one selects the next parents."""
        if not outcome.final:
            return
        objectives = [outcome.score, *(-cost for cost in outcome.costs)]
        if self._study is None:
            optuna.logging.set_verbosity(optuna.logging.WARNING)
            self._study = optuna.create_study(directions=["maximize"] * len(objectives))
        self._generation.append(
            create_trial(
                params=self._encoding.slots(choices),
                distributions=self._encoding.distributions,
                values=np.array(objectives, dtype=float).tolist(),
            )
        )
        if len(self._generation) >= self._options.population:
            select = ElitePopulationSelection(population_size=self._options.population)
            self._parents = select(self._study, [*self._parents, *self._generation])
            self._generation = []
