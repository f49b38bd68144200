"""What counts beside top-1: how large a network is, and how early in time it is right.

`parameters` and `macs` are costs of a network that are known before it is trained; `top1@K` is
the top-1 of the read-out at step K of the clock (from 0), which trainings report after every
epoch. Samplers receive all of them as costs, smaller is better.
"""

import math
import re
from collections.abc import Sequence
from typing import Annotated, Protocol

from pydantic import AfterValidator, Field

from workers.job import Report

_PATTERN = r"^(parameters|macs|top1@\d{1,4})$"
_AT = "top1@"


def _check_name(name: str) -> str:
    if re.match(_PATTERN, name) is None:
        raise ValueError("no such objective; write parameters, macs or top1@STEP, such as top1@5")
    return name


Objective = Annotated[
    str, AfterValidator(_check_name), Field(json_schema_extra={"pattern": _PATTERN})
]
"""What may count beside top-1."""


class Sized(Protocol):
    """What has a size: a trial of the store."""

    @property
    def parameters(self) -> int | None:
        """Learned numbers."""
        ...

    @property
    def macs(self) -> int | None:
        """Multiply-adds of an image."""
        ...


def steps_of(objectives: Sequence[Objective]) -> tuple[int, ...]:
    """The steps of the clock whose top-1 counts, in the order of the objectives."""
    return tuple(step for o in objectives if (step := _step(o)) is not None)


def sizes_of(network: Sized, objectives: Sequence[Objective]) -> tuple[float, ...]:
    """The costs that are known before a training, in the order of the objectives."""
    return costs_of(network, [o for o in objectives if _step(o) is None], ())


def costs_of(
    network: Sized, objectives: Sequence[Objective], by_step: Sequence[float]
) -> tuple[float, ...]:
    """All objectives as costs, in their order. Top-1 at a step counts as what it lacks of 1.

    `by_step` is top-1 at every step after the last epoch; a step that it does not have lacks all.
    """
    return tuple(
        float(getattr(network, o) or 0) if (step := _step(o)) is None else 1.0 - _at(by_step, step)
        for o in objectives
    )


def scores_of(report: Report, steps: Sequence[int]) -> tuple[float, ...] | None:
    """A report's top-1, and top-1 at each of the steps; None if top-1 is not a number."""
    if math.isnan(report.top1):
        return None
    return (report.top1, *(_at(report.accuracy_by_step, step) for step in steps))


def _step(objective: Objective) -> int | None:
    """The step of an objective that is top-1 at one."""
    return int(objective.removeprefix(_AT)) if objective.startswith(_AT) else None


def _at(by_step: Sequence[float], step: int) -> float:
    """Top-1 at a step; 0 where it is not known or not a number."""
    value = by_step[step] if step < len(by_step) else 0.0
    return 0.0 if math.isnan(value) else value
