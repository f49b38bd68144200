"""A space tried out: how many of its samples are networks, why others are not, and what of it
can never act.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from space.activity import acting_choices, drop_inert
from space.choices.domains import Categorical, Parameter, Scalar
from space.choices.open_document import Choices
from space.documents.validation import quote
from space.errors import GenomeError
from space.genome import Genome
from space.network.architecture import FeedbackEdge
from space.space import Sample, Space

STUDIED = 60
"""Samples that are studied for choices and edges that never act."""
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
    opened, study = space.opened, _Study(space)
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
        warnings=tuple(study.warnings()) if options else (),
    )


def _chosen(choices: Choices) -> str:
    listed = ", ".join(f"{path} = {quote(value)}" for path, value in choices.items())
    return f" (chosen: {listed})" if listed else ""


def _extremes(parameter: Parameter) -> tuple[Scalar, ...]:
    """Every option, or the two ends of an interval."""
    if isinstance(parameter.domain, Categorical):
        return parameter.domain.options
    return parameter.domain.low, parameter.domain.high


def _key(edge: FeedbackEdge) -> str:
    return f"{edge.sender}->{edge.receiver}"


class _Study:
    """Choices and feedback edges that have acted in no sample yet."""

    def __init__(self, space: Space) -> None:
        self._space, self._seen = space, 0
        self._open: dict[str, int] = {}  # by choice that never acted: in how many samples it was
        self._acted: set[str] = set()
        self._written: dict[str, bool] = {}  # by edge: whether it was ever read

    def look_at(self, sample: Sample) -> None:
        self._edges(sample.genome)
        if self._seen == STUDIED:
            return
        self._seen += 1
        waiting = self._waiting(sample.choices)
        acting = acting_choices(self._space.opened, sample.choices, waiting)
        for path in waiting:
            if path in acting:
                self._acted.add(path)
                self._open.pop(path, None)
            else:
                self._open[path] = self._open.get(path, 0) + 1

    def _waiting(self, choices: Choices) -> list[str]:
        domains = {path: self._space.opened.parameter(path).domain for path in choices}
        return [path for path in choices if path not in self._acted and domains[path].size != 1]

    def _edges(self, genome: Genome) -> None:
        unread = {
            (e.sender, e.receiver) for e in genome.edges if not self._read(e.sender, e.receiver)
        }
        if unread:
            read = {(e.sender, e.receiver) for e in drop_inert(genome).edges}
            for sender, receiver in unread:
                self._written[f"{sender}->{receiver}"] = (sender, receiver) in read

    def _read(self, sender: str, receiver: str) -> bool:
        return self._written.get(f"{sender}->{receiver}", False)

    def warnings(self) -> Iterator[str]:
        for path, samples in self._open.items():
            yield (
                f"{path} made no difference in any of {samples} samples: "
                "whatever is chosen, it is the same network"
            )
        for edge, read in self._written.items():
            if not read:
                yield f"feedback {edge} is read by no cell in any sample"
