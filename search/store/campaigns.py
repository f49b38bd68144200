"""What is written of campaigns, and their histories."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from search.host.home import Process, is_id, make_id
from search.store import ledger
from search.store.database import Database, refuse_if_removed, refuse_if_running, storable
from search.store.ledger import Attempt, Ledger
from search.store.records import Campaign, Event, Opening, State
from search.store.rows import campaign_of, damaged_campaign
from search.store.tables import CAMPAIGNS, EVENTS, MIRROR, OPENINGS, SHARES, TRIALS
from space.errors import StoreError
from workers.job import ScoredSplit

HEARTBEAT_SECONDS = 5.0
"""How often a driver should call `store.campaigns.heartbeat`."""


class Campaigns:
    """Campaigns: made, driven, stopped, and what happened in them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        name: str,
        document: Mapping[str, Any],
        space: Mapping[str, Any],
        data: Mapping[str, Any],
        campaign_id: str | None = None,
    ) -> Campaign:
        """A new campaign, waiting for its driver. Names may repeat; StoreError if the id does."""
        campaign_id = campaign_id or make_id()
        values = {
            "id": campaign_id,
            "name": name,
            "state": "waiting",
            "document": dict(document),
            "space": dict(space),
            "data": dict(data),
            "created": time.time(),
            "seconds": 0.0,
            "stop_asked": False,
            "sequence": 0,
        }
        with self._database.writing() as connection:
            _check_new(connection, campaign_id)
            connection.execute(sa.insert(CAMPAIGNS).values(values))
            return self._database.campaign(connection, campaign_id)

    def get(self, id_or_name: str) -> Campaign:
        """The campaign of that id, else the newest one of that name, else StoreError."""
        with self._database.reading() as connection:
            return self._database.campaign(connection, id_or_name)

    def named(self, name: str) -> list[Campaign]:
        """The campaigns of that name, newest first."""
        order = (CAMPAIGNS.c.created.desc(), CAMPAIGNS.c.id)
        query = sa.select(CAMPAIGNS).where(CAMPAIGNS.c.name == name).order_by(*order)
        with self._database.reading() as connection:
            return [campaign_of(row) for row in connection.execute(query).mappings()]

    def all(self) -> list[Campaign]:
        """All campaigns, newest first; one whose record cannot be read is `damaged`."""
        order = (CAMPAIGNS.c.created.desc(), CAMPAIGNS.c.id)
        with self._database.reading() as connection:
            try:
                rows = connection.execute(sa.select(CAMPAIGNS).order_by(*order)).mappings()
                return [campaign_of(row) for row in rows]
            except StoreError:
                # One by one, since one of them must not hide the others.
                labels = sa.select(CAMPAIGNS.c.id, CAMPAIGNS.c.name, CAMPAIGNS.c.created)
                labelled = connection.execute(labels.order_by(*order)).all()
                return [_read_or_damaged(connection, *row) for row in labelled]

    def set_state(self, campaign_id: str, state: State, reason: str | None = None) -> None:
        """Move a campaign to `state`: the driver's first call ("running") and its last.

        "running" makes this process the campaign's driver; StoreError if another one is alive.
        Trials that a dead driver left running become waiting. The other states end the run:
        what was running is waiting again, and the time since the last heartbeat is added.
        """
        with self._database.writing() as connection:
            campaign = self._database.campaign(connection, campaign_id)
            if state == "running":
                values = self._claim(campaign)
            elif state in ("finished", "stopped", "failed", "waiting"):
                values = {
                    "state": state,
                    "reason": storable(reason),
                    "ended": time.time(),
                    "heartbeat": time.time(),
                    "stop_asked": False,
                    "seconds": CAMPAIGNS.c.seconds
                    + self._database.clocks.take_elapsed(campaign.id, last=True),
                }
            else:
                raise ValueError(f"{state!r} is not a state that a campaign can be moved to")
            connection.execute(
                sa.update(CAMPAIGNS).where(CAMPAIGNS.c.id == campaign.id).values(values)
            )
            if state == "running":
                # Whatever is open is a dead driver's, which was last seen alive at its heartbeat.
                ledger.end(connection, campaign.id, "interrupted", at=campaign.heartbeat)
            else:
                self._charge_all(connection, campaign.id)
                ledger.end(connection, campaign.id, "stopped")
                connection.execute(sa.delete(SHARES).where(SHARES.c.campaign == campaign.id))
            self._database.clocks.forget(campaign.id)
            connection.execute(
                sa.update(TRIALS)
                .where(TRIALS.c.campaign == campaign.id, TRIALS.c.status == "running")
                .values(status="waiting")
            )

    def set_document(
        self, campaign_id: str, document: Mapping[str, Any], reason: str | None = None
    ) -> None:
        """Put a changed campaign file on record; what was finished may go on after it.

        StoreError while a driver is at work on the campaign, since it would not know.
        """
        with self._database.writing() as connection:
            campaign = self._database.campaign(connection, campaign_id)
            refuse_if_running(campaign)
            values: dict[str, Any] = {"document": dict(document)}
            if campaign.state == "finished":
                values |= {"state": "stopped", "reason": storable(reason)}
            connection.execute(
                sa.update(CAMPAIGNS).where(CAMPAIGNS.c.id == campaign.id).values(values)
            )

    def _claim(self, campaign: Campaign) -> dict[str, Any]:
        refuse_if_removed(campaign)
        me = Process.current()
        if campaign.state == "running" and campaign.driver and campaign.driver != me:
            raise StoreError(
                f"campaign {campaign.id}",
                f"is being run by process {campaign.driver.pid} on {campaign.driver.machine}",
                f"wait for it, or stop it with `ventral stop {campaign.id}`",
            )
        self._database.clocks.take_elapsed(campaign.id)
        at = time.time()
        return {
            "state": "running",
            "reason": None,
            "started": campaign.started or at,
            "ended": None,
            "driver": str(me),
            "heartbeat": at,
            "stop_asked": False,
        }

    def heartbeat(self, campaign_id: str) -> bool:
        """The driver's sign of life, every HEARTBEAT_SECONDS. True if it was asked to stop.

        Raises StoreError if the campaign is no longer this process's: then it must end at once
        without writing any more.
        """
        with self._database.writing() as connection:
            owner = str(Process.current())
            mine = (CAMPAIGNS.c.id == campaign_id) & (CAMPAIGNS.c.driver == owner)
            stop_asked = connection.execute(
                sa.update(CAMPAIGNS)
                .where(mine, CAMPAIGNS.c.state == "running")
                .values(
                    heartbeat=time.time(),
                    seconds=CAMPAIGNS.c.seconds + self._database.clocks.take_elapsed(campaign_id),
                )
                .returning(CAMPAIGNS.c.stop_asked)
            ).scalar_one_or_none()
            if stop_asked is None:
                raise StoreError(
                    f"campaign {campaign_id}",
                    "was taken over by another driver, or ended from outside",
                    f"`ventral status {campaign_id}` shows who runs it",
                )
            self._charge_all(connection, campaign_id)
            return bool(stop_asked)

    def release(self, campaign_id: str) -> None:
        """The campaign's workers were ended: from now on no device is charged to it.

        Nothing happens if another driver has taken the campaign over: its workers live.
        """
        with self._database.writing() as connection:
            if self._database.campaign(connection, campaign_id).driver != Process.current():
                return
            self._charge_all(connection, campaign_id)
            ledger.end(connection, campaign_id, "stopped")
            self._database.clocks.forget(campaign_id)

    def ask_stop(self, campaign_id: str) -> Campaign:
        """Ask the driver, wherever it runs, to stop at its next heartbeat."""
        with self._database.writing() as connection:
            campaign = self._database.campaign(connection, campaign_id)
            connection.execute(
                sa.update(CAMPAIGNS)
                .where(CAMPAIGNS.c.id == campaign.id, CAMPAIGNS.c.state == "running")
                .values(stop_asked=True)
            )
            return campaign

    def _charge_all(self, connection: sa.Connection, campaign_id: str) -> None:
        """Bring every attempt that this process drives up to date."""
        for number in self._database.clocks.attempts(campaign_id):
            seconds = self._database.clocks.seconds_spent(campaign_id, number)
            ledger.charge(connection, campaign_id, number, seconds)

    def set_experiment(
        self, campaign_id: str, tracking: str, experiment: str, *, anew: bool
    ) -> None:
        """Where the mirror writes. At a new place, or if the experiment had to be made `anew`,
        every trial is to be sent again.
        """
        with self._database.writing() as connection:
            campaign = self._database.campaign(connection, campaign_id)
            if (campaign.tracking, campaign.experiment) == (tracking, experiment) and not anew:
                return
            connection.execute(
                sa.update(CAMPAIGNS)
                .where(CAMPAIGNS.c.id == campaign.id)
                .values(tracking=tracking, experiment=experiment)
            )
            if campaign.experiment is not None:
                connection.execute(
                    sa.update(MIRROR)
                    .where(MIRROR.c.campaign == campaign.id)
                    .values(state="sending", run=None)
                )

    # ---------------------------------------------------------------- what it costs

    def ledger(self, campaign_id: str) -> Ledger:
        """What the campaign has cost so far."""
        with self._database.reading() as connection:
            return ledger.read(connection, campaign_id)

    def attempts(self, campaign_id: str, number: int) -> list[Attempt]:
        """The starts of a trial, in their order."""
        with self._database.reading() as connection:
            return ledger.attempts(connection, campaign_id, number)

    # ---------------------------------------------------------------- events

    def add_event(
        self, campaign_id: str, kind: str, detail: Mapping[str, Any] | None = None
    ) -> None:
        """Put a line into the campaign's history."""
        clean = {
            key: storable(item) if isinstance(item, str) else item
            for key, item in (detail or {}).items()
        }
        with self._database.writing() as connection:
            connection.execute(
                sa.insert(EVENTS).values(
                    campaign=campaign_id, at=time.time(), kind=kind, detail=clean
                )
            )

    def events(self, campaign_id: str) -> list[Event]:
        """The campaign's history, oldest first."""
        query = sa.select(EVENTS).where(EVENTS.c.campaign == campaign_id).order_by(EVENTS.c.id)
        with self._database.reading() as connection:
            return [
                Event(at=row.at, kind=row.kind, detail=row.detail or {})
                for row in connection.execute(query)
            ]

    # ---------------------------------------------------------------- the test split

    def add_opening(
        self,
        campaign_id: str,
        *,
        who: str,
        command: str,
        networks: Sequence[str],
        split: ScoredSplit = "test",
        also: str | None = None,
        once: bool = False,
    ) -> None:
        """Put on record that networks of the campaign were scored on a split, after the search.

        It counts for the campaign `also` as well. With `once` nothing is added if the campaign has
        an opening of the split.
        """
        values: dict[str, Any] = {"who": storable(who), "command": storable(command)}
        values |= {"at": time.time(), "networks": list(networks), "split": split}
        same = (OPENINGS.c.campaign == campaign_id, OPENINGS.c.split == split)
        with self._database.writing() as connection:
            if once and connection.execute(sa.select(OPENINGS.c.id).where(*same)).first():
                return
            for key in filter(None, (campaign_id, also)):
                connection.execute(sa.insert(OPENINGS).values(values | {"campaign": key}))

    def openings(self, campaign_id: str) -> list[Opening]:
        """Whoever scored networks of the campaign on a split after the search, oldest first."""
        of_campaign = OPENINGS.c.campaign == campaign_id
        query = sa.select(OPENINGS).where(of_campaign).order_by(OPENINGS.c.id)
        with self._database.reading() as connection:
            return [
                Opening(
                    at=row.at,
                    who=row.who,
                    command=row.command,
                    networks=tuple(row.networks),
                    split=row.split,
                )
                for row in connection.execute(query)
            ]

    def test_openings(self, campaign_id: str) -> int:
        """How often networks of the campaign were scored on the test split after the search."""
        return sum(opening.split == "test" for opening in self.openings(campaign_id))


def _check_new(connection: sa.Connection, campaign_id: str) -> None:
    """Raises StoreError for what is no campaign's id, and for one that is taken."""
    if not is_id(campaign_id):
        raise StoreError("", f"{campaign_id!r} is not the id of a campaign", "leave it out")
    taken = sa.select(CAMPAIGNS.c.id).where(CAMPAIGNS.c.id == campaign_id)
    if connection.execute(taken).first() is not None:
        cure = f"go on with it: ventral resume {campaign_id}"
        raise StoreError(f"campaign {campaign_id}", "is on record already", cure)


def _read_or_damaged(connection: sa.Connection, key: str, name: str, created: Any) -> Campaign:
    try:
        row = connection.execute(sa.select(CAMPAIGNS).where(CAMPAIGNS.c.id == key))
        return campaign_of(row.mappings().one())
    except StoreError as error:
        return damaged_campaign(key, name, created, error.problem)
