"""What is read of trials: one, many, the best, their reports, and what can be taken over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from search.store.database import Database
from search.store.records import (
    ENDED,
    STATUSES,
    Donor,
    Order,
    Reported,
    Status,
    Trial,
)
from search.store.reports import reports_of
from search.store.rows import trial_of, written_forms
from search.store.tables import GENOMES, JOURNAL, REPORTS, TRIALS

DONORS = 20
"""Trials of one work that are examined for what can be taken over."""


class Results:
    """Trials as they are read; those of a dead driver are waiting, whatever it last wrote."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, campaign_id: str, number: int) -> Trial:
        """One trial with its genome; StoreError if there is none."""
        with self._database.reading() as connection:
            trials = self._trials(
                connection, campaign_id, [TRIALS.c.number == number], genomes=True
            )
            if not trials:
                raise self._database.unknown_trial(connection, campaign_id, number)
            return trials[0]

    def read_origin(self, campaign_id: str, number: int) -> tuple[str, str | None]:
        """The origin and the family of a trial; StoreError if there is none of that number."""
        query = sa.select(TRIALS.c.origin, TRIALS.c.family).where(
            TRIALS.c.campaign == campaign_id, TRIALS.c.number == number
        )
        with self._database.reading() as connection:
            row = connection.execute(query).first()
            if row is None:
                raise self._database.unknown_trial(connection, campaign_id, number)
            return row.origin, row.family

    def find(
        self,
        campaign_id: str,
        *,
        statuses: Iterable[Status] = STATUSES,
        genomes: bool = False,
        cell: str | None = None,
        origin: str | None = None,
        by: Order = "number",
        limit: int | None = None,
    ) -> list[Trial]:
        """The campaign's trials by number, or by another quantity, the largest first.

        `cell` keeps those whose cell contains that text, `origin` those of that origin. `genome`
        is None in each unless asked for.
        """
        wanted = set(statuses)
        where: list[sa.ColumnElement[bool]] = []
        if wanted != set(STATUSES):
            where.append(TRIALS.c.status.in_(written_forms(wanted)))
        if cell is not None:
            where.append(TRIALS.c.cell.contains(cell, autoescape=True))
        if origin is not None:
            where.append(TRIALS.c.origin == origin)
        order: list[sa.ColumnElement[Any]] = [TRIALS.c.number]
        if by != "number":
            order.insert(0, TRIALS.c[by].desc().nulls_last())
        # One that is written as running may count as waiting: then the limit is kept here.
        exact = not wanted & {"waiting", "running"} or wanted >= {"waiting", "running"}
        with self._database.reading() as connection:
            trials = self._trials(
                connection, campaign_id, where, order, limit if exact else None, genomes=genomes
            )
            return [trial for trial in trials if trial.status in wanted][:limit]

    def some(self, campaign_id: str, numbers: Iterable[int]) -> list[Trial]:
        """The trials of those numbers, with genomes; what is not there is left out."""
        with self._database.reading() as connection:
            where = [TRIALS.c.number.in_(list(numbers))]
            return self._trials(connection, campaign_id, where, genomes=True)

    def ended(self, campaign_id: str) -> list[Trial]:
        """The ended trials in the order in which their results arrived: what a sampler knows."""
        ended = self.find(campaign_id, statuses=ENDED)
        return sorted(ended, key=lambda trial: trial.arrived or 0)

    def unfinished(self, campaign_id: str) -> list[Trial]:
        """Trials that a resumed driver continues, with genomes: first those once started."""
        waiting = self.find(campaign_id, statuses=("running", "waiting"), genomes=True)
        return sorted(waiting, key=lambda trial: (trial.started is None, trial.number))

    def top(
        self,
        campaign_id: str,
        n: int | None = 10,
        *,
        statuses: Iterable[Status] = ("finished", "pruned"),
        without: str | None = None,
        family: str | None = None,
        genomes: bool = False,
    ) -> list[Trial]:
        """The `n` best trials (None: all) by top1; of equals, the one with fewer parameters first.

        Those of the origin `without` ("control" for the controls) are left out, and with a
        `family` all that are not of it.
        """
        where: list[sa.ColumnElement[bool]] = [
            TRIALS.c.status.in_(written_forms(statuses)),
            TRIALS.c.top1.is_not(None),
        ]
        if without is not None:
            where.append(TRIALS.c.origin != without)
        if family is not None:
            where.append(TRIALS.c.family == family)
        order = (
            TRIALS.c.top1.desc(),
            sa.func.coalesce(TRIALS.c.parameters, 0),
            TRIALS.c.number,
        )
        with self._database.reading() as connection:
            return self._trials(connection, campaign_id, where, order, n, genomes=genomes)

    def counts(self, campaign_id: str) -> dict[Status, int]:
        """Number of trials by status; every status is there."""
        query = (
            sa.select(TRIALS.c.status, sa.func.count())
            .where(TRIALS.c.campaign == campaign_id)
            .group_by(TRIALS.c.status)
        )
        with self._database.reading() as connection:
            counts = {status: int(count) for status, count in connection.execute(query)}
            if counts.get("running") and self._database.campaign(
                connection, campaign_id
            ).state == ("interrupted"):
                counts["waiting"] = counts.get("waiting", 0) + counts.pop("running")
            return {status: counts.get(status, 0) for status in STATUSES}

    def count_family(self, campaign_id: str, family: str) -> int:
        """Number of trials of a family, those that may not be trained included."""
        query = sa.select(sa.func.count()).where(
            TRIALS.c.campaign == campaign_id, TRIALS.c.family == family
        )
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def failures(self, campaign_id: str) -> dict[str, int]:
        """How many trials failed, by what the reason begins with: "diverged", ..."""
        query = (
            sa.select(TRIALS.c.reason, sa.func.count())
            .where(TRIALS.c.campaign == campaign_id, TRIALS.c.status == "failed")
            .group_by(TRIALS.c.reason)
        )
        counts: dict[str, int] = {}
        with self._database.reading() as connection:
            for reason, count in connection.execute(query):
                kind = (reason or "unknown").partition(":")[0]
                counts[kind] = counts.get(kind, 0) + int(count)
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def ends(self, campaign_id: str, n: int) -> list[float]:
        """When the last `n` trials that were trained here ended, the last one first."""
        query = (
            sa.select(TRIALS.c.ended)
            .where(TRIALS.c.campaign == campaign_id, TRIALS.c.ended.is_not(None))
            .where(TRIALS.c.attempts > 0)
            .order_by(TRIALS.c.arrived.desc())
            .limit(n)
        )
        with self._database.reading() as connection:
            return [float(ended) for ended in connection.execute(query).scalars()]

    def reports(self, campaign_id: str, number: int) -> list[Reported]:
        """A trial's reports by epoch."""
        with self._database.reading() as connection:
            return reports_of(connection, campaign_id, [REPORTS.c.number == number])

    def all_reports(self, campaign_id: str) -> list[Reported]:
        """All reports of a campaign in the order of arrival."""
        with self._database.reading() as connection:
            return reports_of(connection, campaign_id, by="arrived")

    def journal(self, campaign_id: str) -> dict[int, list[dict[str, Any]]]:
        """For each suggestion, the sampler's calls since the one before."""
        query = sa.select(JOURNAL).where(JOURNAL.c.campaign == campaign_id)
        with self._database.reading() as connection:
            return {row.number: row.calls for row in connection.execute(query)}

    def donors(self, work: str, but: str | None = None) -> list[Donor]:
        """The trials of any campaign (`but` one) that did some of a work, or failed at it.

        Running ones are left out; those furthest on come first, and no more than DONORS.
        """
        query = (
            sa.select(TRIALS.c.campaign, TRIALS.c.number)
            .where(TRIALS.c.work == work, TRIALS.c.campaign != (but or ""))
            .where((TRIALS.c.epochs > 0) | (TRIALS.c.status == "failed"))
            .order_by(TRIALS.c.epochs.desc(), TRIALS.c.campaign, TRIALS.c.number)
            .limit(DONORS)
        )
        donors = []
        with self._database.reading() as connection:
            for row in connection.execute(query).all():
                where = [TRIALS.c.number == row.number]
                [trial] = self._trials(connection, row.campaign, where, genomes=True)
                if trial.status == "running":
                    continue
                document = self._database.campaign(connection, row.campaign).document
                donors.append(Donor(trial=trial, document=document))
        return donors

    def _trials(
        self,
        connection: sa.Connection,
        campaign_id: str,
        where: Sequence[sa.ColumnElement[bool]],
        order: Sequence[sa.ColumnElement[Any]] = (TRIALS.c.number,),
        limit: int | None = None,
        *,
        genomes: bool,
    ) -> list[Trial]:
        columns: list[Any] = [
            column for column in TRIALS.c if column.name not in ("genome", "work")
        ]
        query = sa.select(*columns)
        if genomes:
            query = sa.select(*columns, GENOMES.c.document).join(
                GENOMES, GENOMES.c.checksum == TRIALS.c.genome
            )
        query = query.where(TRIALS.c.campaign == campaign_id, *where).order_by(*order)
        rows = connection.execute(query.limit(limit)).mappings().all()
        trials = [trial_of(row) for row in rows]
        running = [trial.status == "running" for trial in trials]
        if (
            not any(running)
            or self._database.campaign(connection, campaign_id).state != "interrupted"
        ):
            return trials
        # A dead driver's trials are not running, whatever it last wrote.
        return [
            replace(trial, status="waiting") if runs else trial
            for trial, runs in zip(trials, running, strict=True)
        ]
