"""What a worker's result brings, checked once where it arrives.

Workers send JSON (`workers.trainable`). Whatever looks at a result after its arrival, Ray Tune's
scheduler and callbacks, gets the values: Ray flattens nested mappings before it shows a result to
a scheduler, and a value stays whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workers.job import Failure, Report

EVIDENCE = "evidence"
"""The key of a result's `WorkerEvidence`."""


@dataclass(frozen=True, kw_only=True)
class WorkerEvidence:
    """The reports and the failure of a result.

    `earlier` are of epochs before this result's, which an earlier driver may not have received;
    `report` is this epoch's.
    """

    earlier: tuple[Report, ...] = ()
    report: Report | None = None
    failure: Failure | None = None

    @property
    def reports(self) -> tuple[Report, ...]:
        """All of them, in the order of their epochs."""
        return self.earlier if self.report is None else (*self.earlier, self.report)

    @classmethod
    def of(cls, result: Mapping[str, Any]) -> "WorkerEvidence":
        """The evidence of a result that was read; none in one that Ray made by itself."""
        evidence = result.get(EVIDENCE)
        return evidence if isinstance(evidence, cls) else cls()


def read_result(result: dict[str, Any]) -> None:
    """Put the evidence into a worker's result, in place of its JSON.

    Raises pydantic's ValidationError for what is no report or failure.
    """
    earlier, report = result.pop("earlier", ()), result.pop("report", None)
    failure = result.pop("failure", None)
    result[EVIDENCE] = WorkerEvidence(
        earlier=tuple(Report.model_validate(one) for one in earlier),
        report=None if report is None else Report.model_validate(report),
        failure=None if failure is None else Failure.model_validate(failure),
    )
