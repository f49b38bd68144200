"""What is written of trials, from the suggestion to the end."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from search.store import ledger
from search.store.database import Database, of_trial, refuse_if_running, storable
from search.store.engine import insert_once
from search.store.ledger import How
from search.store.new_trials import put_on_record
from search.store.outbox import hand_out
from search.store.records import ENDED, NewTrial, Status
from search.store.reports import report_row, scores_of
from search.store.tables import CAMPAIGNS, REPORTS, TRIALS
from space.errors import StoreError
from workers.job import Report


class Trials:
    """Trials: added, started, reported on, ended, tried again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, campaign_id: str, trial: NewTrial) -> None:
        """Put a trial on record. StoreError if the campaign has a trial of that number."""
        with self._database.writing() as connection:
            put_on_record(self._database, connection, campaign_id, trial)

    def next_number(self, campaign_id: str) -> int:
        """The number of the next new trial: one more than the highest so far, or 0."""
        highest = sa.select(sa.func.max(TRIALS.c.number)).where(TRIALS.c.campaign == campaign_id)
        with self._database.reading() as connection:
            number = connection.execute(highest).scalar_one_or_none()
            return 0 if number is None else int(number) + 1

    def start(self, campaign_id: str, number: int, *, devices: float = 1.0) -> None:
        """A worker takes the trial up, for the first time or again, on `devices` devices."""
        values: dict[str, Any] = {
            "status": "running",
            "reason": None,
            "detail": None,
            "started": sa.func.coalesce(TRIALS.c.started, time.time()),
            "ended": None,
            "arrived": None,
            "attempts": TRIALS.c.attempts + 1,
        }
        with self._database.writing() as connection:
            attempt = self._change(connection, campaign_id, number, values)
            ledger.begin(connection, campaign_id, number, attempt, devices)
            self._database.clocks.begin(campaign_id, number)

    def requeue(self, campaign_id: str, number: int, reason: str | None = None) -> None:
        """A trial whose worker was lost waits again, with all that it reported."""
        values = {"status": "waiting", "reason": storable(reason)}
        with self._database.writing() as connection:
            self._change(connection, campaign_id, number, values)
            self._end_attempt(connection, campaign_id, number, "lost")

    def fill_motifs(self, campaign_id: str, motifs: Mapping[int, Sequence[str]]) -> None:
        """Put the words of trials' networks on record, by number, where there are none yet."""
        rows = [{"of": campaign_id, "trial": n, "words": list(w)} for n, w in motifs.items()]
        if rows:
            with self._database.writing() as connection:
                connection.execute(_FILL, rows)

    def retry(self, campaign_id: str, number: int) -> None:
        """A failed trial waits to be trained again, and its campaign to go on.

        What it reported stays. StoreError if it has not failed, or while the campaign runs.
        """
        values = {"status": "waiting", "reason": None, "ended": None, "arrived": None}
        with self._database.writing() as connection:
            campaign = self._database.campaign(connection, campaign_id)
            refuse_if_running(campaign)
            failed = connection.execute(
                sa.update(TRIALS)
                .where(*of_trial(TRIALS, campaign.id, number), TRIALS.c.status == "failed")
                .values(values)
            )
            if failed.rowcount != 1:
                if not self._exists(connection, campaign.id, number):
                    raise self._database.unknown_trial(connection, campaign.id, number)
                raise StoreError(
                    f"trial {number} of campaign {campaign.id}",
                    "has not failed",
                    f"`ventral trial show {campaign.id} {number}` shows its outcome",
                )
            connection.execute(
                sa.update(CAMPAIGNS)
                .where(CAMPAIGNS.c.id == campaign.id, CAMPAIGNS.c.state == "finished")
                .values(state="stopped", reason="trials are to be tried again")
            )

    def _change(
        self,
        connection: sa.Connection,
        campaign_id: str,
        number: int,
        values: Mapping[str, Any],
    ) -> int:
        """Change a trial; its attempts so far. StoreError if there is none."""
        attempts = connection.execute(
            sa.update(TRIALS)
            .where(*of_trial(TRIALS, campaign_id, number))
            .values(dict(values))
            .returning(TRIALS.c.attempts)
        ).scalar_one_or_none()
        if attempts is None:
            raise self._database.unknown_trial(connection, campaign_id, number)
        return int(attempts)

    def _end_attempt(
        self, connection: sa.Connection, campaign_id: str, number: int, how: How
    ) -> None:
        seconds = self._database.clocks.seconds_spent(campaign_id, number)
        ledger.end(connection, campaign_id, how, number, seconds=seconds)
        self._database.clocks.end(campaign_id, number)

    def add_report(
        self,
        campaign_id: str,
        number: int,
        report: Report,
        *,
        trained: bool = True,
        late: bool = False,
    ) -> bool:
        """Keep one epoch's report.

        Idempotent by epoch: a repeated one changes no score and gives False. It is charged as an
        epoch that was trained again, unless `trained` is false: a checkpoint's memory of it.
        `late` is as in `Reported`.
        """
        row = report_row(report) | {"late": late}
        with self._database.writing() as connection:
            row |= {"campaign": campaign_id, "number": number, "at": time.time()}
            row["arrived"] = self._database.next_place(connection, campaign_id)
            this = {"of": campaign_id, "trial": number}
            trial = connection.execute(_HELD, this).one_or_none()
            if trial is None:
                raise self._database.unknown_trial(connection, campaign_id, number)
            new = insert_once(connection, REPORTS, row)
            if new or trained:
                spent = self._database.clocks.seconds_spent(campaign_id, number)
                again = int(not new)
                ledger.charge(
                    connection, campaign_id, number, spent, epochs=1 - again, repeated=again
                )
            if not new:
                return False
            scores = [score for score in (trial.best, row["top1"]) if score is not None]
            values = {"best": max(scores, default=None)}
            if row["epoch"] > trial.epochs:
                values |= scores_of(row)
            connection.execute(_SCORED, values | this)
            return True

    def finish(
        self,
        campaign_id: str,
        number: int,
        status: Status,
        reason: str | None = None,
        detail: str | None = None,
    ) -> None:
        """The trial has ended: finished, pruned, infeasible or failed, with a reason.

        The trial takes its place in the order of arrivals, and the mirror will send it.
        Idempotent: the same end again changes nothing.
        """
        if status not in ENDED:
            raise ValueError(f"{status!r} is not an end; one of {', '.join(ENDED)} is")
        with self._database.writing() as connection:
            place = self._database.next_place(connection, campaign_id)
            done = connection.execute(
                sa.update(TRIALS)
                .where(*of_trial(TRIALS, campaign_id, number), TRIALS.c.status != status)
                .values(
                    status=status,
                    reason=storable(reason),
                    detail=storable(detail),
                    ended=time.time(),
                    arrived=place,
                )
            )
            if done.rowcount == 1:
                hand_out(connection, campaign_id, number)
                if status != "infeasible":
                    self._end_attempt(connection, campaign_id, number, status)  # type: ignore[arg-type]
            elif not self._exists(connection, campaign_id, number):
                raise self._database.unknown_trial(connection, campaign_id, number)

    def _exists(self, connection: sa.Connection, campaign_id: str, number: int) -> bool:
        query = sa.select(sa.literal(1)).where(*of_trial(TRIALS, campaign_id, number))
        return connection.execute(query).first() is not None


# What is executed at every epoch of every trial is made once: to make it takes longer.
_THIS = (TRIALS.c.campaign == sa.bindparam("of"), TRIALS.c.number == sa.bindparam("trial"))
_HELD = sa.select(TRIALS.c.epochs, TRIALS.c.best).where(*_THIS)
_SCORED = sa.update(TRIALS).where(*_THIS)


_FILL = (
    sa.update(TRIALS)
    .where(
        TRIALS.c.campaign == sa.bindparam("of"),
        TRIALS.c.number == sa.bindparam("trial"),
        TRIALS.c.motifs.is_(sa.null()),
    )
    .values(motifs=sa.bindparam("words"))
)
