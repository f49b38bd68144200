"""A space tried out: how many of its samples are networks, why others are not, and what of it
can never act.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from space.choices.domains import Categorical, Parameter, Scalar
from space.choices.open_document import Choices
from space.documents.validation import quote
from space.errors import GenomeError
from space.inert import InertStudy
from space.space import Sample, Space

BLAMED = 8
"""Of so many reasons, the most frequent ones, the choices at fault are looked for."""

Refuse = Callable[[Sample], str | None]
"""Why a sample may not be trained, None if it may."""


@dataclass(frozen=True, kw_only=True)
class Survey:
    """`samples` were tried, `networks` different ones found, and `infeasible` samples may not be
    trained: `reasons` says why and how many, the most frequent first. `chosen` has, by reason,
    the choices at fault in the first of them, for the most frequent ones. `warnings` name what
    acted in no sample.
    """

    samples: int
    networks: int
    infeasible: int
    reasons: tuple[tuple[str, int], ...]
    chosen: Mapping[str, Choices]
    warnings: tuple[str, ...] = ()

    def documents(self) -> list[dict[str, Any]]:
        """The reasons as JSON: `reason`, `count`, and `chosen`, the choices at fault in one."""
        return [
            {"reason": reason, "count": times, "chosen": dict(self.chosen.get(reason, {}))}
            for reason, times in self.reasons
        ]

    def lines(self) -> list[tuple[int, str]]:
        """The reasons for people: how many, and why, with the choices at fault in one."""
        return [
            (times, f"{reason}{_chosen(self.chosen.get(reason, {}))}")
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
    options: bool = True,
) -> Survey:
    """Try a space, for the images that it has: `samples` random samples and, with `options`,
    every option of every choice once.

    `refuse` may have further reasons than that the choices make no network. What never acts is
    looked for with `options` only.
    """
    wanted = [dict(p.condition) | {p.path: v} for p in space.parameters for v in _extremes(p)]
    opened, study = space.opened, InertStudy(space)
    digests, reasons, tried = set[str](), Counter[str](), 0
    first: dict[str, tuple[Choices, GenomeError]] = {}
    for choices in (
        *(opened.complete(choices, rng) for choices in wanted if options),
        *(opened.sample(rng) for _ in range(samples)),
    ):
        tried += 1
        try:
            sample = space.close(choices)
        except GenomeError as error:
            reason = f"{error.where}: {error.problem}"
            reasons[reason] += 1
            first.setdefault(reason, (choices, error))
            continue
        refusal = None if refuse is None else refuse(sample)
        if refusal is not None:
            reasons[refusal] += 1
            continue
        digests.add(sample.digest)
        if options:
            study.look_at(sample)
    often = [reason for reason, _ in reasons.most_common() if reason in first][:BLAMED]
    return Survey(
        samples=tried,
        networks=len(digests),
        infeasible=sum(reasons.values()),
        reasons=tuple(reasons.most_common()),
        chosen={reason: space.blame(*first[reason]) for reason in often},
        warnings=tuple(one.warning for one in study.list_inert()) if options else (),
    )


def _chosen(choices: Choices) -> str:
    listed = ", ".join(f"{path} = {quote(value)}" for path, value in choices.items())
    return f" (chosen: {listed})" if listed else ""


def _extremes(parameter: Parameter) -> tuple[Scalar, ...]:
    """Every option, or the two ends of an interval."""
    if isinstance(parameter.domain, Categorical):
        return parameter.domain.options
    return parameter.domain.low, parameter.domain.high
