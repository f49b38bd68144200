"""A campaign is taken out of the store: announced first, and at last in one transaction.

Between the two its files and its runs in MLflow are removed (search/upkeep/removal.py). Whatever
interrupts that, the campaign is on record as `removing`: no driver takes it up, and the same
command goes on.
"""

from __future__ import annotations

import sqlalchemy as sa

from search.store.database import Database, refuse_if_running
from search.store.records import Campaign
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

    def begin(self, campaign_id: str) -> Campaign:
        """Announce that a campaign is removed. StoreError while a driver is at work on it."""
        with self._database.writing() as connection:
            campaign = self._database.campaign(connection, campaign_id)
            if campaign.state != "removing":
                refuse_if_running(campaign)
            connection.execute(
                sa.update(CAMPAIGNS)
                .where(CAMPAIGNS.c.id == campaign.id)
                .values(state="removing", reason="`ventral rm` was begun")
            )
            return self._database.campaign(connection, campaign.id)

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
