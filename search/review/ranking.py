"""Which trials are the best: searched cells in order, controls apart, the Pareto front."""

import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from search.assign.suggesting import identity
from search.store import CONTROL, State, Status, Store, Trial
from search.store import Campaign as Record
from space.errors import StoreError

Kind = Literal["recurrent", "feedforward"]
"""Of a network. One whose choices make no network is of neither kind."""

KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What a control scored, over all seeds that it was trained with.

    `top1` is the mean over `seeds` scores, `deviation` their standard deviation (None of one).
    `failed` counts trainings that have none. `trial` is the best of them.
    """

    name: str
    trial: Trial
    top1: float
    deviation: float | None
    seeds: int
    failed: int


def best(
    store: Store, campaign_id: str, n: int | None = None, kind: Kind | None = None
) -> list[Trial]:
    """The searched trials that have a score, best first, the controls left out; at most `n`.

    With a `kind` only those whose networks are recurrent, or feedforward.
    """
    if kind is None:
        return store.results.top(campaign_id, n, without=CONTROL)
    return keep_kind(store.results.top(campaign_id, None, without=CONTROL), kind)[:n]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How far a campaign has come: `done` of its `trials` on record have a score, the best `top1`.

    `damaged`, with the reason, if the record of the campaign or of a trial cannot be read.
    """

    state: State
    reason: str | None
    trials: int
    done: int
    top1: float | None


def standing(store: Store, record: Record) -> Standing:
    """How far a campaign has come; raises nothing for damaged records."""
    state, reason, counts, first = record.state, record.reason, {}, []
    if state != "damaged":
        try:
            counts, first = store.results.counts(record.id), best(store, record.id, 1)
        except StoreError as error:
            state, reason, counts = "damaged", str(error), {}
    return Standing(
        state=state,
        reason=reason,
        trials=sum(counts.values()),
        done=counts.get("finished", 0) + counts.get("pruned", 0),
        top1=first[0].top1 if first else None,
    )


def references(store: Store, record: Record) -> list[Reference]:
    """The controls that have a score, the best mean first.

    Of one that was stopped early with some seeds only the full trainings count.
    """
    ended: tuple[Status, ...] = ("finished", "pruned", "failed")
    by_network: dict[str, list[Trial]] = defaultdict(list)
    for trial in store.results.find(record.id, statuses=ended, origin=CONTROL):
        by_network[identity(trial.digest, trial.recipe)].append(trial)
    rows: list[Reference] = []
    for trials in by_network.values():
        scored = [trial for trial in trials if trial.top1 is not None]
        full = [trial for trial in scored if trial.status == "finished"]
        if counted := full or [trial for trial in scored if trial.status == "pruned"]:
            scores = [trial.top1 or 0.0 for trial in counted]
            rows.append(
                Reference(
                    name=next((one.control for one in trials if one.control), trials[0].cell),
                    trial=max(counted, key=lambda trial: (trial.top1 or 0.0, -trial.number)),
                    top1=statistics.fmean(scores),
                    deviation=statistics.stdev(scores) if len(scores) > 1 else None,
                    seeds=len(scores),
                    failed=sum(trial.status == "failed" for trial in trials),
                )
            )
    return sorted(rows, key=lambda row: -row.top1)


def pareto(trials: Sequence[Trial]) -> list[Trial]:
    """Those that no other trial beats in top-1 without having more parameters.

    `trials` are best first, and so is the result.
    """
    front: list[Trial] = []
    for trial in trials:
        smallest = min((other.parameters or 0 for other in front), default=None)
        if smallest is None or (trial.parameters or 0) < smallest:
            front.append(trial)
    return front


def kind_of(trial: Trial) -> Kind | None:
    """Whether a trial's network is recurrent; None where its choices make no network."""
    if trial.recurrence is None:
        return None
    return "feedforward" if trial.recurrence == "none" else "recurrent"


def keep_kind(trials: Sequence[Trial], kind: Kind) -> list[Trial]:
    """Those trials whose networks are of that kind, in their order."""
    return [trial for trial in trials if kind_of(trial) == kind]


def keep_references(references: Sequence[Reference], kind: Kind | None) -> list[Reference]:
    """Those controls whose networks are of that kind, all of them without one, in their order."""
    return [one for one in references if kind in (None, kind_of(one.trial))]


def best_of_kinds(trials: Sequence[Trial]) -> tuple[Trial | None, Trial | None]:
    """The best recurrent network and the best feedforward one among trials, best first.

    Those that were trained to the end go before those that were stopped early.
    """
    ordered = sorted(trials, key=lambda trial: trial.status != "finished")
    recurrent, feedforward = (keep_kind(ordered, kind) for kind in KINDS)
    return next(iter(recurrent), None), next(iter(feedforward), None)


def gain(trial: Trial, references: Sequence[Reference], top1: float | None = None) -> float | None:
    """How far a trial (with a score of `top1`, by default its own) is above the best control that
    was trained for as many epochs.

    None if there is none: a training that was stopped early is compared with nothing.
    """
    score = trial.top1 if top1 is None else top1
    if trial.status != "finished" or score is None:
        return None
    fair = [
        reference.top1
        for reference in references
        if (reference.trial.status, reference.trial.epochs) == ("finished", trial.epochs)
    ]
    return score - max(fair) if fair else None
