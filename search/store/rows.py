"""Rows as campaigns and trials. A row that no version writes is a StoreError."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from sys import intern
from types import NoneType
from typing import Any

from search.host.home import Process
from search.store.engine import damage_error
from search.store.records import RECURRENCES, SPLITS, STATES, STATUSES, Campaign, Status, Trial
from space.documents.outside import printable

SILENCE_SECONDS = 60.0
"""How long the driver of another machine may be silent before it counts as dead."""


def campaign_of(row: Mapping[Any, Any]) -> Campaign:
    """A row as a campaign; one whose driver is dead is interrupted, whatever it last wrote.

    Raises StoreError for a row that no version writes.
    """
    where = f"campaign {printable(str(row['id']))}"
    values = {key: row[key] for key in row if key != "sequence"}
    for key in ("document", "space", "data"):
        if not isinstance(row[key], dict):
            raise damage_error(f"its {key} is not a mapping", where)
    for key in ("created", "started", "ended", "seconds", "heartbeat"):
        if not isinstance(row[key], int | float | None):
            raise damage_error(f"its field {key} is {row[key]!r}", where)
    state = row["state"]
    if state not in STATES or row["created"] is None:
        raise damage_error(f"its state is {state!r}", where)
    try:
        driver = Process.parse(row["driver"]) if row["driver"] else None
    except (ValueError, AttributeError):
        raise damage_error(f"its driver is {row['driver']!r}", where) from None
    if state == "running" and not lives(driver, row["heartbeat"]):
        state = "interrupted"
    return Campaign(**(values | {"driver": driver, "state": state}))


def lives(driver: Process | None, heartbeat: float | None) -> bool:
    """Whether a driver is at work: by its pid on this machine, by its heartbeat on another."""
    if driver is None:
        return False
    alive = driver.alive()
    if alive is None:
        return heartbeat is not None and abs(time.time() - heartbeat) < SILENCE_SECONDS
    return alive


def damaged_campaign(known: Mapping[Any, Any], problem: str) -> Campaign:
    """A campaign whose record cannot be read. What is `known` of it is its id, its name, when it
    was made, and where MLflow has it.
    """
    created = known["created"]
    return Campaign(
        id=str(known["id"]),
        name=str(known["name"]),
        state="damaged",
        reason=problem,
        document={},
        space={},
        data={},
        created=created if isinstance(created, int | float) else 0.0,
        started=None,
        ended=None,
        seconds=0.0,
        driver=None,
        heartbeat=None,
        stop_asked=False,
        tracking=_text(known["tracking"]),
        experiment=_text(known["experiment"]),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def trial_of(row: Mapping[Any, Any]) -> Trial:
    """A row as a trial. Raises StoreError for one that no version writes."""
    values: dict[str, Any] = {"document": None, **row}
    where = f"campaign {printable(str(row['campaign']))} trial {printable(str(row['number']))}"
    if row["status"] not in STATUSES:
        raise damage_error(f"its status is {row['status']!r}", where)
    if row["recurrence"] not in (None, *RECURRENCES) or row["split"] not in SPLITS:
        what = f"its recurrence is {row['recurrence']!r}, its split {row['split']!r}"
        raise damage_error(what, where)
    for key, name in (("choices", "choices"), ("recipe", "recipe"), ("document", "genome")):
        if not isinstance(values[key], (dict, NoneType) if key == "document" else dict):
            raise damage_error(f"its {name} is not a mapping", where)
    motifs = values["motifs"]
    if motifs is not None:
        if not isinstance(motifs, list) or not all(isinstance(word, str) for word in motifs):
            raise damage_error("its motifs are not words", where)
        values["motifs"] = tuple(map(intern, motifs))  # few words, many times
    for key in ("number", "epochs", "seed", "attempts", "suggested", "source_epochs"):
        if not isinstance(values[key], int):
            raise damage_error(f"its field {key} is {values[key]!r}", where)
    for key in ("top1", "best", "loss", "seconds", "created", "started", "ended"):
        if not isinstance(values[key], int | float | None):
            raise damage_error(f"its field {key} is {values[key]!r}", where)
    return Trial(**values)


def written_forms(statuses: Iterable[Status]) -> list[str]:
    """Statuses as written: one that reads as waiting may have been written as running."""
    wanted = set(statuses)
    return sorted(wanted | {"running"} if "waiting" in wanted else wanted)
