"""A campaign is taken out of the store: announced first, and at last in one transaction.

Between the two its files and its runs in MLflow are removed (search/upkeep/removal.py). Whatever
interrupts that, the campaign is on record as `removing`: no driver takes it up, and the same
command goes on.
"""

from __future__ import annotations

import time
from typing import Any

import sqlalchemy as sa

from search.host.home import Process
from search.store.database import Database, running_error
from search.store.rows import SILENCE_SECONDS, lives
from search.store.tables import (
    ATTEMPTS,
    CAMPAIGNS,
    EVENTS,
    GENOMES,
    JOURNAL,
    LABELS,
    MIRROR,
    OPENINGS,
    REPORTS,
    SHARES,
    TRIALS,
)

_TABLES = (JOURNAL, ATTEMPTS, REPORTS, MIRROR, LABELS, EVENTS, OPENINGS, SHARES)
"""Those with a column `campaign`, but for the trials, which others refer to."""
_AT_ONCE = 500
"""Genomes that one statement names."""


class Removal:
    """The removal of campaigns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, campaign_id: str) -> None:
        """Announce that the campaign of an id is removed, also one whose record is damaged.

        StoreError if there is none, and while a driver is at work on it.
        """
        columns = (CAMPAIGNS.c.state, CAMPAIGNS.c.driver, CAMPAIGNS.c.heartbeat)
        query = sa.select(*columns).where(CAMPAIGNS.c.id == campaign_id)
        with self._database.writing() as connection:
            row = connection.execute(query).one_or_none()
            if row is None:
                raise self._database.unknown_campaign(connection, campaign_id)
            if row.state == "running" and _is_driven(row.driver, row.heartbeat):
                raise running_error(campaign_id)
            connection.execute(
                sa.update(CAMPAIGNS)
                .where(CAMPAIGNS.c.id == campaign_id)
                .values(state="removing", reason="`ventral rm` was begun")
            )

    def finish(self, campaign_id: str) -> None:
        """Delete every row of a campaign that `begin` announced, and genomes that no other one
        has; nothing if it is gone. ValueError for one that was not announced.
        """
        with self._database.writing() as connection:
            state = sa.select(CAMPAIGNS.c.state).where(CAMPAIGNS.c.id == campaign_id)
            announced = connection.execute(state).scalar_one_or_none()
            if announced is None:
                return
            if announced != "removing":
                raise ValueError(f"campaign {campaign_id} was not announced to be removed")
            for table in _TABLES:
                connection.execute(sa.delete(table).where(table.c.campaign == campaign_id))
            used = sa.select(TRIALS.c.genome).where(TRIALS.c.campaign == campaign_id)
            genomes = list(connection.execute(used.distinct()).scalars())
            connection.execute(sa.delete(TRIALS).where(TRIALS.c.campaign == campaign_id))
            connection.execute(sa.delete(CAMPAIGNS).where(CAMPAIGNS.c.id == campaign_id))
            for start in range(0, len(genomes), _AT_ONCE):
                connection.execute(
                    sa.delete(GENOMES)
                    .where(GENOMES.c.checksum.in_(genomes[start : start + _AT_ONCE]))
                    .where(~sa.exists().where(TRIALS.c.genome == GENOMES.c.checksum))
                )

    def count_rows(self, campaign_id: str) -> dict[str, int]:
        """How many rows of each table are a campaign's, but for empty tables."""
        counts = {}
        with self._database.reading() as connection:
            for table in (TRIALS, *_TABLES):
                query = sa.select(sa.func.count()).where(table.c.campaign == campaign_id)
                if number := int(connection.execute(query).scalar_one()):
                    counts[table.name] = number
        return counts


def _is_driven(driver: Any, heartbeat: Any) -> bool:
    """Whether a driver is at work. One that cannot be read is if it was heard of of late."""
    beat = float(heartbeat) if isinstance(heartbeat, int | float) else None
    try:
        return lives(Process.parse(driver) if driver else None, beat)
    except (ValueError, AttributeError, TypeError):
        return beat is not None and abs(time.time() - beat) < SILENCE_SECONDS
