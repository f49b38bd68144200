"""What the mirror has still to send to MLflow."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import sqlalchemy as sa

from search.store.connected import Connected, of_trial
from search.store.database import insert_once
from search.store.records import ENDED, Outgoing
from search.store.tables import EVENTS, MIRROR, TRIALS


class Outbox(Connected):
    """The ended trials on their way."""

    def outbox(self, campaign_id: str, limit: int | None = None) -> list[Outgoing]:
        """The ended trials that the mirror has still to send, in the order of arrival."""
        query = (
            sa.select(MIRROR.c.number, MIRROR.c.version, MIRROR.c.run, MIRROR.c.state)
            .join(TRIALS, sa.and_(*_same_trial(MIRROR, TRIALS)))
            .where(MIRROR.c.campaign == campaign_id, MIRROR.c.state != "sent")
            .where(TRIALS.c.status.in_(ENDED))
            .order_by(TRIALS.c.arrived)
            .limit(limit)
        )
        with self._reading() as connection:
            return [
                Outgoing(
                    number=row.number,
                    version=row.version,
                    run=row.run,
                    doubtful=row.run is None and row.state == "sending",
                )
                for row in connection.execute(query)
            ]

    def mark_sending(self, campaign_id: str, numbers: Iterable[int]) -> None:
        """The mirror is about to send these: from now on their runs may exist."""
        with self._writing() as connection:
            connection.execute(
                sa.update(MIRROR)
                .where(MIRROR.c.campaign == campaign_id, MIRROR.c.number.in_(list(numbers)))
                .values(state="sending")
            )

    def mark_sent(self, campaign_id: str, sent: Mapping[int, tuple[str, int]]) -> None:
        """These trials arrived: number -> (run id, version that was sent).

        One that changed meanwhile stays in the outbox, with its run.
        """
        with self._writing() as connection:
            for number, (run, version) in sent.items():
                row = sa.update(MIRROR).where(*of_trial(MIRROR, campaign_id, number))
                connection.execute(row.values(run=run))
                connection.execute(row.where(MIRROR.c.version == version).values(state="sent"))

    def resend(self, campaign_id: str, number: int) -> None:
        """The run of this trial turned out to be incomplete: send it again if the trial ended."""
        with self._writing() as connection:
            connection.execute(
                sa.update(MIRROR)
                .where(*of_trial(MIRROR, campaign_id, number))
                .values(state="sending", version=MIRROR.c.version + 1)
            )

    def resend_all(self, campaign_ids: Collection[str]) -> None:
        """Nothing that was sent of these campaigns is there any more."""
        with self._writing() as connection:
            connection.execute(
                sa.update(MIRROR)
                .where(MIRROR.c.campaign.in_(campaign_ids))
                .values(state="sending", run=None, version=MIRROR.c.version + 1)
            )

    def backlog(self, campaign_id: str) -> int:
        """How many ended trials the mirror has still to send."""
        query = (
            sa.select(sa.func.count())
            .join(TRIALS, sa.and_(*_same_trial(MIRROR, TRIALS)))
            .where(MIRROR.c.campaign == campaign_id, MIRROR.c.state != "sent")
            .where(TRIALS.c.status.in_(ENDED))
        )
        with self._reading() as connection:
            return int(connection.execute(query.select_from(MIRROR)).scalar_one())

    def mirror_error(self, campaign_id: str) -> str | None:
        """What last kept the mirror from sending; None if it has sent since."""
        query = (
            sa.select(EVENTS.c.kind, EVENTS.c.detail)
            .where(EVENTS.c.campaign == campaign_id)
            .where(EVENTS.c.kind.in_(("mirror-away", "mirror-refused", "mirror-back")))
            .order_by(EVENTS.c.id.desc())
            .limit(1)
        )
        with self._reading() as connection:
            last = connection.execute(query).first()
        if last is None or last.kind == "mirror-back":
            return None
        error = str((last.detail or {}).get("error", "unknown"))
        if last.kind == "mirror-refused":
            return f"MLflow refuses trial {last.detail.get('trial')}: {error}"
        return error

    def runs(self, campaign_id: str) -> dict[int, str]:
        """The MLflow run of each trial that has one."""
        query = sa.select(MIRROR.c.number, MIRROR.c.run).where(
            MIRROR.c.campaign == campaign_id, MIRROR.c.run.is_not(None)
        )
        with self._reading() as connection:
            return {row.number: row.run for row in connection.execute(query)}


def _same_trial(left: sa.Table, right: sa.Table) -> tuple[sa.ColumnElement[bool], ...]:
    return left.c.campaign == right.c.campaign, left.c.number == right.c.number


def hand_out(connection: sa.Connection, campaign_id: str, number: int) -> None:
    """Put a trial into the mirror's outbox, again if it was there before."""
    row = {"campaign": campaign_id, "number": number, "state": "pending", "version": 1}
    if not insert_once(connection, MIRROR, row):
        # What was perhaps sent stays doubtful until the mirror has looked.
        state = sa.case((MIRROR.c.state == "sending", "sending"), else_="pending")
        connection.execute(
            sa.update(MIRROR)
            .where(*of_trial(MIRROR, campaign_id, number))
            .values(state=state, version=MIRROR.c.version + 1)
        )
