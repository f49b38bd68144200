"""Reports as rows, and back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from search.store.database import finite
from search.store.tables import REPORTS

FIELDS = tuple(
    column.name
    for column in REPORTS.c
    if column.name not in ("campaign", "number", "more", "at", "arrived")
)
"""The fields of a report that have a column of their own."""


def report_row(report: Mapping[str, Any]) -> dict[str, Any]:
    """A report as a row; numbers that are not finite become None."""
    row = {key: finite(report.get(key)) for key in FIELDS}
    epoch = row["epoch"]
    if not isinstance(epoch, int) or epoch < 1:
        raise ValueError(f"a report's epoch counts from 1, not {epoch!r}")
    more = {key: finite(value) for key, value in report.items() if key not in FIELDS}
    return row | {"more": more or None}


def reports_of(
    connection: sa.Connection,
    campaign_id: str,
    where: Sequence[sa.ColumnElement[bool]],
    *,
    numbered: bool = False,
) -> list[dict[str, Any]]:
    """Reports by epoch, or `numbered` with their trials' numbers in the order of arrival."""
    order = REPORTS.c.arrived if numbered else REPORTS.c.epoch
    query = sa.select(REPORTS).where(REPORTS.c.campaign == campaign_id, *where).order_by(order)
    reports = []
    for row in connection.execute(query).mappings():
        report = {"number": row["number"]} if numbered else {}
        report |= {key: row[key] for key in (*FIELDS, "at", "arrived")}
        reports.append(report | (row["more"] or {}))
    return reports


def curves_of(
    connection: sa.Connection,
    campaign_id: str,
    whole: Collection[int],
    others: Collection[int],
    after: int,
) -> list[dict[str, Any]]:
    """The scores of every report of the trials `whole`, and of those of `others` that arrived
    after that place in the campaign's sequence, in the order of arrival.
    """
    names = ("number", "epoch", "top1", "top5", "loss", "train_loss", "seconds", "at", "arrived")
    new = REPORTS.c.number.in_(list(others)) & (REPORTS.c.arrived > after)
    query = (
        sa.select(*(REPORTS.c[name] for name in names))
        .where(REPORTS.c.campaign == campaign_id, REPORTS.c.number.in_([*whole, *others]))
        .where(REPORTS.c.number.in_(list(whole)) | new)
        .order_by(REPORTS.c.arrived)
    )
    return [dict(row) for row in connection.execute(query).mappings()]
