"""What the mirror has still to send to MLflow, and what it shows there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import sqlalchemy as sa

from search.store.database import Database, of_trial
from search.store.engine import insert_missing, insert_once
from search.store.records import ENDED, Outgoing, Reported, Unfinished
from search.store.reports import curves_of
from search.store.tables import EVENTS, MIRROR, TRIALS

_SHOWN = ("live", "sending")


class Outbox:
    """The ended trials on their way, and the others as far as MLflow shows them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pending(self, campaign_id: str, limit: int | None = None) -> list[Outgoing]:
        """The ended trials that the mirror has still to send, in the order of arrival."""
        query = (
            sa.select(MIRROR.c.number, MIRROR.c.version, MIRROR.c.run, MIRROR.c.state)
            .join(TRIALS, sa.and_(*_same_trial(MIRROR, TRIALS)))
            .where(MIRROR.c.campaign == campaign_id, MIRROR.c.state != "sent")
            .where(TRIALS.c.status.in_(ENDED))
            .order_by(TRIALS.c.arrived)
            .limit(limit)
        )
        with self._database.reading() as connection:
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
        with self._database.writing() as connection:
            _mark_sending(connection, campaign_id, numbers)

    def mark_sent(self, campaign_id: str, sent: Mapping[int, tuple[str, int]]) -> None:
        """These trials arrived: number -> (run id, version that was sent).

        One that changed meanwhile stays in the outbox, with its run.
        """
        with self._database.writing() as connection:
            for number, (run, version) in sent.items():
                row = sa.update(MIRROR).where(*of_trial(MIRROR, campaign_id, number))
                connection.execute(row.values(run=run))
                connection.execute(row.where(MIRROR.c.version == version).values(state="sent"))

    def unfinished_runs(self, campaign_id: str) -> list[Unfinished]:
        """The trials that have not ended and that run, or whose runs MLflow may show running."""
        query = (
            sa.select(
                TRIALS.c.number, TRIALS.c.status, MIRROR.c.version, MIRROR.c.run, MIRROR.c.state
            )
            .join(MIRROR, sa.and_(*_same_trial(MIRROR, TRIALS)), isouter=True)
            .where(TRIALS.c.campaign == campaign_id, TRIALS.c.status.in_(("running", "waiting")))
            .where((TRIALS.c.status == "running") | MIRROR.c.state.in_(_SHOWN))
            .order_by(TRIALS.c.number)
        )
        with self._database.reading() as connection:
            return [
                Unfinished(
                    number=row.number,
                    version=row.version or 1,
                    run=row.run,
                    doubtful=row.run is None and row.state == "sending",
                    status=row.status,
                    shown=row.state in _SHOWN,
                )
                for row in connection.execute(query)
            ]

    def shows_running(self, campaign_id: str) -> bool:
        """Whether MLflow may show runs as running, of trials that have not ended."""
        return any(entry.shown for entry in self.unfinished_runs(campaign_id))

    def new_reports(
        self, campaign_id: str, whole: Collection[int], others: Collection[int], after: int
    ) -> list[Reported]:
        """What curves are made of, in the order of arrival: every report of the trials `whole`,
        and those of `others` that arrived after that place in the campaign's sequence.
        """
        with self._database.reading() as connection:
            return curves_of(connection, campaign_id, whole, others, after)

    def mark_showing(self, campaign_id: str, numbers: Collection[int]) -> None:
        """The mirror is about to show these trials, which have not ended: their runs may exist."""
        rows = [
            {"campaign": campaign_id, "number": number, "state": "sending", "version": 1}
            for number in numbers
        ]
        with self._database.writing() as connection:
            insert_missing(connection, MIRROR, rows)
            _mark_sending(connection, campaign_id, numbers)

    def mark_shown(
        self,
        campaign_id: str,
        shown: Mapping[int, tuple[str | None, int]],
        running: Collection[int],
    ) -> None:
        """MLflow shows these: number -> (run id if there is one, version), the `running` ones as
        such and the others as waiting. One that ended meanwhile is left to the outbox.
        """
        if not shown:
            return
        values = [
            {
                "of": campaign_id,
                "trial": number,
                "was": version,
                "shows": run,
                "as": "live" if number in running else "sent",
            }
            for number, (run, version) in shown.items()
        ]
        statement = (
            sa.update(MIRROR)
            .where(MIRROR.c.campaign == sa.bindparam("of"))
            .where(MIRROR.c.number == sa.bindparam("trial"))
            .where(MIRROR.c.version == sa.bindparam("was"))
            .values(run=sa.bindparam("shows"), state=sa.bindparam("as"))
        )
        with self._database.writing() as connection:
            connection.execute(statement, values)

    def resend(self, campaign_id: str, number: int) -> None:
        """The run of this trial turned out to be incomplete: send it again if the trial ended."""
        with self._database.writing() as connection:
            connection.execute(
                sa.update(MIRROR)
                .where(*of_trial(MIRROR, campaign_id, number))
                .values(state="sending", version=MIRROR.c.version + 1)
            )

    def resend_all(self, campaign_ids: Collection[str]) -> None:
        """Nothing that was sent of these campaigns is there any more."""
        with self._database.writing() as connection:
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
        with self._database.reading() as connection:
            return int(connection.execute(query.select_from(MIRROR)).scalar_one())

    def oldest(self, campaign_id: str) -> float | None:
        """When the trial ended that has waited longest to be sent; None if none waits."""
        query = (
            sa.select(sa.func.min(TRIALS.c.ended))
            .join(MIRROR, sa.and_(*_same_trial(MIRROR, TRIALS)))
            .where(MIRROR.c.campaign == campaign_id, MIRROR.c.state != "sent")
            .where(TRIALS.c.status.in_(ENDED))
        )
        with self._database.reading() as connection:
            ended = connection.execute(query).scalar_one()
        return None if ended is None else float(ended)

    def mirror_error(self, campaign_id: str) -> str | None:
        """What last kept the mirror from sending; None if it has sent since."""
        query = (
            sa.select(EVENTS.c.kind, EVENTS.c.detail)
            .where(EVENTS.c.campaign == campaign_id)
            .where(EVENTS.c.kind.in_(("mirror-away", "mirror-refused", "mirror-back")))
            .order_by(EVENTS.c.id.desc())
            .limit(1)
        )
        with self._database.reading() as connection:
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
        with self._database.reading() as connection:
            return {row.number: row.run for row in connection.execute(query)}


def _mark_sending(connection: sa.Connection, campaign_id: str, numbers: Iterable[int]) -> None:
    connection.execute(
        sa.update(MIRROR)
        .where(MIRROR.c.campaign == campaign_id, MIRROR.c.number.in_(list(numbers)))
        .values(state="sending")
    )


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
