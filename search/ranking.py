"""Which trials are the best: searched cells in order, controls apart, the Pareto front."""

from collections.abc import Sequence
from typing import Any

from search.store import Store, Trial
from search.supply import CONTROL


def best(store: Store, campaign_id: str, n: int | None = None) -> list[Trial]:
    """The searched trials that have a score, best first, the controls left out; at most `n`."""
    return store.top(campaign_id, n, without=CONTROL)


def controls(store: Store, campaign_id: str) -> list[Trial]:
    """The controls that have a score, best first."""
    return store.top(campaign_id, 1000, origin=CONTROL)


def pareto(trials: Sequence[Trial]) -> list[Trial]:
    """Those that no other trial beats in top-1 without having more parameters.

    `trials` are best first, and so is the result.
    """
    front: list[Trial] = []
    for trial in trials:
        smallest = min((kept.parameters or 0 for kept in front), default=None)
        if smallest is None or (trial.parameters or 0) < smallest:
            front.append(trial)
    return front


def row(trial: Trial) -> dict[str, Any]:
    """A trial as `ventral top` prints it."""
    return {
        "trial": trial.number,
        "digest": trial.digest,
        "cell": trial.cell,
        "top1": trial.top1,
        "parameters": trial.parameters,
        "macs": trial.macs,
        "epochs": trial.epochs,
        "status": trial.status,
        "seed": trial.seed,
        "origin": trial.origin,
        "seconds": trial.seconds,
    }
