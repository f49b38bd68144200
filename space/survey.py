"""A space tried out: how many of its samples are networks, why others are not, what of it can
never be trained, and what can never act.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from space.choices.domains import Categorical, Scalar
from space.choices.open_document import Choices
from space.documents.validation import quote
from space.errors import GenomeError, InputError
from space.reasons import ReasonCounter
from space.space import Sample, Space
from space.study import Study

BLAMED = 8
"""Of so many reasons, the most frequent ones, the choices at fault are looked for."""
TRIES = 100
"""Samples with one option taken, of which none is a network, before it is called untrainable."""
UNTRAINABLE = 8
"""So many untrainable options are looked for."""
PATIENCE = 1_000
"""So many samples in a row that are no network end the drawing of networks."""

Refuse = Callable[[Sample], str | None]
"""Why a sample may not be trained, None if it may."""
Advance = Callable[[int], None]
"""Called with the number of samples that were drawn so far."""


@dataclass(frozen=True, kw_only=True)
class UntrainableOption:
    """An option of the choice `path` with which no sample is a network, and why the most are not.

    `tries` samples with it were tried.
    """

    path: str
    option: Scalar
    reason: str
    tries: int

    def __str__(self) -> str:
        return (
            f"{self.path} = {quote(self.option)} makes no network in any of {self.tries} samples: "
            f"{self.reason}"
        )


@dataclass(frozen=True, kw_only=True)
class Survey:
    """`samples` were drawn: `combinations` of choices, `networks` different ones. `infeasible`
    samples may not be trained: `reasons` says why and how many, the most frequent first. `chosen`
    has, by reason, the choices at fault in the first of them, for the most frequent ones.
    `untrainable` options make no network; `warnings` name them, and whatever else is not as it
    was probably meant.
    """

    samples: int
    combinations: int
    networks: int
    infeasible: int
    reasons: tuple[tuple[str, int], ...]
    chosen: Mapping[str, Choices]
    untrainable: tuple[UntrainableOption, ...] = ()
    warnings: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """The counts as JSON. `reasons` are the reasons with how many samples each has, `chosen`
        the choices at fault in one of them, by reason.
        """
        return {
            "samples": self.samples,
            "networks": self.networks,
            "infeasible": self.infeasible,
            "reasons": [{"reason": reason, "count": count} for reason, count in self.reasons],
            "chosen": {reason: dict(choices) for reason, choices in self.chosen.items()},
            "warnings": list(self.warnings),
        }

    def lines(self) -> list[tuple[int, str]]:
        """The reasons for people: how many, and why, with the choices at fault in one."""
        return [
            (times, f"{reason}{_write_chosen(self.chosen.get(reason, {}))}")
            for reason, times in self.reasons
        ]

    @property
    def share(self) -> float:
        """Of the samples that may not be trained, 0..1."""
        return self.infeasible / self.samples if self.samples else 0.0


def survey(
    space: Space,
    samples: int,
    rng: random.Random,
    *,
    refuse: Refuse | None = None,
    study: bool = True,
    advance: Advance = lambda _drawn: None,
    accept: Callable[[Sample], None] = lambda _sample: None,
) -> Survey:
    """Draw `samples` random samples of a space, for the images that it has.

    `refuse` may have further reasons than that the choices make no network; `accept` is called
    with every sample that may be trained. With `study` every option that was in none of the
    networks is tried, and what never acts is looked for.
    """
    trial = _Trial(space, refuse, Study(space) if study else None)
    for drawn in range(samples):
        if (sample := trial.take(space.opened.sample(rng))) is not None:
            accept(sample)
        advance(drawn + 1)
    untrainable, warnings = list[UntrainableOption](), list[str]()
    if study and trial.made:
        untrainable = list(_find_untrainable(trial, rng))
        warnings = [*trial.warnings(), *map(str, untrainable)]
    kinds = [kind for kind in trial.reasons.list_kinds() if kind in trial.first][:BLAMED]
    return Survey(
        samples=samples,
        combinations=len(trial.combinations),
        networks=len(trial.digests),
        infeasible=trial.reasons.total,
        reasons=tuple(trial.reasons.list_counted()),
        chosen={trial.reasons.write(kind): space.blame(*trial.first[kind]) for kind in kinds},
        untrainable=tuple(untrainable),
        warnings=tuple(warnings),
    )


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Networks drawn from a space, and the samples among which they were found."""

    networks: tuple[Sample, ...]
    samples: int
    reasons: tuple[tuple[str, int], ...]

    @property
    def infeasible(self) -> int:
        """How many of the samples are no network."""
        return self.samples - len(self.networks)


