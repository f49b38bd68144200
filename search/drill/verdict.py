"""What faults cost a campaign: one and the same look at what is left of it, whatever was done.

A finished trial that is gone or was trained again, an epoch that was, a new trial that went before
an interrupted one, a status that is not true, a process or a file that is left behind.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock

from search.assign.losses import EVENT
from search.assign.shortages import SHORTAGE
from search.campaign import Campaign
from search.driver import CLUSTER
from search.mirror.mirroring import LOCK
from search.mirror.runs import RUN_STATUSES
from search.store import ENDED, Store, Trial
from search.tune import remains


@dataclass(frozen=True, kw_only=True)
class TimedEvent:
    """One happening of a campaign, at a time of this machine's monotonic clock."""

    at: float
    kind: str
    trial: int | None


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What was on record when a fault had just been done."""

    at: float
    ended: dict[int, Trial]
    interrupted: tuple[int, ...]
    reports: dict[int, int]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What came of faults. `lost` counts finished trials and reported epochs that are gone,
    `repeated` epochs that were trained twice; `problems` describes what else is not true.
    """

    lost: int
    repeated: int
    problems: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Whether nothing was lost and everything is true."""
        return not self.lost and not self.problems


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a drill left: its campaign in `store`, and the campaign's `folder`.

    `happenings` are those of its drivers, `epochs` the epochs that each trial's workers trained
    by their own account, `clusters` the records of the Ray clusters that it had. `tracking_uri`
    is the MLflow that has its runs; None where none were sent.
    """

    store: Store
    campaign_id: str
    folder: Path
    happenings: tuple[TimedEvent, ...]
    epochs: Mapping[int, Sequence[int]]
    clusters: tuple[Mapping[str, Any], ...]
    tracking_uri: str | None


def judge(evidence: Evidence, moments: Sequence[Snapshot], *, finished: bool) -> Verdict:
    """What the faults at these moments cost a campaign that is at its end (or, if not `finished`,
    was stopped).
    """
    trials = {trial.number: trial for trial in evidence.store.results.find(evidence.campaign_id)}
    lost = sum(_count_lost(moment, trials) for moment in moments)
    repeated = sum(
        count - 1
        for epochs in evidence.epochs.values()
        for count in Counter(epochs).values()
        if count > 1
    )
    problems = [
        *_find_out_of_turn(evidence, moments),
        *_check_records(evidence, trials, finished=finished),
        *_check_mlflow(evidence, trials),
        *_find_leftovers(evidence),
    ]
    return Verdict(lost=lost, repeated=repeated, problems=tuple(problems))


def _find_out_of_turn(evidence: Evidence, moments: Sequence[Snapshot]) -> Iterator[str]:
    """New trials that took a slot for which an interrupted one was waiting."""
    slots = _count_peak(evidence.happenings)
    trials = evidence.store.results.find(evidence.campaign_id)
    events = evidence.store.campaigns.events(evidence.campaign_id)
    losses = iter([event for event in events if event.kind in (EVENT, SHORTAGE)])
    waiting: set[int | None] = set()
    known: set[int | None] = set()
    over: set[int | None] = set()
    spare = 0
    for one in evidence.happenings:
        past = [moment for moment in moments if moment.at <= one.at]
        if one.kind == "starting":
            waiting = set[int | None](past[-1].interrupted if past else ()) - over
            # All slots are free, and filled in any order.
            spare = slots - len(waiting)
        elif one.kind == "retry":
            waiting.add(one.trial)
            spare = 0
            # Those that had been given out before only had to start.
            at = next((lost.at for lost in losses if lost.detail["trial"] == one.trial), 0.0)
            known |= {trial.number for trial in trials if trial.created <= at}
        elif one.kind == "started":
            new = one.trial not in known | waiting
            spare -= new
            if new and waiting and spare < 0:
                yield f"trial {one.trial} was started before {sorted(map(str, waiting))}"
            known.add(one.trial)
            waiting.discard(one.trial)
        elif one.kind in ENDED:
            waiting.discard(one.trial)
            over.add(one.trial)


