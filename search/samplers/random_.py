"""Independent draws from the space's own distribution: the baseline of every other sampler."""

import random

from search.samplers.protocol import Choices, Outcome, derive_seed, draw_point
from space.documents.validation import Value
from space.space import Space


class RandomSampler:
    """The n-th point depends on the seed and on n alone."""

    class Options(Value):
        """Random search has no options."""

    def __init__(self, space: Space, seed: int, _options: Options) -> None:
        self._space, self._seed = space, seed
        self._questions = 0

    def ask(self) -> Choices:
        """The next draw."""
        rng = random.Random(derive_seed(self._seed, "random", self._questions))
        self._questions += 1
        return draw_point(self._space.parameters, rng)

    def recall(self, _choices: Choices) -> None:
        """Count a draw; which point it was changes no later one."""
        self._questions += 1

    def tell(self, _choices: Choices, _outcome: Outcome) -> None:
        """Nothing is learned."""
