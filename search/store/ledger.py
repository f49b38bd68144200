"""What a campaign has cost so far, and whether its budget is used up.

Every start of a trial is an attempt, and every attempt is charged: the devices that it held for
the time that it held them, with any outcome, and the epochs that it trained, those again
that were trained before. The functions work inside a transaction of `search.store`, which calls
them; `Ledger` is their sum, and a driver's `Meter` watches it.

A device is a GPU, or a processor core in a campaign whose trials take no GPU.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa

from search.store.tables import ATTEMPTS, TRIALS

if TYPE_CHECKING:
    from search.campaign import Budget
    from search.store import Store

How = Literal["finished", "pruned", "failed", "lost", "stopped", "interrupted"]
"""How an attempt ended: with its trial, or its worker, its run or its driver went before."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One start of a trial. Times as in the store; `seconds` is what is charged a device."""

    number: int
    attempt: int
    started: float
    ended: float | None
    seconds: float
    devices: float
    epochs: int
    repeated: int
    how: How | None


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """The sum of a campaign's attempts.

    `trials` are those trained or to be trained (all but the infeasible), `reused` those of them
    that another campaign's training answered in whole. `epochs` counts repeated ones too.
    `by_end` is (attempts, device seconds) by how they ended, "running" those that have not.
    `running_devices` are held at this moment.
    """

    trials: int = 0
    reused: int = 0
    attempts: int = 0
    device_seconds: float = 0.0
    epochs: int = 0
    repeated: int = 0
    running_devices: float = 0.0
    by_end: Mapping[str, tuple[int, float]] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The ledger as JSON holds it, device time in hours."""
        return {
            "trials": self.trials,
            "reused_trials": self.reused,
            "attempts": self.attempts,
            "device_hours": self.device_seconds / 3600,
            "epochs": self.epochs,
            "repeated_epochs": self.repeated,
            "by_end": {
                end: {"attempts": attempts, "device_hours": seconds / 3600}
                for end, (attempts, seconds) in sorted(self.by_end.items())
            },
        }


# ------------------------------------------------------------------- inside a transaction


def begin(
    connection: sa.Connection, campaign_id: str, number: int, attempt: int, devices: float
) -> None:
    """An attempt begins; one of the same trial that is still open was lost."""
    if attempt > 1:
        end(connection, campaign_id, "lost", number)
    connection.execute(
        sa.insert(ATTEMPTS).values(
            campaign=campaign_id,
            number=number,
            attempt=attempt,
            started=time.time(),
            seconds=0.0,
            devices=devices,
            epochs=0,
            repeated=0,
        )
    )


def charge(
    connection: sa.Connection,
    campaign_id: str,
    number: int,
    seconds: float | None,
    *,
    epochs: int = 0,
    repeated: int = 0,
) -> None:
    """Bring a trial's open attempt up to date: `seconds` since it began, and epochs more."""
    values = {"more": epochs, "again": repeated, "spent": seconds}
    connection.execute(_CHARGE, values | {"of": campaign_id, "trial": number})


# Executed at every epoch of every trial: to make it takes longer than to execute it.
_CHARGE = (
    sa.update(ATTEMPTS)
    .where(
        ATTEMPTS.c.campaign == sa.bindparam("of"),
        ATTEMPTS.c.ended.is_(None),
        ATTEMPTS.c.number == sa.bindparam("trial"),
    )
    .values(
        epochs=ATTEMPTS.c.epochs + sa.bindparam("more"),
        repeated=ATTEMPTS.c.repeated + sa.bindparam("again"),
        seconds=sa.func.coalesce(sa.bindparam("spent", type_=sa.Float), ATTEMPTS.c.seconds),
    )
)


