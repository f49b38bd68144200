"""How far a campaign is: what is done, how fast it goes, what is left, and until when.

Everything is read from the store, with a few small queries, so it may be asked every second while
a driver is at work, from anywhere.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from search.campaign import Budget
from search.store import CONTROL, SEARCHED, Campaign, Opening, Status, Store, Trial
from search.store.ledger import Ledger
from space.errors import InputError

RECENT = 20
"""The pace of a running campaign is taken over this many trials, the last that ended."""
ENOUGH = 3
"""Ended trials that are needed before a pace is given."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Trials an hour, and over what it was taken."""

    trials_per_hour: float
    basis: str


@dataclass(frozen=True, kw_only=True)
class Remaining:
    """When the budget will be used up: `seconds` from now, by its part `ends_by`."""

    seconds: float
    ends_by: str
    basis: str


@dataclass(frozen=True, kw_only=True)
class Worker:
    """A trial that is being trained: its epochs so far, and for how many seconds it has run."""

    trial: int
    epoch: int
    top1: float | None
    seconds: float
    cell: str


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A campaign at one moment. `beside` are the campaigns that it shares the machine with,
    `openings` those of the test split for its networks, oldest first. `searched_controls` counts
    the trials that are such, of which `best_control` has the best score.
    """

    record: Campaign
    counts: Mapping[Status, int]
    best: Trial | None
    failures: Mapping[str, int]
    ledger: Ledger
    budget: Budget
    workers: tuple[Worker, ...]
    pace: Pace | None
    remaining: Remaining | None
    unmirrored: int
    mirror_error: str | None
    beside: tuple[str, ...]
    openings: tuple[Opening, ...]
    searched_controls: int = 0
    best_control: Trial | None = None

    @property
    def done(self) -> int:
        """Trials that are over, the infeasible ones aside."""
        return self.counts["finished"] + self.counts["pruned"] + self.counts["failed"]

    @property
    def used(self) -> dict[str, tuple[float, float | None]]:
        """By part of the budget: what is used up, and of how much (None: without bound)."""
        return used_budget(self.record, self.ledger, self.budget)


def used_budget(
    record: Campaign, costs: Ledger, budget: Budget
) -> dict[str, tuple[float, float | None]]:
    """By part of the budget: what is used up, and of how much (None: without bound)."""
    return {
        "trials": (costs.trials, budget.trials),
        "seconds": (record.seconds, budget.seconds),
        "device_hours": (costs.device_seconds / 3600, budget.device_hours),
        "epochs": (costs.epochs, budget.epochs),
    }


def progress(store: Store, campaign_id: str) -> Progress:
    """How far the campaign is now."""
    record = store.campaigns.get(campaign_id)
    counts, costs, budget = (
        store.results.counts(record.id),
        store.campaigns.ledger(record.id),
        read_budget(record),
    )
    best = store.results.top(record.id, 1, without=CONTROL)
    claims = store.shares.claims_beside(record.id) if record.state == "running" else []
    joined = next((claim.joined for claim in claims if claim.campaign == record.id), None)
    done = counts["finished"] + counts["pruned"] + counts["failed"]
    pace = _pace(store, record, done - costs.reused, joined)
    return Progress(
        record=record,
        counts=counts,
        best=best[0] if best else None,
        failures=store.results.failures(record.id),
        ledger=costs,
        budget=budget,
        workers=_workers(store, record) if record.state == "running" else (),
        pace=pace,
        remaining=_estimate_remaining(record, done, costs, budget, pace),
        unmirrored=store.outbox.backlog(record.id),
        mirror_error=store.outbox.mirror_error(record.id),
        beside=tuple(one.campaign for one in claims if one.campaign != record.id),
        openings=tuple(one for one in store.campaigns.openings(record.id) if one.split == "test"),
        searched_controls=store.results.count_family(record.id, SEARCHED),
        best_control=next(iter(store.results.top(record.id, 1, family=SEARCHED)), None),
    )


def read_budget(record: Campaign) -> Budget:
    """The campaign's budget; of an unreadable document, the default one."""
    try:
        return Budget.model_validate(record.document.get("budget", {}))
    except (InputError, ValueError):
        return Budget()