def draw_networks(space: Space, number: int, rng: random.Random) -> Drawn:
    """Draw samples until `number` of them are networks, or PATIENCE in a row are none."""
    networks: list[Sample] = []
    reasons, in_a_row, samples = ReasonCounter(), 0, 0
    while len(networks) < number and in_a_row < PATIENCE:
        samples += 1
        try:
            networks.append(space.sample(rng))
            in_a_row = 0
        except GenomeError as error:
            reasons.add(_reason(error))
            in_a_row += 1
    return Drawn(networks=tuple(networks), samples=samples, reasons=tuple(reasons.list_counted()))


class _Trial:
    """What became of samples so far. `made` are the options (choice, label) of all networks."""

    def __init__(self, space: Space, refuse: Refuse | None, study: Study | None) -> None:
        self.space, self._refuse, self._study = space, refuse, study
        self.combinations: set[tuple[tuple[str, Scalar], ...]] = set()
        self.digests: set[str] = set()
        self.made: set[tuple[str, Scalar]] = set()
        self.reasons = ReasonCounter()
        self.first: dict[str, tuple[Choices, GenomeError]] = {}

    def take(self, choices: Choices) -> Sample | None:
        """Count a random sample; gives it if it may be trained."""
        self.combinations.add(tuple(choices.items()))
        try:
            sample = self.make(choices)
        except GenomeError as error:
            kind = self.reasons.add(_reason(error))
            self.first.setdefault(kind, (choices, error))
            return None
        if self._refuse is not None and (reason := self._refuse(sample)) is not None:
            self.reasons.add(reason)
            return None
        self.digests.add(sample.digest)
        return sample

    def make(self, choices: Choices) -> Sample:
        """The sample that choices make, looked at. Raises GenomeError."""
        sample = self.space.close(choices)
        self.made.update(choices.items())
        if self._study is not None:
            self._study.look_at(sample)
        return sample

    def warnings(self) -> Iterator[str]:
        """What of the space is not as it was probably meant."""
        yield from _find_misfits(self.space, self._refuse)
        if self._study is not None:
            yield from self._study.warnings()


def _find_misfits(space: Space, refuse: Refuse | None) -> Iterator[str]:
    """The default network and the controls, where they may not be trained."""
    try:
        sample = space.complete({})
        reason = None if refuse is None else refuse(sample)
    except InputError as error:
        reason = _reason(error)
    if reason is not None:
        yield f"the default network may not be trained: {reason}"
    for name in space.fixed_controls:
        try:
            space.control(name)
        except InputError as error:
            yield f"the control {name} is no network: {_reason(error)}"


def _find_untrainable(trial: _Trial, rng: random.Random) -> Iterator[UntrainableOption]:
    """Options of which no sample is a network; of those inside one another, the outermost."""
    untrainable: set[tuple[str, Scalar]] = set()
    for parameter in trial.space.parameters:
        conditions = [c for c in parameter.conditions if not untrainable.intersection(c)]
        if not conditions:
            continue
        domain = parameter.domain
        for option in domain.options if isinstance(domain, Categorical) else ():
            if (parameter.path, option) in trial.made:
                continue
            partials = [dict(condition) | {parameter.path: option} for condition in conditions]
            if (reason := _try_option(trial, partials, rng)) is not None:
                untrainable.add((parameter.path, option))
                yield UntrainableOption(
                    path=parameter.path, option=option, reason=reason, tries=TRIES
                )
            if len(untrainable) == UNTRAINABLE:
                return


def _try_option(
    trial: _Trial, partials: Sequence[Mapping[str, Scalar]], rng: random.Random
) -> str | None:
    """Why no sample with one of these sets of choices is a network, or None if one is. Each is
    tried at the defaults first.
    """
    reasons = ReasonCounter()
    for number in range(TRIES):
        partial, first = partials[number % len(partials)], number < len(partials)
        choices = trial.space.opened.complete(partial, None if first else rng)
        try:
            trial.make(choices)
        except GenomeError as error:
            reasons.add(_reason(error))
        else:
            return None
    return reasons.list_counted()[0][0]


def _reason(error: InputError) -> str:
    return f"{error.where}: {error.problem}"


def _write_chosen(choices: Choices) -> str:
    listed = ", ".join(f"{path} = {quote(value)}" for path, value in choices.items())
    return f" (chosen: {listed})" if listed else ""
