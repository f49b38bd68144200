"""The campaigns of a store and the trials of a campaign as rows, with what people say of them."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from search.review.ranking import Standing, standing
from search.store import Campaign, Label, Store, Trial
from space.errors import GenomeError, StoreError
from space.motifs import name_motifs

_AT_ONCE = 500
"""Genomes that are read at once."""


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A campaign in the list. `certifies` is the id of the campaign whose networks it trains
    again, `cloned_from` that of the one like which it was made.
    """

    record: Campaign
    standing: Standing
    space: str
    data: str
    certifies: str | None
    cloned_from: str | None
    label: Label

    def row(self) -> dict[str, Any]:
        """As tables and JSON show it."""
        return {
            "id": self.record.id,
            "name": self.record.name,
            "state": self.standing.state,
            "trials": self.standing.trials,
            "done": self.standing.done,
            "best": self.standing.top1,
            "space": self.space,
            "data": self.data,
            "certifies": self.certifies,
            "cloned_from": self.cloned_from,
            "created": self.record.created,
            **self.label.document(),
        }


def list_campaigns(store: Store, tag: str | None = None) -> list[Listed]:
    """All campaigns, newest first, or those with a tag. One that cannot be read is `damaged`."""
    labels, none = store.labels.of_campaigns(), Label()
    return [
        Listed(
            record=record,
            standing=standing(store, record),
            space=read_name(record.document.get("space"), record.space),
            data=read_name(record.document.get("data"), record.data),
            certifies=record.data.get("certifies"),
            cloned_from=record.data.get("cloned_from"),
            label=labels.get(record.id, none),
        )
        for record in store.campaigns.all()
        if tag is None or tag in labels.get(record.id, none).tags
    ]


def read_name(written: object, closed: object) -> str:
    """A part of a campaign, say its space, by its name, however it was written."""
    for value in (written, closed):
        if isinstance(value, str):
            return value
        if isinstance(value, dict) and isinstance(value.get("name"), str):
            return str(value["name"])
    return ""


def list_trials(
    store: Store, campaign_id: str, trials: Sequence[Trial], *, motifs: bool = True
) -> list[dict[str, Any]]:
    """Trials as rows: what is known of each, its `motifs` unless they are left out, its tags and
    its note.
    """
    labels, none = store.labels.of_trials(campaign_id), Label().document()
    written = {number: label.document() for number, label in labels.items()}
    rows = [trial.row() for trial in trials]
    if motifs:
        words = read_motifs(store, campaign_id, trials)
        rows = [row | {"motifs": list(words[row["trial"]])} for row in rows]
    return [row | written.get(row["trial"], none) for row in rows]


def keep_tagged(
    store: Store, campaign_id: str, trials: Sequence[Trial], tag: str | None
) -> list[Trial]:
    """Those trials that have a tag, in their order; all of them without one."""
    if tag is None:
        return list(trials)
    labels, none = store.labels.of_trials(campaign_id), Label()
    return [trial for trial in trials if tag in labels.get(trial.number, none).tags]


def read_motifs(
    store: Store, campaign_id: str, trials: Sequence[Trial]
) -> dict[int, tuple[str, ...]]:
    """The motifs of trials by number: of those that have none on record, which an earlier version
    put there, from their genomes, of which each is read once; then they are put on record.
    """
    older: dict[str, list[int]] = {}
    for trial in trials:
        if trial.motifs is None and trial.cell:
            older.setdefault(trial.digest, []).append(trial.number)
    first, by_digest = [numbers[0] for numbers in older.values()], dict[str, tuple[str, ...]]()
    for start in range(0, len(first), _AT_ONCE):
        batch = dict[int, tuple[str, ...]]()
        for trial in store.results.some(campaign_id, first[start : start + _AT_ONCE]):
            if (words := _read_words(trial)) is not None:
                by_digest[trial.digest] = words
                batch |= dict.fromkeys(older[trial.digest], words)
        with suppress(StoreError):  # a store that may only be read
            store.trials.fill_motifs(campaign_id, batch)
    return {
        trial.number: by_digest.get(trial.digest, ()) if trial.motifs is None else trial.motifs
        for trial in trials
    }


def _read_words(trial: Trial) -> tuple[str, ...] | None:
    """The motifs of a trial with its genome; None where this version cannot read that."""
    try:
        return name_motifs(trial.read_genome())
    except GenomeError:
        return None