def _pace(store: Store, record: Campaign, done: int, joined: float | None) -> Pace | None:
    """The pace of the run that is going on, else that of all runs together."""
    if joined is not None:
        ends = [at for at in store.results.ends(record.id, RECENT + 1) if at > joined]
        since = ends[-1] if len(ends) > RECENT else joined
        passed, counted = time.time() - since, min(len(ends), RECENT)
        if counted >= ENOUGH and passed > 0:
            return Pace(
                trials_per_hour=counted / passed * 3600, basis=f"the last {counted} trials"
            )
    if done and record.seconds > 0:
        return Pace(trials_per_hour=done / record.seconds * 3600, basis="all trials so far")
    return None


def _estimate_remaining(
    record: Campaign, done: int, costs: Ledger, budget: Budget, pace: Pace | None
) -> Remaining | None:
    """The part of the budget that ends the campaign first, at its pace."""
    if record.state != "running":
        return None
    candidates: list[Remaining] = []
    if pace is not None:
        hours = (budget.trials - done) / pace.trials_per_hour
        candidates.append(
            Remaining(seconds=hours * 3600, ends_by="trials", basis=f"by {pace.basis}")
        )
    if budget.seconds is not None:
        seconds = budget.seconds - record.seconds
        candidates.append(Remaining(seconds=seconds, ends_by="seconds", basis="by the clock"))
    if budget.device_hours is not None and costs.running_devices:
        seconds = (budget.device_hours * 3600 - costs.device_seconds) / costs.running_devices
        basis = f"with {costs.running_devices:g} devices at work"
        candidates.append(Remaining(seconds=seconds, ends_by="device_hours", basis=basis))
    if budget.epochs is not None and costs.epochs and record.seconds:
        seconds = (budget.epochs - costs.epochs) / costs.epochs * record.seconds
        candidates.append(
            Remaining(seconds=seconds, ends_by="epochs", basis="by all epochs so far")
        )
    if not candidates:
        return None
    first = min(candidates, key=lambda candidate: candidate.seconds)
    return Remaining(seconds=max(0.0, first.seconds), ends_by=first.ends_by, basis=first.basis)


def _workers(store: Store, record: Campaign) -> tuple[Worker, ...]:
    workers = []
    for trial in store.results.find(record.id, statuses=["running"]):
        attempts = store.campaigns.attempts(record.id, trial.number)
        since = attempts[-1].started if attempts else trial.started or time.time()
        workers.append(
            Worker(
                trial=trial.number,
                epoch=trial.epochs,
                top1=trial.top1,
                seconds=max(0.0, time.time() - since),
                cell=trial.cell,
            )
        )
    return tuple(workers)


def document(state: Progress) -> dict[str, Any]:
    """Progress as `ventral status -o json` prints it."""
    record = state.record
    return {
        "id": record.id,
        "name": record.name,
        "state": record.state,
        "reason": record.reason,
        "driver": None if record.driver is None else vars(record.driver),
        "trials": dict(state.counts),
        "budget": state.budget.model_dump(mode="json"),
        "ledger": state.ledger.document() | {"seconds": record.seconds},
        "failures": dict(state.failures),
        "best": state.best.top1 if state.best else None,
        "searched_controls": state.searched_controls,
        "best_control": state.best_control.top1 if state.best_control else None,
        "seconds": record.seconds,
        "created": record.created,
        "throughput": None if state.pace is None else vars(state.pace),
        "left": None if state.remaining is None else vars(state.remaining),
        "workers": [vars(worker) for worker in state.workers],
        "beside": list(state.beside),
        "test_openings": len(state.openings),
        "unmirrored": state.unmirrored,
        "mirror_error": state.mirror_error if state.unmirrored else None,
    }
