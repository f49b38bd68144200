"""An open database: its transactions, and what every part of a store looks up in them."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

import sqlalchemy as sa

from search.store.clocks import Clocks
from search.store.engine import check_schema, clear_errors, engine_for, identity
from search.store.records import Campaign
from search.store.rows import campaign_of
from search.store.tables import CAMPAIGNS, TRIALS
from space.documents.outside import redact
from space.errors import StoreError, VentralError


@dataclass(frozen=True, kw_only=True)
class Database:
    """What the parts of a `Store` share: every part opens its transactions here."""

    where: str
    engine: sa.Engine
    _file: tuple[int, int] | None = None
    clocks: Clocks = field(default_factory=Clocks)

    @classmethod
    def open(cls, url: str, *, create: bool = True) -> Self:
        """Open the store at `url`, making it or bringing it up to this version if needed.

        With `create=False` a store that does not exist is a StoreError. Raises StoreError as
        well if the database is a newer version's, is something else than a store of Ventral, or
        cannot be reached. Several processes may open one store at once.
        """
        label, engine = engine_for(url, create)
        with clear_errors(label):
            check_schema(label, engine)
        return cls(where=label, engine=engine, _file=identity(engine))

    def close(self) -> None:
        """Close the connections. The store may be used again afterwards."""
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection to read by."""
        self._check_file()
        with clear_errors(self.where), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction to write in; what it raises undoes it."""
        self._check_file()
        with clear_errors(self.where), self.engine.connect() as connection:
            writer = connection.execution_options(ventral_writes=True)
            with writer.begin():
                yield writer

    def _check_file(self) -> None:
        """VentralError if the file is no longer the one that was opened: what is written to that
        is seen by no reader, and is gone when it is closed.
        """
        if self._file is not None and identity(self.engine) != self._file:
            raise VentralError(
                f"{self.where}: was removed or replaced while it was in use, and what was "
                "recorded in it since is lost; put it back, or restore it from a copy, and go on "
                "with `ventral resume`"
            )

    def next_place(self, connection: sa.Connection, campaign_id: str) -> int:
        """The campaign's next place in its sequence of happenings."""
        place = connection.execute(_NEXT, {"of": campaign_id}).scalar_one_or_none()
        if place is None:
            raise self.unknown_campaign(connection, campaign_id)
        return int(place)

    def campaign(self, connection: sa.Connection, id_or_name: str) -> Campaign:
        """The campaign of that id, else the newest one of that name, else StoreError."""
        by_id = sa.select(CAMPAIGNS).where(CAMPAIGNS.c.id == id_or_name)
        row = connection.execute(by_id).mappings().one_or_none()
        if row is None:
            by_name = (
                sa.select(CAMPAIGNS)
                .where(CAMPAIGNS.c.name == id_or_name)
                .order_by(CAMPAIGNS.c.created.desc())
                .limit(1)
            )
            row = connection.execute(by_name).mappings().one_or_none()
        if row is None:
            raise self.unknown_campaign(connection, id_or_name)
        return campaign_of(row)

    def unknown_campaign(self, connection: sa.Connection, name: str) -> StoreError:
        """That there is no such campaign, with those that are meant perhaps."""
        known = connection.execute(
            sa.select(CAMPAIGNS.c.id, CAMPAIGNS.c.name).order_by(CAMPAIGNS.c.created.desc())
        ).all()
        if not known:
            cure = "it holds none yet; `ventral submit FILE` starts one"
        else:
            labels = [label for row in known for label in (row.id, row.name)]
            close = difflib.get_close_matches(name, labels, n=3, cutoff=0.6)
            suggestions = dict.fromkeys(close or [f"{row.id} ({row.name})" for row in known[:5]])
            cure = ("did you mean " if close else "there are ") + ", ".join(suggestions)
            cure += "; `ventral list` shows all"
        return StoreError("", f"no campaign {name!r} in {self.where}", cure)

    def unknown_trial(
        self, connection: sa.Connection, campaign_id: str, number: int
    ) -> StoreError:
        """That the campaign has no such trial, with the numbers that it has."""
        campaign = self.campaign(connection, campaign_id)
        numbers = connection.execute(
            sa.select(
                sa.func.count(), sa.func.min(TRIALS.c.number), sa.func.max(TRIALS.c.number)
            ).where(TRIALS.c.campaign == campaign.id)
        ).one()
        cure = (
            f"it has trials {numbers[1]} to {numbers[2]}" if numbers[0] else "it has no trials yet"
        )
        return StoreError("", f"campaign {campaign.id} has no trial {number}", cure)


def of_trial(table: sa.Table, campaign_id: str, number: int) -> tuple[sa.ColumnElement[bool], ...]:
    """That a row of a table is a trial's."""
    return table.c.campaign == campaign_id, table.c.number == number


def storable(text: str | None) -> str | None:
    """Free text as it may be stored: without passwords, and as every database takes it.

    PostgreSQL refuses the character 0.
    """
    return None if text is None else redact(text).replace("\x00", "\\0")


def refuse_if_running(campaign: Campaign) -> None:
    """StoreError while a driver is at work on the campaign, or while it is being removed."""
    refuse_if_removed(campaign)
    if campaign.state == "running":
        raise running_error(campaign.id)


def running_error(campaign_id: str) -> StoreError:
    """That a driver is at work on a campaign."""
    return StoreError(
        f"campaign {campaign_id}",
        "is running, and its driver would not see the change",
        f"stop it first, with `ventral stop {campaign_id}`",
    )


def refuse_if_removed(campaign: Campaign) -> None:
    """StoreError if the campaign is being removed."""
    if campaign.state == "removing":
        raise StoreError(
            f"campaign {campaign.id}", "is being removed", f"`ventral rm {campaign.id}` goes on"
        )


# Made once: to make it takes longer than to execute it.
_NEXT = (
    sa.update(CAMPAIGNS)
    .where(CAMPAIGNS.c.id == sa.bindparam("of"))
    .values(sequence=CAMPAIGNS.c.sequence + 1)
    .returning(CAMPAIGNS.c.sequence)
)
