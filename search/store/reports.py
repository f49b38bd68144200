"""Reports as rows, and back."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from search.store.database import finite
from search.store.records import Reported
from search.store.tables import REPORTS
from workers.job import Report

FIELDS = tuple(Report.model_fields)
"""The fields of a report; each has a column of its own."""

_SCORES = ("top1", "top5", "loss", "train_loss", "seconds", "memory_mb")
_CURVE = ("number", "epoch", "top1", "top5", "loss", "train_loss", "seconds", "at", "arrived")


def report_row(report: Report) -> dict[str, Any]:
    """A report as a row; numbers that are not finite become None."""
    if report.epoch < 1:
        raise ValueError(f"a report's epoch counts from 1, not {report.epoch!r}")
    return {key: finite(getattr(report, key)) for key in FIELDS}


def reports_of(
    connection: sa.Connection,
    campaign_id: str,
    where: Sequence[sa.ColumnElement[bool]] = (),
    *,
    by: str = "epoch",
) -> list[Reported]:
    """Reports by epoch, or by another column: "arrived"."""
    query = sa.select(REPORTS).where(REPORTS.c.campaign == campaign_id, *where)
    rows = connection.execute(query.order_by(REPORTS.c[by])).mappings()
    return [_reported_of(row) for row in rows]


def curves_of(
    connection: sa.Connection,
    campaign_id: str,
    whole: Collection[int],
    others: Collection[int],
    after: int,
) -> list[Reported]:
    """Every report of the trials `whole`, and those of `others` that arrived after that place in
    the campaign's sequence, in the order of arrival; without accuracies by step and memory.
    """
    new = REPORTS.c.number.in_(list(others)) & (REPORTS.c.arrived > after)
    query = (
        sa.select(*(REPORTS.c[name] for name in _CURVE))
        .where(REPORTS.c.campaign == campaign_id, REPORTS.c.number.in_([*whole, *others]))
        .where(REPORTS.c.number.in_(list(whole)) | new)
        .order_by(REPORTS.c.arrived)
    )
    return [_reported_of(row) for row in connection.execute(query).mappings()]


def _reported_of(row: Mapping[Any, Any]) -> Reported:
    """A row as a report; what a version did not write, or could not as a number, is nan."""
    values = {key: math.nan if row.get(key) is None else row[key] for key in _SCORES}
    steps = row.get("accuracy_by_step") or ()
    values["accuracy_by_step"] = tuple(math.nan if one is None else one for one in steps)
    more = row.get("more") or {}
    return Reported(
        number=row["number"],
        report=Report.model_construct(_REPORT_FIELDS, epoch=row["epoch"], **values),
        at=row["at"],
        arrived=row["arrived"],
        late=bool(more.get("late")),
    )


_REPORT_FIELDS = set(FIELDS)