def _check_records(
    evidence: Evidence, trials: Mapping[int, Trial], *, finished: bool
) -> Iterator[str]:
    """What the store holds that cannot be true of the campaign."""
    record = evidence.store.campaigns.get(evidence.campaign_id)
    campaign = Campaign.parse(record.document)
    if finished and record.state != "finished":
        yield f"the campaign is {record.state} ({record.reason})"
    trained = sum(trial.status != "infeasible" for trial in trials.values())
    if finished and trained != campaign.budget.trials:
        yield f"{trained} trials where the budget has {campaign.budget.trials}"
    if sorted(trials) != list(range(len(trials))):
        yield f"numbers with gaps: {sorted(trials)}"
    for trial in trials.values():
        if trial.status == "running" or (finished and trial.status == "waiting"):
            yield f"trial {trial.number} is {trial.status}"
        reports = evidence.store.results.reports(evidence.campaign_id, trial.number)
        epochs = [one.report.epoch for one in reports]
        if epochs != list(range(1, trial.epochs + 1)):
            yield f"trial {trial.number} has reports of the epochs {epochs}"
        if trial.status == "finished" and trial.epochs != campaign.recipe.epochs:
            yield f"trial {trial.number} finished after {trial.epochs} epochs"


def _check_mlflow(evidence: Evidence, trials: Mapping[int, Trial]) -> Iterator[str]:
    """What MLflow shows that is not so."""
    if evidence.tracking_uri is None:
        return
    from mlflow.tracking import MlflowClient

    unsent = evidence.store.outbox.backlog(evidence.campaign_id)
    if unsent:
        yield f"{unsent} runs are not in MLflow"
    experiment = evidence.store.campaigns.get(evidence.campaign_id).experiment
    client = MlflowClient(tracking_uri=evidence.tracking_uri)
    every = client.search_runs([experiment], max_results=50_000) if experiment else []
    runs = [run for run in every if "ventral.trial" in run.data.tags]  # one is the campaign's page
    counts = Counter(int(run.data.tags["ventral.trial"]) for run in runs)
    for number, count in counts.items():
        if count > 1:
            yield f"trial {number} has {count} runs in MLflow"
    for run in runs:
        number = int(run.data.tags["ventral.trial"])
        expected = RUN_STATUSES[trials[number].status] if number in trials else None
        if run.info.status != expected:
            yield f"trial {number} is {run.info.status} in MLflow, and not {expected}"
    ended = {number for number, trial in trials.items() if trial.status in ENDED}
    if missing := sorted(ended - set(counts)):
        yield f"trials {missing} are not in MLflow"


def _find_leftovers(evidence: Evidence) -> Iterator[str]:
    """Processes and folders of the clusters that this campaign had."""
    until = time.monotonic() + 20.0
    for one in evidence.clusters:
        while one["mark"] and remains.find_marked(one["mark"]) and time.monotonic() < until:
            time.sleep(0.1)
        if one["mark"] and (pids := remains.find_marked(one["mark"])):
            yield f"processes {pids} are left of a cluster"
        if Path(one["scratch"]).exists():
            yield f"folder {one['scratch']} is left of a cluster"
    if _mirror_runs(evidence.folder, until):
        yield "a process that writes to MLflow is left"
    if (evidence.folder / CLUSTER).exists():
        yield f"{evidence.folder / CLUSTER} is left"
    for file in (*evidence.folder.glob(f"{remains.PREFIX}*"), *evidence.folder.glob("*/.*")):
        yield f"{file} is left"


def _mirror_runs(folder: Path, until: float) -> bool:
    """Whether the campaign's mirror holds its lock, and does not give it back until then."""
    patience = max(0.0, until - time.monotonic())
    try:
        with filelock.FileLock(folder / LOCK, timeout=patience, fallback_to_soft=False):
            return False
    except filelock.Timeout:
        return True


def _count_peak(happenings: Sequence[TimedEvent]) -> int:
    """How many trials ran at once, at most."""
    running: set[int | None] = set()
    peak = 0
    for one in happenings:
        if one.kind == "starting":
            running.clear()
        elif one.kind == "started":
            running.add(one.trial)
        elif one.kind == "retry" or one.kind in ENDED:
            running.discard(one.trial)
        peak = max(peak, len(running))
    return peak


def _count_lost(moment: Snapshot, trials: Mapping[int, Trial]) -> int:
    """How many trials had ended at that moment and are not what they were, or lack epochs."""
    lost = 0
    for number, before in moment.ended.items():
        now = trials.get(number)
        same = now is not None and (now.status, now.top1, now.epochs, now.attempts) == (
            before.status,
            before.top1,
            before.epochs,
            before.attempts,
        )
        lost += not same
    for number, epochs in moment.reports.items():
        now = trials.get(number)
        lost += number not in moment.ended and (now is None or now.epochs < epochs)
    return lost
