"""Reports as rows, and back."""

from __future__ import annotations

import gc
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError

from search.store.engine import damage_error, finite
from search.store.records import Reported
from search.store.tables import REPORTS
from workers.job import Report

FIELDS = tuple(Report.model_fields)
"""The fields of a report; each has a column of its own."""

_NUMBERS = ("top1", "top5", "loss", "train_loss", "seconds", "memory_mb")
_ABOUT = ("number", "at", "arrived", "late")


def report_row(report: Report) -> dict[str, Any]:
    """A report as a row; numbers that are not finite become None."""
    if report.epoch < 1:
        raise ValueError(f"a report's epoch counts from 1, not {report.epoch!r}")
    return {key: finite(getattr(report, key)) for key in FIELDS}


def scores_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a trial shows of its last report, which is that row."""
    last = {key: row[key] for key in ("top1", "top5", "loss", "memory_mb")}
    return last | {"epochs": row["epoch"], "seconds": row["seconds"] or 0.0}


def reports_of(
    connection: sa.Connection,
    campaign_id: str,
    where: Sequence[sa.ColumnElement[bool]] = (),
    *,
    by: str = "epoch",
) -> list[Reported]:
    """Reports by epoch, or by another column: "arrived". Raises StoreError for a damaged one."""
    query = sa.select(*(REPORTS.c[name] for name in (*_ABOUT, *FIELDS)))
    query = query.where(REPORTS.c.campaign == campaign_id, *where).order_by(REPORTS.c[by])
    with _collecting_later():
        return [
            Reported(
                number=number,
                report=_report_of(dict(zip(FIELDS, fields, strict=True))),
                at=at,
                arrived=arrived,
                late=late,
            )
            for number, at, arrived, late, *fields in connection.execute(query)
        ]


@contextmanager
def _collecting_later() -> Iterator[None]:
    """Look for garbage afterwards: among 100,000 reports, all of which stay, the search for it
    takes as long as to read them.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def curves_of(
    connection: sa.Connection,
    campaign_id: str,
    whole: Collection[int],
    others: Collection[int],
    after: int,
) -> list[Reported]:
    """Every report of the trials `whole`, and those of `others` that arrived after that place in
    the campaign's sequence, in the order of arrival.
    """
    new = REPORTS.c.number.in_(list(others)) & (REPORTS.c.arrived > after)
    where = [REPORTS.c.number.in_([*whole, *others]), REPORTS.c.number.in_(list(whole)) | new]
    return reports_of(connection, campaign_id, where, by="arrived")


def _report_of(fields: dict[str, Any]) -> Report:
    try:
        # Faster than to construct one without a look at its fields.
        return Report.model_validate(fields)
    except ValidationError:
        return _incomplete_report_of(fields)


def _incomplete_report_of(fields: dict[str, Any]) -> Report:
    """A report some of whose numbers were not finite, or were not known to an earlier version."""
    steps = fields["accuracy_by_step"] or ()
    numbers = {key: _number(fields[key]) for key in _NUMBERS}
    values: dict[str, Any] = numbers | {"accuracy_by_step": tuple(map(_number, steps))}
    return Report.model_construct(epoch=fields["epoch"], **values)


def _number(value: object) -> float:
    """The value, nan for one that was not a number; StoreError for what no version writes."""
    if value is None:
        return math.nan
    if not isinstance(value, int | float):
        raise damage_error(f"a report holds {value!r} where a number stands")
    return float(value)