def end(
    connection: sa.Connection,
    campaign_id: str,
    how: How,
    number: int | None = None,
    *,
    seconds: float | None = None,
    at: float | None = None,
) -> None:
    """The open attempt of a trial has ended, `seconds` after it began if that is known.

    The attempts of all trials if `number` is None.
    """
    values: dict[str, Any] = {"how": how, "ended": time.time() if at is None else at}
    if seconds is not None:
        values["seconds"] = seconds
    connection.execute(sa.update(ATTEMPTS).where(*_open(campaign_id, number)).values(values))


def _open(campaign_id: str, number: int | None) -> list[sa.ColumnElement[bool]]:
    conditions = [ATTEMPTS.c.campaign == campaign_id, ATTEMPTS.c.ended.is_(None)]
    return conditions if number is None else [*conditions, ATTEMPTS.c.number == number]


def attempts(connection: sa.Connection, campaign_id: str, number: int) -> list[Attempt]:
    """A trial's attempts, in their order."""
    columns = [column for column in ATTEMPTS.c if column.name != "campaign"]
    query = (
        sa.select(*columns)
        .where(ATTEMPTS.c.campaign == campaign_id, ATTEMPTS.c.number == number)
        .order_by(ATTEMPTS.c.attempt)
    )
    return [Attempt(**row) for row in connection.execute(query).mappings()]


def read(connection: sa.Connection, campaign_id: str) -> Ledger:
    """The sum of a campaign's attempts."""
    charged = sa.func.sum(ATTEMPTS.c.seconds * ATTEMPTS.c.devices).label("charged")
    rows = connection.execute(
        sa.select(
            ATTEMPTS.c.how,
            sa.func.count().label("attempts"),
            charged,
            sa.func.sum(ATTEMPTS.c.devices).label("devices"),
            sa.func.sum(ATTEMPTS.c.epochs).label("epochs"),
            sa.func.sum(ATTEMPTS.c.repeated).label("repeated"),
        )
        .where(ATTEMPTS.c.campaign == campaign_id)
        .group_by(ATTEMPTS.c.how)
    ).all()
    ended = sa.case((TRIALS.c.source.is_not(None) & (TRIALS.c.attempts == 0), 1), else_=0)
    whole = sa.case((TRIALS.c.ended.is_not(None), ended), else_=0)
    trials, reused = connection.execute(
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(whole), 0)).where(
            TRIALS.c.campaign == campaign_id, TRIALS.c.status != "infeasible"
        )
    ).one()
    return Ledger(
        trials=int(trials),
        reused=int(reused),
        attempts=sum(row.attempts for row in rows),
        device_seconds=sum(row.charged for row in rows),
        epochs=sum(int(row.epochs) + int(row.repeated) for row in rows),
        repeated=sum(int(row.repeated) for row in rows),
        running_devices=sum(row.devices for row in rows if row.how is None),
        by_end={row.how or "running": (row.attempts, row.charged) for row in rows},
    )


# ------------------------------------------------------------------- the budget

REFRESH_SECONDS = 2.0


class Meter:
    """A driver's watch on its budget: exact for epochs, extrapolated between looks for time."""

    def __init__(
        self,
        store: Store,
        campaign_id: str,
        budget: Budget,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._id, self._budget, self._clock = store, campaign_id, budget, clock
        self._look()

    def _look(self) -> None:
        self._ledger, self._at = self._store.campaigns.ledger(self._id), self._clock()
        self._epochs = self._ledger.epochs

    def epoch(self) -> None:
        """An epoch was trained and is on record."""
        self._epochs += 1

    def find_exhausted(self) -> str | None:
        """Which part of the budget is used up, as text; None while nothing is."""
        budget = self._budget
        if budget.epochs is not None and self._epochs >= budget.epochs:
            return f"budget.epochs: {budget.epochs} are used up"
        if budget.device_hours is None:
            return None
        passed = self._clock() - self._at
        if passed >= REFRESH_SECONDS:
            self._look()
            passed = 0.0
        spent = self._ledger.device_seconds + passed * self._ledger.running_devices
        if spent >= budget.device_hours * 3600:
            return f"budget.device_hours: {budget.device_hours:g} are used up"
        return None
