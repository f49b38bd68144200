"""A new trial becomes rows: its genome, its journal, and what it takes over."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from search.store.database import Database, of_trial, storable
from search.store.engine import insert_once
from search.store.outbox import hand_out
from search.store.records import ENDED, NewTrial, Takeover
from search.store.reports import report_row, reports_of, scores_of
from search.store.tables import GENOMES, JOURNAL, REPORTS, TRIALS
from space.errors import StoreError


def put_on_record(
    database: Database, connection: sa.Connection, campaign_id: str, trial: NewTrial
) -> None:
    """Write a new trial. StoreError if the campaign has a trial of that number."""
    document = _document_of(trial)
    checksum = _checksum(document)
    place = database.next_place(connection, campaign_id)
    genome = {"checksum": checksum, "digest": trial.digest, "document": document}
    insert_once(connection, GENOMES, genome)
    row = {"campaign": campaign_id, "genome": checksum} | _new_row(trial, place)
    if not insert_once(connection, TRIALS, row):
        raise StoreError(
            f"campaign {campaign_id}",
            f"holds a trial {trial.number} already",
            "take the number from `store.trials.next_number`",
        )
    if trial.calls is not None:
        calls = [dict(call) for call in trial.calls]
        row = {"campaign": campaign_id, "number": trial.number, "calls": calls}
        connection.execute(sa.insert(JOURNAL).values(row))
    if trial.status in ENDED:
        hand_out(connection, campaign_id, trial.number)
    elif trial.takeover is not None:
        _take_over(database, connection, campaign_id, trial.number, trial.takeover)


def _take_over(
    database: Database,
    connection: sa.Connection,
    campaign_id: str,
    number: int,
    takeover: Takeover,
) -> None:
    """Give a new trial the donor's reports, as if it had made them, and its end if any."""
    donor, at = takeover.donor.trial, time.time()
    where = [REPORTS.c.number == donor.number, REPORTS.c.epoch <= takeover.epochs]
    reports = reports_of(connection, donor.campaign, where)
    values: dict[str, Any] = {
        "source": takeover.donor.name,
        "source_epochs": takeover.epochs,
    }
    rows = [report_row(one.report) for one in reports]
    for row in rows:
        row |= {"campaign": campaign_id, "number": number, "at": at}
        row["arrived"] = database.next_place(connection, campaign_id)
        connection.execute(sa.insert(REPORTS).values(row))
    if rows:
        values |= scores_of(rows[-1])
        scores = [row["top1"] for row in rows if row["top1"] is not None]
        values["best"] = max(scores, default=None)
    if takeover.status is not None:
        values |= {
            "status": takeover.status,
            "reason": storable(takeover.reason),
            "detail": storable(takeover.detail),
            "ended": at,
            "arrived": database.next_place(connection, campaign_id),
        }
    connection.execute(
        sa.update(TRIALS).where(*of_trial(TRIALS, campaign_id, number)).values(values)
    )
    if takeover.status is not None:
        hand_out(connection, campaign_id, number)


def _new_row(trial: NewTrial, place: int) -> dict[str, Any]:
    """The columns of a new trial, except those of its campaign and genome.

    `place` is in the campaign's sequence. One that is never trained has ended at once.
    """
    at = time.time()
    ended = trial.status in ENDED
    return {
        "number": trial.number,
        "digest": trial.digest,
        "recipe": dict(trial.recipe),
        "choices": dict(trial.choices),
        "seed": trial.seed,
        "origin": trial.origin,
        "cell": trial.cell,
        "parameters": trial.parameters,
        "macs": trial.macs,
        "status": trial.status,
        "reason": storable(trial.reason),
        "folder": trial.folder,
        "attempts": 0,
        "epochs": 0,
        "seconds": 0.0,
        "created": at,
        "ended": at if ended else None,
        "suggested": place,
        "arrived": place if ended else None,
        "work": trial.work,
        "source_epochs": 0,
        "control": trial.control,
        "recurrence": trial.recurrence,
        "split": trial.split,
        "family": trial.family,
        "winner": trial.winner,
        "motifs": None if trial.motifs is None else list(trial.motifs),
    }


def _document_of(trial: NewTrial) -> dict[str, Any]:
    """A new trial's genome as it is kept: as its donor spelt it, since weights belong to that."""
    donated = None if trial.takeover is None else trial.takeover.donor.trial.document
    if donated is not None:
        return donated
    return {} if trial.genome is None else trial.genome.document()


def _checksum(document: Mapping[str, Any]) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
