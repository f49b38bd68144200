"""The store: the truth about campaigns and their trials.

One writer, the campaign's driver, and any number of readers, on SQLite (a file in the home) or
PostgreSQL (by URL), through SQLAlchemy alone. The store knows nothing of Ray, of samplers or of
how a genome is built; of MLflow it knows only which trials the mirror has still to send.

A campaign's `sequence` counts everything that happens in it: trials get a number from it when
they are added and when they end, reports when they arrive. The order of these numbers is the
order in which results arrived, whatever the clocks say.

All times are seconds since 1970 (UTC). Scores are fractions in 0..1; a score that is no finite
number is stored as NULL and read as None.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from search.home import Process
from search.store import ledger as charges
from search.store.database import check_schema, clear_errors, engine_for, finite, insert_once
from search.store.ledger import Attempt, How, Ledger
from search.store.records import (
    ENDED,
    STATUSES,
    Campaign,
    Donor,
    Event,
    Order,
    Outgoing,
    Scalar,
    State,
    Status,
    Takeover,
    Trial,
)
from search.store.tables import (
    CAMPAIGNS,
    EVENTS,
    GENOMES,
    JOURNAL,
    MIRROR,
    REPORTS,
    SHARES,
    TRIALS,
)
from space.errors import StoreError

HEARTBEAT_SECONDS = 5.0
"""How often a driver should call `Store.heartbeat`."""
SILENCE_SECONDS = 60.0
"""How long the driver of another machine may be silent before it counts as dead."""

DONORS = 20
"""So many trials of one work are looked at for what can be taken over."""

ID_LETTERS = "abcdefghjkmnpqrstuvwxyz"
ID_SIGNS = ID_LETTERS + "23456789"


@dataclass(frozen=True, kw_only=True)
class Store:
    """An open store. Safe to use from several threads; every call is one transaction.

    `where` is the SQLite file, or the address without its password. Every method raises
    StoreError with the cause and a cure if the database is away, full, locked for long or not
    writable.
    """

    where: str
    _engine: sa.Engine
    # Monotonic time of each campaign's last sign of life from this process.
    _beats: dict[str, float] = field(default_factory=dict)
    # Monotonic start of each attempt that this process drives, by campaign and number.
    _begun: dict[tuple[str, int], float] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    # ---------------------------------------------------------------- opening

    @classmethod
    def open(cls, url: str, *, create: bool = True) -> Store:
        """Open the store at `url`, making it or bringing it up to this version if needed.

        With `create=False` a store that does not exist is a StoreError. Raises StoreError as
        well if the database is a newer version's, is something else than a store of Ventral, or
        cannot be reached. Several processes may open one store at once.
        """
        shown, engine = engine_for(url, create)
        with clear_errors(shown):
            check_schema(shown, engine)
        return cls(where=shown, _engine=engine)

    def close(self) -> None:
        """Give the connections back. The store may be used again all the same."""
        self._engine.dispose()

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        """A connection to read by. `search.tune.shares` works through these two as well."""
        with clear_errors(self.where), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with clear_errors(self.where), self._engine.connect() as connection:
            writer = connection.execution_options(ventral_writes=True)
            with writer.begin():
                yield writer

    # ---------------------------------------------------------------- campaigns

    def create_campaign(
        self,
        name: str,
        document: Mapping[str, Any],
        space: Mapping[str, Any],
        data: Mapping[str, Any],
    ) -> Campaign:
        """A new campaign, waiting for its driver. Names may repeat; the id is new."""
        campaign_id = _new_id()
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
        with self._writing() as connection:
            connection.execute(sa.insert(CAMPAIGNS).values(values))
            return self._campaign(connection, campaign_id)

    def campaign(self, id_or_name: str) -> Campaign:
        """The campaign of that id, else the newest one of that name, else StoreError."""
        with self._reading() as connection:
            return self._campaign(connection, id_or_name)

    def named(self, name: str) -> list[Campaign]:
        """The campaigns of that name, newest first."""
        order = (CAMPAIGNS.c.created.desc(), CAMPAIGNS.c.id)
        query = sa.select(CAMPAIGNS).where(CAMPAIGNS.c.name == name).order_by(*order)
        with self._reading() as connection:
            return [_campaign_of(row) for row in connection.execute(query).mappings()]

    def campaigns(self) -> list[Campaign]:
        """All campaigns, newest first."""
        order = (CAMPAIGNS.c.created.desc(), CAMPAIGNS.c.id)
        with self._reading() as connection:
            rows = connection.execute(sa.select(CAMPAIGNS).order_by(*order)).mappings()
            return [_campaign_of(row) for row in rows]

    def set_state(self, campaign_id: str, state: State, reason: str | None = None) -> None:
        """Move a campaign to `state`: the driver's first call ("running") and its last.

        "running" makes this process the campaign's driver; StoreError if another one is alive.
        Trials that a dead driver left running become waiting. The other states end the run:
        what was running is waiting again, and the time since the last heartbeat is added.
        """
        with self._writing() as connection:
            campaign = self._campaign(connection, campaign_id)
            if state == "running":
                values = self._claim(campaign)
            elif state in ("finished", "stopped", "failed", "waiting"):
                values = {
                    "state": state,
                    "reason": _text(reason),
                    "ended": time.time(),
                    "heartbeat": time.time(),
                    "stop_asked": False,
                    "seconds": CAMPAIGNS.c.seconds + self._elapsed(campaign.id, last=True),
                }
            else:
                raise ValueError(f"{state!r} is not a state that a campaign can be moved to")
            connection.execute(
                sa.update(CAMPAIGNS).where(CAMPAIGNS.c.id == campaign.id).values(values)
            )
            if state == "running":
                # Whatever is open is a dead driver's, which was last seen alive at its heartbeat.
                charges.end(connection, campaign.id, "interrupted", at=campaign.heartbeat)
            else:
                self._charge_all(connection, campaign.id)
                charges.end(connection, campaign.id, "stopped")
                connection.execute(sa.delete(SHARES).where(SHARES.c.campaign == campaign.id))
            self._forget(campaign.id)
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
        with self._writing() as connection:
            campaign = self._campaign(connection, campaign_id)
            self._refuse_if_running(campaign)
            values: dict[str, Any] = {"document": dict(document)}
            if campaign.state == "finished":
                values |= {"state": "stopped", "reason": _text(reason)}
            connection.execute(
                sa.update(CAMPAIGNS).where(CAMPAIGNS.c.id == campaign.id).values(values)
            )

    def _refuse_if_running(self, campaign: Campaign) -> None:
        if campaign.state == "running":
            raise StoreError(
                f"campaign {campaign.id}",
                "is running, and its driver would not see the change",
                f"stop it first, with `ventral stop {campaign.id}`",
            )

    def _claim(self, campaign: Campaign) -> dict[str, Any]:
        me = Process.current()
        if campaign.state == "running" and campaign.driver and campaign.driver != me:
            raise StoreError(
                f"campaign {campaign.id}",
                f"is being run by process {campaign.driver.pid} on {campaign.driver.machine}",
                f"wait for it, or stop it with `ventral stop {campaign.id}`",
            )
        self._elapsed(campaign.id)
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
        with self._writing() as connection:
            owner = str(Process.current())
            mine = (CAMPAIGNS.c.id == campaign_id) & (CAMPAIGNS.c.driver == owner)
            asked = connection.execute(
                sa.update(CAMPAIGNS)
                .where(mine, CAMPAIGNS.c.state == "running")
                .values(
                    heartbeat=time.time(),
                    seconds=CAMPAIGNS.c.seconds + self._elapsed(campaign_id),
                )
                .returning(CAMPAIGNS.c.stop_asked)
            ).scalar_one_or_none()
            if asked is None:
                raise StoreError(
                    f"campaign {campaign_id}",
                    "was taken over by another driver, or ended from outside",
                    f"`ventral status {campaign_id}` shows who runs it",
                )
            self._charge_all(connection, campaign_id)
            return bool(asked)

    def release(self, campaign_id: str) -> None:
        """The campaign's workers were ended: from now on no device is charged to it.

        Nothing happens if another driver has taken the campaign over: its workers live.
        """
        with self._writing() as connection:
            if self._campaign(connection, campaign_id).driver != Process.current():
                return
            self._charge_all(connection, campaign_id)
            charges.end(connection, campaign_id, "stopped")
            self._forget(campaign_id)

    def ask_stop(self, campaign_id: str) -> Campaign:
        """Ask the driver, wherever it runs, to stop at its next heartbeat."""
        with self._writing() as connection:
            campaign = self._campaign(connection, campaign_id)
            connection.execute(
                sa.update(CAMPAIGNS)
                .where(CAMPAIGNS.c.id == campaign.id, CAMPAIGNS.c.state == "running")
                .values(stop_asked=True)
            )
            return campaign

    def _elapsed(self, campaign_id: str, *, last: bool = False) -> float:
        """Seconds since this process's last call for the campaign, by the monotonic clock."""
        with self._guard:
            at = time.monotonic()
            before = self._beats.pop(campaign_id, at)
            if not last:
                self._beats[campaign_id] = at
            return at - before

    def _spent(self, campaign_id: str, number: int) -> float | None:
        """Seconds since this process began a trial's attempt; None if it did not."""
        begun = self._begun.get((campaign_id, number))
        return None if begun is None else time.monotonic() - begun

    def _charge_all(self, connection: sa.Connection, campaign_id: str) -> None:
        """Bring every attempt that this process drives up to date."""
        for owner, number in list(self._begun):
            if owner == campaign_id:
                seconds = self._spent(owner, number)
                charges.charge(connection, owner, number, seconds)

    def _forget(self, campaign_id: str) -> None:
        for key in [key for key in self._begun if key[0] == campaign_id]:
            self._begun.pop(key, None)

    def _campaign(self, connection: sa.Connection, id_or_name: str) -> Campaign:
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
            raise self._unknown_campaign(connection, id_or_name)
        return _campaign_of(row)

    def _unknown_campaign(self, connection: sa.Connection, wanted: str) -> StoreError:
        known = connection.execute(
            sa.select(CAMPAIGNS.c.id, CAMPAIGNS.c.name).order_by(CAMPAIGNS.c.created.desc())
        ).all()
        if not known:
            cure = "it holds none yet; `ventral submit FILE` starts one"
        else:
            labels = [label for row in known for label in (row.id, row.name)]
            close = difflib.get_close_matches(wanted, labels, n=3, cutoff=0.6)
            named = dict.fromkeys(close or [f"{row.id} ({row.name})" for row in known[:5]])
            cure = ("did you mean " if close else "there are ") + ", ".join(named)
            cure += "; `ventral list` shows all"
        return StoreError("", f"no campaign {wanted!r} in {self.where}", cure)

    def set_experiment(
        self, campaign_id: str, tracking: str, experiment: str, *, anew: bool
    ) -> None:
        """Where the mirror writes. At a new place, or if the experiment had to be made `anew`,
        every trial is to be sent again.
        """
        with self._writing() as connection:
            campaign = self._campaign(connection, campaign_id)
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

    # ---------------------------------------------------------------- trials, written

    def add_trial(
        self,
        campaign_id: str,
        number: int,
        *,
        digest: str,
        genome: Mapping[str, Any],
        recipe: Mapping[str, Any],
        seed: int,
        choices: Mapping[str, Scalar],
        origin: str,
        parameters: int | None,
        macs: int | None,
        cell: str,
        status: Status = "waiting",
        reason: str | None = None,
        folder: str | None = None,
        work: str | None = None,
        takeover: Takeover | None = None,
        calls: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        """Put a trial on record before anything is done for it (or "infeasible" at once).

        `calls` is the journal of a suggestion. `work` is what `trained` finds it by. With a
        `takeover` it begins with another trial's reports, and may have ended by them. StoreError
        if the campaign has a trial of that number.
        """
        if status not in ("waiting", "infeasible"):
            raise ValueError(f"a new trial is waiting or infeasible, not {status!r}")
        document = dict(genome)
        checksum = _checksum(document)
        at = time.time()
        with self._writing() as connection:
            place = self._next(connection, campaign_id)
            insert_once(
                connection,
                GENOMES,
                {"checksum": checksum, "digest": digest, "document": document},
            )
            new = insert_once(
                connection,
                TRIALS,
                {
                    "campaign": campaign_id,
                    "number": number,
                    "digest": digest,
                    "genome": checksum,
                    "recipe": dict(recipe),
                    "choices": dict(choices),
                    "seed": seed,
                    "origin": origin,
                    "cell": cell,
                    "parameters": parameters,
                    "macs": macs,
                    "status": status,
                    "reason": _text(reason),
                    "folder": folder,
                    "attempts": 0,
                    "epochs": 0,
                    "seconds": 0.0,
                    "created": at,
                    "ended": at if status in ENDED else None,
                    "suggested": place,
                    "arrived": place if status in ENDED else None,
                    "work": work,
                    "source_epochs": 0,
                },
            )
            if not new:
                raise StoreError(
                    f"campaign {campaign_id}",
                    f"holds a trial {number} already",
                    "take the number from `Store.next_number`",
                )
            if calls is not None:
                row = {"campaign": campaign_id, "number": number, "calls": list(calls)}
                connection.execute(sa.insert(JOURNAL).values(row))
            if status in ENDED:
                _hand_out(connection, campaign_id, number)
            elif takeover is not None:
                self._take_over(connection, campaign_id, number, takeover)

    def _take_over(
        self, connection: sa.Connection, campaign_id: str, number: int, takeover: Takeover
    ) -> None:
        """Give a new trial the donor's reports, as if it had made them, and its end if any."""
        donor, at = takeover.donor.trial, time.time()
        where = [REPORTS.c.number == donor.number, REPORTS.c.epoch <= takeover.epochs]
        reports = _reports_of(connection, donor.campaign, where)
        values: dict[str, Any] = {
            "source": takeover.donor.name,
            "source_epochs": takeover.epochs,
        }
        for report in reports:
            held = {key: report[key] for key in report if key not in ("at", "arrived")}
            row = _report_row(held) | {"campaign": campaign_id, "number": number, "at": at}
            row["arrived"] = self._next(connection, campaign_id)
            connection.execute(sa.insert(REPORTS).values(row))
        if reports:
            last, scores = reports[-1], [one["top1"] for one in reports]
            values |= {key: last[key] for key in ("top1", "top5", "loss", "memory_mb")}
            values |= {"epochs": last["epoch"], "seconds": last["seconds"] or 0.0}
            values["best"] = max((one for one in scores if one is not None), default=None)
        if takeover.status is not None:
            values |= {
                "status": takeover.status,
                "reason": _text(takeover.reason),
                "detail": _text(takeover.detail),
                "ended": at,
                "arrived": self._next(connection, campaign_id),
            }
        connection.execute(
            sa.update(TRIALS).where(*_is(TRIALS, campaign_id, number)).values(values)
        )
        if takeover.status is not None:
            _hand_out(connection, campaign_id, number)

    def next_number(self, campaign_id: str) -> int:
        """The number of the next new trial: one more than the highest so far, or 0."""
        highest = sa.select(sa.func.max(TRIALS.c.number)).where(TRIALS.c.campaign == campaign_id)
        with self._reading() as connection:
            found = connection.execute(highest).scalar_one_or_none()
            return 0 if found is None else int(found) + 1

    def start_trial(
        self, campaign_id: str, number: int, folder: str | None = None, *, devices: float = 1.0
    ) -> None:
        """A worker takes the trial up, for the first time or once more, on so many devices."""
        values: dict[str, Any] = {
            "status": "running",
            "reason": None,
            "detail": None,
            "started": sa.func.coalesce(TRIALS.c.started, time.time()),
            "ended": None,
            "arrived": None,
            "attempts": TRIALS.c.attempts + 1,
        }
        if folder is not None:
            values["folder"] = folder
        with self._writing() as connection:
            attempt = self._change(connection, campaign_id, number, values)
            charges.begin(connection, campaign_id, number, attempt, devices)
            self._begun[campaign_id, number] = time.monotonic()

    def requeue_trial(self, campaign_id: str, number: int, reason: str | None = None) -> None:
        """A trial whose worker was lost waits again, with all that it reported."""
        values = {"status": "waiting", "reason": _text(reason)}
        with self._writing() as connection:
            self._change(connection, campaign_id, number, values)
            self._end_attempt(connection, campaign_id, number, "lost")

    def retry_trial(self, campaign_id: str, number: int) -> None:
        """A failed trial waits to be trained once more, and its campaign to go on.

        What it reported stays. StoreError if it has not failed, or while the campaign runs.
        """
        values = {"status": "waiting", "reason": None, "ended": None, "arrived": None}
        with self._writing() as connection:
            campaign = self._campaign(connection, campaign_id)
            self._refuse_if_running(campaign)
            failed = connection.execute(
                sa.update(TRIALS)
                .where(*_is(TRIALS, campaign.id, number), TRIALS.c.status == "failed")
                .values(values)
            )
            if failed.rowcount != 1:
                if not self._exists(connection, campaign.id, number):
                    raise self._unknown_trial(connection, campaign.id, number)
                raise StoreError(
                    f"trial {number} of campaign {campaign.id}",
                    "has not failed",
                    f"`ventral trial show {campaign.id} {number}` shows what became of it",
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
            .where(*_is(TRIALS, campaign_id, number))
            .values(dict(values))
            .returning(TRIALS.c.attempts)
        ).scalar_one_or_none()
        if attempts is None:
            raise self._unknown_trial(connection, campaign_id, number)
        return int(attempts)

    def _end_attempt(
        self, connection: sa.Connection, campaign_id: str, number: int, how: How
    ) -> None:
        seconds = self._spent(campaign_id, number)
        charges.end(connection, campaign_id, how, number, seconds=seconds)
        self._begun.pop((campaign_id, number), None)

    def add_report(
        self, campaign_id: str, number: int, report: Mapping[str, Any], *, trained: bool = True
    ) -> bool:
        """Keep one epoch's report (the fields of `workers.job.Report`).

        Idempotent by epoch: a repeated one changes no score and gives False. It is charged as an
        epoch that was trained again, unless `trained` is false: a checkpoint's memory of it.
        """
        row = _report_row(report)
        with self._writing() as connection:
            row |= {"campaign": campaign_id, "number": number, "at": time.time()}
            row["arrived"] = self._next(connection, campaign_id)
            this = {"of": campaign_id, "trial": number}
            trial = connection.execute(_HELD, this).one_or_none()
            if trial is None:
                raise self._unknown_trial(connection, campaign_id, number)
            new = insert_once(connection, REPORTS, row)
            if new or trained:
                spent = self._spent(campaign_id, number)
                again = int(not new)
                charges.charge(
                    connection, campaign_id, number, spent, epochs=1 - again, repeated=again
                )
            if not new:
                return False
            scores = [score for score in (trial.best, row["top1"]) if score is not None]
            best = {"best": max(scores, default=None)}
            if row["epoch"] > trial.epochs:
                last = {key: row[key] for key in ("epoch", "top1", "top5", "loss", "memory_mb")}
                best |= {"epochs": last.pop("epoch"), "seconds": row["seconds"] or 0.0, **last}
            connection.execute(_SCORED, best | this)
            return True

    def finish_trial(
        self,
        campaign_id: str,
        number: int,
        status: Status,
        reason: str | None = None,
        detail: str | None = None,
    ) -> None:
        """The trial has ended: finished, pruned, infeasible or failed, with a reason.

        The trial takes its place in the order of arrivals, and the mirror will send it.
        Idempotent: the same end once more changes nothing.
        """
        if status not in ENDED:
            raise ValueError(f"{status!r} is not an end; one of {', '.join(ENDED)} is")
        with self._writing() as connection:
            place = self._next(connection, campaign_id)
            done = connection.execute(
                sa.update(TRIALS)
                .where(*_is(TRIALS, campaign_id, number), TRIALS.c.status != status)
                .values(
                    status=status,
                    reason=_text(reason),
                    detail=_text(detail),
                    ended=time.time(),
                    arrived=place,
                )
            )
            if done.rowcount == 1:
                _hand_out(connection, campaign_id, number)
                if status != "infeasible":
                    self._end_attempt(connection, campaign_id, number, status)  # type: ignore[arg-type]
            elif not self._exists(connection, campaign_id, number):
                raise self._unknown_trial(connection, campaign_id, number)

    def _next(self, connection: sa.Connection, campaign_id: str) -> int:
        """The campaign's next place in its sequence of happenings."""
        place = connection.execute(_NEXT, {"of": campaign_id}).scalar_one_or_none()
        if place is None:
            raise self._unknown_campaign(connection, campaign_id)
        return int(place)

    def _exists(self, connection: sa.Connection, campaign_id: str, number: int) -> bool:
        query = sa.select(sa.literal(1)).where(*_is(TRIALS, campaign_id, number))
        return connection.execute(query).first() is not None

    def _unknown_trial(
        self, connection: sa.Connection, campaign_id: str, number: int
    ) -> StoreError:
        campaign = self._campaign(connection, campaign_id)
        held = connection.execute(
            sa.select(
                sa.func.count(), sa.func.min(TRIALS.c.number), sa.func.max(TRIALS.c.number)
            ).where(TRIALS.c.campaign == campaign.id)
        ).one()
        cure = f"it has trials {held[1]} to {held[2]}" if held[0] else "it has no trials yet"
        return StoreError("", f"campaign {campaign.id} has no trial {number}", cure)

    # ---------------------------------------------------------------- trials, read

    def trial(self, campaign_id: str, number: int) -> Trial:
        """One trial with its genome; StoreError if there is none."""
        with self._reading() as connection:
            found = self._trials(
                connection, campaign_id, [TRIALS.c.number == number], genomes=True
            )
            if not found:
                raise self._unknown_trial(connection, campaign_id, number)
            return found[0]

    def trials(
        self,
        campaign_id: str,
        *,
        statuses: Iterable[Status] = STATUSES,
        genomes: bool = False,
        cell: str | None = None,
        by: Order = "number",
        limit: int | None = None,
    ) -> list[Trial]:
        """The campaign's trials by number, or by another quantity, the largest first.

        `cell` keeps those whose cell contains that text. `genome` is None in each unless asked
        for.
        """
        wanted = set(statuses)
        where: list[sa.ColumnElement[bool]] = []
        if wanted != set(STATUSES):
            where.append(TRIALS.c.status.in_(_stored(wanted)))
        if cell is not None:
            where.append(TRIALS.c.cell.contains(cell, autoescape=True))
        order: list[sa.ColumnElement[Any]] = [TRIALS.c.number]
        if by != "number":
            order.insert(0, TRIALS.c[by].desc().nulls_last())
        # One that is written as running may count as waiting: then the limit is kept here.
        exact = not wanted & {"waiting", "running"} or wanted >= {"waiting", "running"}
        with self._reading() as connection:
            found = self._trials(
                connection, campaign_id, where, order, limit if exact else None, genomes=genomes
            )
            return [trial for trial in found if trial.status in wanted][:limit]

    def results(self, campaign_id: str) -> list[Trial]:
        """The ended trials in the order in which their results arrived: what a sampler knows."""
        ended = self.trials(campaign_id, statuses=ENDED)
        return sorted(ended, key=lambda trial: trial.arrived or 0)

    def unfinished(self, campaign_id: str) -> list[Trial]:
        """Trials that a resumed driver continues, with genomes: first those once started."""
        waiting = self.trials(campaign_id, statuses=("running", "waiting"), genomes=True)
        return sorted(waiting, key=lambda trial: (trial.started is None, trial.number))

    def top(
        self,
        campaign_id: str,
        n: int | None = 10,
        *,
        statuses: Iterable[Status] = ("finished", "pruned"),
        origin: str | None = None,
        without: str | None = None,
        genomes: bool = False,
    ) -> list[Trial]:
        """The `n` best trials (None: all) by top1; of equals, the one with fewer parameters first.

        `origin` keeps those of one origin ("control" for the controls), `without` the others.
        """
        where: list[sa.ColumnElement[bool]] = [
            TRIALS.c.status.in_(_stored(statuses)),
            TRIALS.c.top1.is_not(None),
        ]
        if origin is not None:
            where.append(TRIALS.c.origin == origin)
        if without is not None:
            where.append(TRIALS.c.origin != without)
        order = (
            TRIALS.c.top1.desc(),
            sa.func.coalesce(TRIALS.c.parameters, 0),
            TRIALS.c.number,
        )
        with self._reading() as connection:
            return self._trials(connection, campaign_id, where, order, n, genomes=genomes)

    def counts(self, campaign_id: str) -> dict[Status, int]:
        """Number of trials by status; every status is there."""
        query = (
            sa.select(TRIALS.c.status, sa.func.count())
            .where(TRIALS.c.campaign == campaign_id)
            .group_by(TRIALS.c.status)
        )
        with self._reading() as connection:
            found = {status: int(count) for status, count in connection.execute(query)}
            if found.get("running") and self._campaign(connection, campaign_id).state == (
                "interrupted"
            ):
                found["waiting"] = found.get("waiting", 0) + found.pop("running")
            return {status: found.get(status, 0) for status in STATUSES}

    def failures(self, campaign_id: str) -> dict[str, int]:
        """How many trials failed, by what the reason begins with: "diverged", ..."""
        query = (
            sa.select(TRIALS.c.reason, sa.func.count())
            .where(TRIALS.c.campaign == campaign_id, TRIALS.c.status == "failed")
            .group_by(TRIALS.c.reason)
        )
        found: dict[str, int] = {}
        with self._reading() as connection:
            for reason, count in connection.execute(query):
                kind = (reason or "unknown").partition(":")[0]
                found[kind] = found.get(kind, 0) + int(count)
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))

    def ends(self, campaign_id: str, n: int) -> list[float]:
        """When the last `n` trials that were trained here ended, the last one first."""
        query = (
            sa.select(TRIALS.c.ended)
            .where(TRIALS.c.campaign == campaign_id, TRIALS.c.ended.is_not(None))
            .where(TRIALS.c.attempts > 0)
            .order_by(TRIALS.c.arrived.desc())
            .limit(n)
        )
        with self._reading() as connection:
            return [float(ended) for ended in connection.execute(query).scalars()]

    def reports(self, campaign_id: str, number: int) -> list[dict[str, Any]]:
        """A trial's reports by epoch, each with `at` and `arrived`."""
        with self._reading() as connection:
            return _reports_of(connection, campaign_id, [REPORTS.c.number == number])

    def all_reports(self, campaign_id: str) -> list[dict[str, Any]]:
        """All reports of a campaign in the order of arrival, each with its trial's `number`."""
        with self._reading() as connection:
            return _reports_of(connection, campaign_id, [], numbered=True)

    def journal(self, campaign_id: str) -> dict[int, list[dict[str, Any]]]:
        """Of each suggestion, what the sampler was told and asked since the one before."""
        query = sa.select(JOURNAL).where(JOURNAL.c.campaign == campaign_id)
        with self._reading() as connection:
            return {row.number: row.calls for row in connection.execute(query)}

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
            query = sa.select(*columns, GENOMES.c.document.label("genome")).join(
                GENOMES, GENOMES.c.checksum == TRIALS.c.genome
            )
        query = query.where(TRIALS.c.campaign == campaign_id, *where).order_by(*order)
        rows = connection.execute(query.limit(limit)).mappings().all()
        trials = [Trial(**({"genome": None} | dict(row))) for row in rows]
        running = [trial.status == "running" for trial in trials]
        if not any(running) or self._campaign(connection, campaign_id).state != "interrupted":
            return trials
        # A dead driver's trials are not running, whatever it last wrote.
        return [
            replace(trial, status="waiting") if runs else trial
            for trial, runs in zip(trials, running, strict=True)
        ]

    def trained(self, work: str, but: str | None = None) -> list[Donor]:
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
        with self._reading() as connection:
            for row in connection.execute(query).all():
                where = [TRIALS.c.number == row.number]
                [trial] = self._trials(connection, row.campaign, where, genomes=True)
                if trial.status == "running":
                    continue
                document = self._campaign(connection, row.campaign).document
                donors.append(Donor(trial=trial, document=document))
        return donors

    # ---------------------------------------------------------------- what it costs

    def ledger(self, campaign_id: str) -> Ledger:
        """What the campaign has cost so far."""
        with self._reading() as connection:
            return charges.read(connection, campaign_id)

    def attempts(self, campaign_id: str, number: int) -> list[Attempt]:
        """The starts of a trial, the first one first."""
        with self._reading() as connection:
            return charges.attempts(connection, campaign_id, number)

    # ---------------------------------------------------------------- events

    def event(self, campaign_id: str, kind: str, detail: Mapping[str, Any] | None = None) -> None:
        """Put a line into the campaign's history."""
        with self._writing() as connection:
            connection.execute(
                sa.insert(EVENTS).values(
                    campaign=campaign_id, at=time.time(), kind=kind, detail=dict(detail or {})
                )
            )

    def events(self, campaign_id: str) -> list[Event]:
        """The campaign's history, oldest first."""
        query = sa.select(EVENTS).where(EVENTS.c.campaign == campaign_id).order_by(EVENTS.c.id)
        with self._reading() as connection:
            return [
                Event(at=row.at, kind=row.kind, detail=row.detail or {})
                for row in connection.execute(query)
            ]

    # ---------------------------------------------------------------- the mirror's outbox

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

    def sending(self, campaign_id: str, numbers: Iterable[int]) -> None:
        """The mirror is about to send these: from now on their runs may exist."""
        with self._writing() as connection:
            connection.execute(
                sa.update(MIRROR)
                .where(MIRROR.c.campaign == campaign_id, MIRROR.c.number.in_(list(numbers)))
                .values(state="sending")
            )

    def mirrored(self, campaign_id: str, sent: Mapping[int, tuple[str, int]]) -> None:
        """These trials arrived: number -> (run id, version that was sent).

        One that changed meanwhile stays in the outbox, with its run.
        """
        with self._writing() as connection:
            for number, (run, version) in sent.items():
                row = sa.update(MIRROR).where(*_is(MIRROR, campaign_id, number))
                connection.execute(row.values(run=run))
                connection.execute(row.where(MIRROR.c.version == version).values(state="sent"))

    def resend(self, campaign_id: str, number: int) -> None:
        """The run of this trial turned out to be incomplete: send it again if the trial ended."""
        with self._writing() as connection:
            connection.execute(
                sa.update(MIRROR)
                .where(*_is(MIRROR, campaign_id, number))
                .values(state="sending", version=MIRROR.c.version + 1)
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

    def runs(self, campaign_id: str) -> dict[int, str]:
        """The MLflow run of each trial that has one."""
        query = sa.select(MIRROR.c.number, MIRROR.c.run).where(
            MIRROR.c.campaign == campaign_id, MIRROR.c.run.is_not(None)
        )
        with self._reading() as connection:
            return {row.number: row.run for row in connection.execute(query)}


# -------------------------------------------------------------------- rows and values


def _campaign_of(row: Mapping[Any, Any]) -> Campaign:
    values = {key: row[key] for key in row if key != "sequence"}
    driver = Process.parse(row["driver"]) if row["driver"] else None
    state = row["state"]
    if state == "running" and not _lives(driver, row["heartbeat"]):
        state = "interrupted"
    return Campaign(**(values | {"driver": driver, "state": state}))


def _lives(driver: Process | None, heartbeat: float | None) -> bool:
    """Whether a driver is at work: by its pid on this machine, by its heartbeat on another."""
    if driver is None:
        return False
    alive = driver.alive()
    if alive is None:
        return heartbeat is not None and abs(time.time() - heartbeat) < SILENCE_SECONDS
    return alive


def _stored(statuses: Iterable[Status]) -> list[str]:
    """Statuses as written: one that reads as waiting may have been written as running."""
    wanted = set(statuses)
    return sorted(wanted | {"running"} if "waiting" in wanted else wanted)


def _is(table: sa.Table, campaign_id: str, number: int) -> tuple[sa.ColumnElement[bool], ...]:
    return table.c.campaign == campaign_id, table.c.number == number


def _same_trial(left: sa.Table, right: sa.Table) -> tuple[sa.ColumnElement[bool], ...]:
    return left.c.campaign == right.c.campaign, left.c.number == right.c.number


# What every epoch of every trial executes: to make it takes longer than to execute it.
_THIS = (TRIALS.c.campaign == sa.bindparam("of"), TRIALS.c.number == sa.bindparam("trial"))
_HELD = sa.select(TRIALS.c.epochs, TRIALS.c.best).where(*_THIS)
_SCORED = sa.update(TRIALS).where(*_THIS)
_NEXT = (
    sa.update(CAMPAIGNS)
    .where(CAMPAIGNS.c.id == sa.bindparam("of"))
    .values(sequence=CAMPAIGNS.c.sequence + 1)
    .returning(CAMPAIGNS.c.sequence)
)

_REPORT_FIELDS = tuple(
    column.name
    for column in REPORTS.c
    if column.name not in ("campaign", "number", "more", "at", "arrived")
)


def _report_row(report: Mapping[str, Any]) -> dict[str, Any]:
    """A report as a row; numbers that are not finite become None."""
    row = {key: finite(report.get(key)) for key in _REPORT_FIELDS}
    epoch = row["epoch"]
    if not isinstance(epoch, int) or epoch < 1:
        raise ValueError(f"a report's epoch counts from 1, not {epoch!r}")
    more = {key: finite(value) for key, value in report.items() if key not in _REPORT_FIELDS}
    return row | {"more": more or None}


def _reports_of(
    connection: sa.Connection,
    campaign_id: str,
    where: Sequence[sa.ColumnElement[bool]],
    *,
    numbered: bool = False,
) -> list[dict[str, Any]]:
    order = REPORTS.c.arrived if numbered else REPORTS.c.epoch
    query = sa.select(REPORTS).where(REPORTS.c.campaign == campaign_id, *where).order_by(order)
    found = []
    for row in connection.execute(query).mappings():
        report = {"number": row["number"]} if numbered else {}
        report |= {key: row[key] for key in (*_REPORT_FIELDS, "at", "arrived")}
        found.append(report | (row["more"] or {}))
    return found


def _text(text: str | None) -> str | None:
    """Free text as every database takes it: PostgreSQL refuses the character 0."""
    return None if text is None else text.replace("\x00", "\\0")


def _new_id() -> str:
    """A campaign id: 8 signs without look-alikes, the first a letter (never read as a number)."""
    rest = "".join(secrets.choice(ID_SIGNS) for _ in range(7))
    return secrets.choice(ID_LETTERS) + rest


def _checksum(document: Mapping[str, Any]) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _hand_out(connection: sa.Connection, campaign_id: str, number: int) -> None:
    """Put a trial into the mirror's outbox, once more if it was there before."""
    row = {"campaign": campaign_id, "number": number, "state": "pending", "version": 1}
    if not insert_once(connection, MIRROR, row):
        # What was perhaps sent stays doubtful until the mirror has looked.
        state = sa.case((MIRROR.c.state == "sending", "sending"), else_="pending")
        connection.execute(
            sa.update(MIRROR)
            .where(*_is(MIRROR, campaign_id, number))
            .values(state=state, version=MIRROR.c.version + 1)
        )
