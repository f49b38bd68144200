"""Campaigns of a store that belong to another one: its certification, and a random one like it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from dashboards import frames
from search.campaign import Campaign, Scheduler
from search.campaign.lineage import read_lineage
from search.review.evidence import Evidence, read_evidence
from search.store import CONTROL, ENQUEUED, SEARCHED, Store
from search.store import Campaign as Record
from space.controls import MATCHES
from space.errors import InputError

_RATES = "-rate"  # in the names of networks that are tuned, not certified


@dataclass(frozen=True, kw_only=True, eq=False)
class Baseline:
    """What a campaign drew at random from the same space, for the same data and recipe: its trials
    without controls (dashboards.frames.trials, in the order of suggestion), and their reports.
    """

    id: str
    name: str
    scheduler: Scheduler
    trials: pd.DataFrame
    reports: pd.DataFrame


def read_certification(store: Store, record: Record) -> Evidence | None:
    """What the newest finished certification of a campaign shows: one beside matched controls if
    there is any, else one of other seeds alone. None without.
    """
    plain: Record | None = None
    for other in store.campaigns.all():
        if other.state != "finished" or other.data.get("certifies") != record.id:
            continue
        names = list(other.space.get("controls", {}))
        if any(_RATES in name for name in names):
            continue
        matched = any(read_lineage(name)[0] in MATCHES for name in names)
        if matched and (evidence := _read(store, record, other)) is not None:
            return evidence
        plain = plain or (None if matched else other)
    return None if plain is None else _read(store, record, plain)


def _read(store: Store, record: Record, certification: Record) -> Evidence | None:
    winners = sorted(
        {
            int(winner.removeprefix("trial-"))
            for name in certification.space.get("controls", {})
            if (winner := read_lineage(name)[1]) is not None
        }
    )
    try:
        trials = [store.results.get(record.id, number) for number in winners]
        return read_evidence(store, certification, trials)
    except InputError:  # of another version
        return None


def read_baseline(store: Store, record: Record) -> Baseline | None:
    """The largest random campaign of the same space, data and recipe as a campaign that is not
    random itself; None without one.
    """
    if record.document.get("sampler", {}).get("name") == "random":
        return None
    alike = [one for one in store.campaigns.all() if _is_random_twin(one, record)]
    counted = [(sum(store.results.counts(one.id).values()), one) for one in alike]
    if not counted:
        return None
    _, twin = max(counted, key=lambda pair: pair[0])
    try:
        scheduler = Campaign.parse(twin.document, f"campaign {twin.id}").scheduler
    except InputError:  # of another version
        return None
    trials = frames.trials(store, twin.id, choices=False)
    drawn = ~trials["origin"].isin((CONTROL, ENQUEUED)) & (trials["family"] != SEARCHED)
    trials = trials[drawn].sort_values("suggested", kind="stable")
    return Baseline(
        id=twin.id,
        name=twin.name,
        scheduler=scheduler,
        trials=trials,
        reports=frames.reports(store, twin.id),
    )


def _is_random_twin(other: Record, record: Record) -> bool:
    if other.state == "damaged" or other.document.get("sampler", {}).get("name") != "random":
        return False
    if "certifies" in other.data or other.id == record.id:
        return False
    same = all(_without_name(a) == _without_name(b) for a, b in _pairs(other, record))
    return same and other.data.get("checksum") == record.data.get("checksum")


def _pairs(a: Record, b: Record) -> list[tuple[Any, Any]]:
    return [(a.space, b.space), (a.document.get("recipe"), b.document.get("recipe"))]


def _without_name(document: Any) -> Any:
    names = ("name", "description", "controls")
    return {key: value for key, value in (document or {}).items() if key not in names}
