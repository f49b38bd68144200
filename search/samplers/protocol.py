"""What a sampler is: ask for a point of the space, tell its outcome.

The contract, which the conformance suite (`ventral.testing.SamplerSuite`) holds every sampler to:

Determinism. A sampler's state is a function of its seed and of the sequence of its `ask`,
`recall` and `tell` calls, and of nothing else: no clock, no global random numbers.

Replay. There is nothing to pickle. A sampler is rebuilt by the calls that it had, in their order,
with a `recall` of the answer in place of each `ask`. Such calls cost milliseconds, so that
thousands of trials are replayed in seconds.

Support. `ask` returns a complete flat form: exactly the parameters that are open given the other
choices, every value inside its domain. It may be a point that was suggested before, and it may be
one that closes to no genome; the caller finds out both and tells them.

Outcomes. `tell` never raises for a point of the space, from any source and with any
outcome. A score that was reached before the last epoch comes with its fidelity and is never
mistaken for a final one; a point without a score is a bad point, not an unknown one.

Samplers know the space. They know no Ray, no database, no genome and no training.
"""

import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel

from space.choices.domains import Parameter, Scalar
from space.space import Space
from workers.seeds import hash_to_seed

Choices = Mapping[str, Scalar]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The outcome of one point.

    `score` is the last top-1 (0..1, larger is better) or None if there is none; `fidelity` the
    epochs it was reached at over the epochs of a full training (0..1); `reason` why there is no
    score: "infeasible", "diverged", "failed", ... `curve` holds (fidelity, score) of the epochs
    in their order, as far as they are known: what early scores say about final ones. `costs`
    are the campaign's further objectives in their order, smaller is better: the same number of
    them for every point with a score.
    """

    score: float | None = None
    fidelity: float = 0.0
    reason: str | None = None
    curve: tuple[tuple[float, float], ...] = ()
    costs: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if (self.score is None) == (self.reason is None):
            raise ValueError("an outcome has either a score or a reason for there being none")
        if not 0.0 <= self.fidelity <= 1.0:
            raise ValueError(f"fidelity {self.fidelity} is not within 0..1")

    @property
    def final(self) -> bool:
        """True for the score of a full training."""
        return self.score is not None and self.fidelity >= 1.0


class Sampler(Protocol):
    """Suggests points of one space so that `score` grows. See the module for the contract."""

    def ask(self) -> Choices:
        """The next point to try, in the flat form."""
        ...

    def recall(self, choices: Choices, /) -> None:
        """Take `choices` for the answer to an `ask` (replay); it is pending until `tell`."""
        ...

    def tell(self, choices: Choices, outcome: Outcome, /) -> None:
        """Take the outcome of `choices`."""
        ...


class OfferedSampler(Sampler, Protocol):
    """A kind of sampler. It may have `several = True`, if it weighs the costs of outcomes too, and
    a `version` above 1: then a fourth argument is the version, of its own or an earlier one.
    """

    @property
    def Options(self) -> type[BaseModel]:
        """The sampler's own settings, as `sampler.options` of a campaign file has them."""
        ...

    def __init__(self, space: Space, seed: int, options: Any, /) -> None:
        """A sampler that knows nothing yet."""
        ...


def replay(sampler: Sampler, calls: Iterable[tuple[Choices, Outcome | None]]) -> None:
    """Rebuild a fresh sampler's state: a point alone is recalled, one with an outcome is told."""
    for choices, outcome in calls:
        if outcome is None:
            sampler.recall(choices)
        else:
            sampler.tell(choices, outcome)


def open_part(parameters: Iterable[Parameter], flat: Choices) -> dict[str, Scalar]:
    """The choices of `flat` that are open, in the order of `parameters` (outer branches first)."""
    taken: dict[str, Scalar] = {}
    for parameter in parameters:
        if parameter.is_open(taken):
            taken[parameter.path] = flat[parameter.path]
    return taken


def draw_point(parameters: Iterable[Parameter], rng: random.Random) -> dict[str, Scalar]:
    """A point from the space's own distribution; `Space.sample` draws the same from `rng`."""
    taken: dict[str, Scalar] = {}
    for parameter in parameters:
        if parameter.is_open(taken):
            taken[parameter.path] = parameter.domain.draw(rng)
    return taken


def key(choices: Choices) -> str:
    """An identity of a point: equal points have equal keys, whatever the order of their items."""
    return json.dumps(dict(choices), sort_keys=True)


def derive_seed(seed: int, *what: object) -> int:
    """A 32-bit seed that depends on `seed` and on `what`, the same on every machine."""
    return hash_to_seed(json.dumps([seed, *what], sort_keys=True), 32)
