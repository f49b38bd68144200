"""What people call campaigns and trials, and say of them: names, notes and tags.

Notes and tags may be written at any time, also of what runs: no driver reads them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from search.store.database import Database, of_trial, refuse_if_running, storable
from search.store.engine import damage_error, insert_once
from search.store.records import Campaign, Label
from search.store.tables import CAMPAIGNS, LABELS, TRIALS

WHOLE = -1
"""In the place of a trial's number: the campaign itself."""


class Labels:
    """Names, notes and tags."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def rename(self, campaign_id: str, name: str) -> Campaign:
        """Give a campaign another name. StoreError while a driver is at work on it, which has the
        old one, or while it is being removed.
        """
        with self._database.writing() as connection:
            campaign = self._database.campaign(connection, campaign_id)
            refuse_if_running(campaign)
            connection.execute(
                sa.update(CAMPAIGNS)
                .where(CAMPAIGNS.c.id == campaign.id)
                .values(name=name, document=campaign.document | {"name": name})
            )
            return self._database.campaign(connection, campaign.id)

    def find(self, campaign_id: str, number: int | None = None) -> Label | None:
        """What was written of a campaign, or of its trial `number`; None if nothing ever was."""
        place = WHOLE if number is None else number
        query = sa.select(LABELS).where(*of_trial(LABELS, campaign_id, place))
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else _label_of(row)

    def of_trials(self, campaign_id: str) -> dict[int, Label]:
        """The labels of a campaign's trials, by number."""
        query = sa.select(LABELS).where(LABELS.c.campaign == campaign_id, LABELS.c.number != WHOLE)
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return {row["number"]: _label_of(row) for row in rows}

    def of_campaigns(self) -> dict[str, Label]:
        """The labels of all campaigns, by id."""
        query = sa.select(LABELS).where(LABELS.c.number == WHOLE)
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return {row["campaign"]: _label_of(row) for row in rows}

    def write_note(self, campaign_id: str, text: str, number: int | None = None) -> Label:
        """Put a note in the place of the one before; an empty one takes it away.

        StoreError for an unknown campaign or trial.
        """
        return self._change(campaign_id, number, note=str(storable(text)))

    def change_tags(
        self,
        campaign_id: str,
        add: Iterable[str] = (),
        remove: Iterable[str] = (),
        number: int | None = None,
    ) -> Label:
        """Add tags and take tags away; what is there, or is not, changes nothing.

        StoreError for an unknown campaign or trial.
        """
        return self._change(campaign_id, number, add=tuple(add), remove=tuple(remove))

    def _change(
        self,
        campaign_id: str,
        number: int | None,
        *,
        note: str | None = None,
        add: Iterable[str] = (),
        remove: Iterable[str] = (),
    ) -> Label:
        with self._database.writing() as connection:
            campaign = self._database.campaign(connection, campaign_id)
            self._check_trial(connection, campaign.id, number)
            place = WHOLE if number is None else number
            empty = {"campaign": campaign.id, "number": place, "note": None, "tags": []}
            insert_once(connection, LABELS, empty)
            mine = of_trial(LABELS, campaign.id, place)
            row = connection.execute(sa.select(LABELS).where(*mine)).mappings().one()
            before = _label_of(row)
            tags = sorted({*before.tags, *add} - set(remove))
            after = Label(note=before.note if note is None else note, tags=tuple(tags))
            connection.execute(
                sa.update(LABELS).where(*mine).values(note=after.note, tags=list(after.tags))
            )
            return after

    def _check_trial(
        self, connection: sa.Connection, campaign_id: str, number: int | None
    ) -> None:
        if number is None:
            return
        query = sa.select(sa.literal(1)).where(*of_trial(TRIALS, campaign_id, number))
        if connection.execute(query).first() is None:
            raise self._database.unknown_trial(connection, campaign_id, number)


def _label_of(row: Any) -> Label:
    """A row as a label. Raises StoreError for one that no version writes."""
    tags, note = row["tags"], row["note"]
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise damage_error("its tags are not words", f"the tags of campaign {row['campaign']}")
    return Label(note=note, tags=tuple(tags))
