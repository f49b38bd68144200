"""The store as tidy pandas frames: one row a trial, a report, or a time step.

Figures, notebooks and the report page start here. Reads the store and nothing else; draws
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from search.review.lesions import Lesion, read_lesions
from search.review.listing import list_trials
from search.store import Reported, Store

CHOICE = "choice."
"""Prefix of the columns that hold a trial's choices."""

_TRIAL = (
    "trial",
    "cell",
    "recurrent",
    "motifs",
    "tags",
    "note",
    "status",
    "reason",
    "split",
    "top1",
    "best",
    "top5",
    "loss",
    "epochs",
    "parameters",
    "macs",
    "seconds",
    "memory_mb",
    "origin",
    "control",
    "family",
    "winner",
    "digest",
    "seed",
    "attempts",
    "suggested",
    "arrived",
)
_WORDS = ("motifs", "tags")
_TIMES = ("created", "started", "ended")
_REPORT = ("trial", "epoch", "top1", "top5", "loss", "train_loss", "seconds", "memory_mb")
_LESION = ("trial", "part", "kind", "difference", "low", "high", "retrained")
_NUMBERS = (
    *("top1", "best", "top5", "loss", "train_loss", "seconds", "memory_mb", "accuracy"),
    *("difference", "low", "high"),
)
_COUNTS = ("parameters", "macs", "arrived")


def trials(store: Store, campaign: str, *, choices: bool = True) -> pd.DataFrame:
    """One row a trial, by number; a score that does not exist is NaN.

    `campaign` is an id or a name. Times are UTC timestamps. With `choices` there is a column
    `choice.PATH` for every choice that any trial made, empty where the branch was not taken.
    `tags` are tuples of words. `motifs` are as well (space/motifs.py); of those that an earlier
    version put on record they are read from genomes. Raises StoreError for an unknown campaign.
    """
    campaign_id = store.campaigns.get(campaign).id
    shown = list_trials(store, campaign_id, store.results.find(campaign_id))
    return tabulate_trials(shown, choices=choices)


def tabulate_trials(shown: Iterable[Mapping[str, Any]], *, choices: bool = True) -> pd.DataFrame:
    """Trials as `trials` has them: each as `search.review.listing.list_trials` gives it."""
    rows = []
    for trial in shown:
        row = {name: trial[name] for name in (*_TRIAL, *_TIMES)}
        row |= {name: tuple(trial[name]) for name in _WORDS}
        if choices:
            row |= {f"{CHOICE}{path}": value for path, value in trial["choices"].items()}
        rows.append(row)
    frame = _frame(rows, (*_TRIAL, *_TIMES))
    for name in _TIMES:
        times = pd.to_datetime(frame[name].astype(float), unit="s", utc=True)
        frame[name] = times.dt.as_unit("us")
    return frame


def reports(store: Store, campaign: str) -> pd.DataFrame:
    """One row a report, in the order of arrival: trial, epoch and what was measured."""
    return tabulate_reports(store.results.all_reports(store.campaigns.get(campaign).id))


def steps(store: Store, campaign: str) -> pd.DataFrame:
    """Accuracy by time step, long: trial, epoch, step (from 0) and accuracy (0..1)."""
    return tabulate_steps(store.results.all_reports(store.campaigns.get(campaign).id))


def tabulate_reports(reported: Iterable[Reported]) -> pd.DataFrame:
    """Reports as `reports` has them."""
    rows = [
        {"trial": one.number, **{name: getattr(one.report, name) for name in _REPORT[1:]}}
        for one in reported
    ]
    return _frame(rows, _REPORT)


def tabulate_steps(reported: Iterable[Reported]) -> pd.DataFrame:
    """Reports' accuracies as `steps` has them."""
    rows = [
        {"trial": one.number, "epoch": one.report.epoch, "step": step, "accuracy": value}
        for one in reported
        for step, value in enumerate(one.report.accuracy_by_step)
    ]
    return _frame(rows, ("trial", "epoch", "step", "accuracy"))


def lesions(store: Store, campaign: str) -> pd.DataFrame:
    """One row a part of a trial's network that was removed, as `lesion_frame` has it."""
    return lesion_frame(read_lesions(store, store.campaigns.get(campaign).id))


def lesion_frame(found: Sequence[Lesion] = ()) -> pd.DataFrame:
    """Lesions as a frame: trial, part, kind, difference of validation top-1 (lesioned less whole,
    0..1), its interval low to high, and whether both networks were trained again. What is not
    known is NaN.
    """
    frame = _frame([vars(one) for one in found], _LESION)
    frame["retrained"] = frame["retrained"].astype(bool)
    return frame


def _frame(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> pd.DataFrame:
    """A frame with `columns` first and with the same types however many rows there are."""
    extra = dict.fromkeys(name for row in rows for name in row if name not in columns)
    frame = pd.DataFrame(rows, columns=[*columns, *extra])
    for name in set(columns) & set(_NUMBERS):
        frame[name] = frame[name].astype(float)
    for name in set(columns) & set(_COUNTS):
        frame[name] = frame[name].astype("Int64")
    for name in set(columns) & {"trial", "epoch", "epochs", "step", "seed", "attempts"}:
        frame[name] = frame[name].astype("int64")
    return frame
