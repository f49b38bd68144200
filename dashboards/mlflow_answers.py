"""What an MLflow server answers, checked: others may have written to it, or be in its place.

Whatever the mirror (`search.mirror`) does not write is one InputError.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field, fields
from typing import Any

from search.mirror.campaign_page import CAMPAIGN_FILE, LESIONS_FILE
from search.mirror.runs import RECORD_TAG, RECORDED
from search.review.lesions import Lesion
from space.documents.files import parse_json
from space.errors import InputError

MILLISECONDS = 10**14
"""No time of a run is as late: the year 5138."""

CURE = "read the campaign from its home, or from the MLflow that Ventral writes to"


@dataclass
class Curves:
    """The points of a run's metrics: metric -> step -> (time in milliseconds, value)."""

    points: dict[str, dict[int, tuple[int, float]]] = field(
        default_factory=lambda: defaultdict(dict)
    )

    def add(self, key: str, step: int, at: int, value: float) -> None:
        """Of two values of one step the later one counts: a trial went on after its end."""
        known = self.points[key].get(step)
        if known is None or known[0] <= at:
            self.points[key][step] = (at, value)


def parse_page(document: Any, where: str) -> dict[str, Any]:
    """The document of a campaign's page. Raises InputError for what the mirror does not write."""
    kinds = {"id": str, "name": str, "document": dict, "space": dict, "data": dict}
    if not isinstance(document, dict) or not all(
        isinstance(document.get(key), kind) for key, kind in kinds.items()
    ):
        raise InputError(where, f"has another {CAMPAIGN_FILE} than Ventral writes", CURE)
    return document


def parse_lesions(rows: Any, where: str) -> list[Lesion]:
    """The effects of parts, of a campaign's page. Raises InputError for other rows."""
    if not isinstance(rows, list) or not all(map(_is_lesion, rows)):
        raise InputError(where, f"has another {LESIONS_FILE} than Ventral writes", CURE)
    return [Lesion(**row) for row in rows]


def _is_lesion(row: Any) -> bool:
    if not isinstance(row, dict) or row.keys() != {one.name for one in fields(Lesion)}:
        return False
    numbers = [row[name] for name in ("difference", "low", "high")]
    return (
        type(row["trial"]) is int
        and 0 <= row["trial"] < 2**63
        and all(isinstance(row[name], str) for name in ("part", "kind"))
        and isinstance(row["retrained"], bool)
        and all(one is None or (type(one) in (int, float) and abs(one) <= 1) for one in numbers)
    )


def parse_points(answer: Any) -> list[dict[str, Any]]:
    """The points of an answer: each a run, a step, a time in milliseconds and a value."""
    points = answer.get("metrics") if isinstance(answer, dict) else None
    if not isinstance(points, list) or not all(map(_is_point, points)):
        raise InputError("metrics/get-history-bulk", "answers otherwise than MLflow does", CURE)
    return points


def _is_point(point: Any) -> bool:
    return (
        isinstance(point, dict)
        and isinstance(point.get("run_id"), str)
        and all(type(point.get(key)) is int for key in ("step", "timestamp"))
        and 0 <= point["timestamp"] < MILLISECONDS
        and type(point.get("value")) in (int, float)
    )


def check_run(run: Any) -> dict[str, Any]:
    """The record in a run's tags (RECORD_TAG). Raises InputError unless all its tags and metrics
    are such as the mirror writes.
    """
    tags, metrics = run.data.tags, run.data.metrics
    where = f"run {run.info.run_id}"
    for name in ("ventral.trial", "ventral.seed"):
        if not re.fullmatch(r"\d{1,19}", tags.get(name, ""), re.ASCII):
            raise InputError(where, f"its tag {name} is no whole number", CURE)
    record = parse_json(tags.get(RECORD_TAG, "{}"), f"{where}: {RECORD_TAG}")
    if not isinstance(record, dict):
        raise InputError(where, f"its tag {RECORD_TAG} is no mapping", CURE)
    for name in RECORDED:
        value = record.get(name)
        if value is not None and (
            type(value) not in (int, float) or not 0 <= value < MILLISECONDS / 1000
        ):
            raise InputError(where, f"{name} in its tag {RECORD_TAG} is no number", CURE)
    for name in ("parameters", "macs", "epochs"):
        if not 0 <= metrics.get(name, 0) < 2**63:
            raise InputError(where, f"its metric {name} is no number of things", CURE)
    return record
