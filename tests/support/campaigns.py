"""Campaigns for tests: a store filled as a driver would fill it, without training anything."""

from __future__ import annotations

from typing import Any

from search.campaign import Loaded, load_with_space
from search.store import Campaign, NewTrial, Reported, Store
from space.genome import Genome
from space.motifs import name_motifs
from tests.support.exports import genome
from workers.job import Report

STEPS = 4


def genome_of(number: int) -> Genome:
    """The network of a trial: its number says how wide it is."""
    return genome(number % 64 + 1)


def report(epoch: int, top1: float, **changes: Any) -> Report:
    """One epoch's report as a worker gives it; also with what is not a number."""
    values: dict[str, Any] = {
        "epoch": epoch,
        "top1": top1,
        "top5": min(1.0, top1 + 0.3),
        "loss": 2.0 / epoch,
        "train_loss": 2.2 / epoch,
        "accuracy_by_step": tuple(top1 * (step + 1) / STEPS for step in range(STEPS)),
        "seconds": 1.5 * epoch,
        "memory_mb": 200.0,
    }
    return Report.model_construct(**(values | changes))


def reported(number: int, epoch: int, top1: float, **changes: Any) -> Reported:
    """One epoch's report as the store gives it."""
    return Reported(number=number, report=report(epoch, top1, **changes), at=0.0, arrived=0)


def new_campaign(
    store: Store,
    name: str = "motifs",
    document: dict[str, Any] | None = None,
    space: dict[str, Any] | None = None,
) -> Campaign:
    """A campaign that this process drives."""
    document = document or {"name": name, "sampler": {"name": "random"}}
    campaign = store.campaigns.create(name, document, space or {"space": name}, {"name": "digits"})
    store.campaigns.set_state(campaign.id, "running")
    return store.campaigns.get(campaign.id)


def new_small_campaign(store: Store) -> tuple[Campaign, Loaded]:
    """One of `motifs-small` that this process drives, with its whole file."""
    loaded = load_with_space(
        {"name": "small", "space": "motifs-small", "data": {"name": "digits"}}
    )
    document, space = loaded.campaign.document(), loaded.space.document()
    return new_campaign(store, "small", document, space), loaded


def add(store: Store, campaign_id: str, number: int, **changes: Any) -> None:
    """Put a trial on record; its recurrence is what the cell's name says."""
    cell = changes.get("cell", f"cell-{number}")
    plain = "none" if cell.startswith("feedforward") else "local"
    values: dict[str, Any] = {
        "number": number,
        "digest": f"{number:016x}",
        "genome": genome_of(number),
        "recipe": {"learning_rate": 0.01},
        "seed": number,
        "choices": {"stages[0].kernel": 3, "recipe.learning_rate": 0.01},
        "origin": "random",
        "parameters": 1000 + number,
        "macs": 50_000,
        "cell": cell,
        "recurrence": plain if cell else None,
        "split": "validation",
        "motifs": name_motifs(genome_of(number)) if cell else None,
    }
    store.trials.add(campaign_id, NewTrial(**(values | changes)))


def train(
    store: Store, campaign_id: str, number: int, *scores: float, status: Any = "finished"
) -> None:
    """Start a trial, report one score an epoch, and end it with `status`."""
    store.trials.start(campaign_id, number)
    for epoch, score in enumerate(scores, 1):
        store.trials.add_report(campaign_id, number, report(epoch, score))
    store.trials.finish(campaign_id, number, status)


def fill(store: Store) -> Campaign:
    """A campaign with one trial of every end: the five that a mirror has to send."""
    campaign = new_campaign(store)
    add(store, campaign.id, 0, origin="control", control="wide")
    train(store, campaign.id, 0, 0.4, 0.5, 0.6)
    add(store, campaign.id, 1)
    train(store, campaign.id, 1, 0.5, 0.8)
    add(store, campaign.id, 2)
    train(store, campaign.id, 2, 0.2, status="pruned")
    add(store, campaign.id, 3, status="infeasible", reason="9.0 M parameters, over 1.0 M")
    add(store, campaign.id, 4)
    store.trials.start(campaign.id, 4)
    store.trials.finish(campaign.id, 4, "failed", "diverged: the loss is nan", "Traceback\nnan")
    return campaign
