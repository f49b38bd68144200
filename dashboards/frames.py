"""The store as tidy pandas frames: one row a trial, a report, or a time step.

Figures, notebooks and the report page start here. Reads the store and nothing else; draws
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from search.review.lesions import Lesion, read_lesions
from search.store import Store

CHOICE = "choice."
"""Prefix of the columns that hold a trial's choices."""

_TRIAL = (
    "trial",
    "cell",
    "recurrent",
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
    Raises StoreError for an unknown campaign.
    """
    records = store.results.find(store.campaigns.get(campaign).id)
    rows = []
    for trial in records:
        shown = trial.row()
        row = {name: shown[name] for name in (*_TRIAL, *_TIMES)}
        if choices:
            row |= {f"{CHOICE}{path}": value for path, value in trial.choices.items()}
        rows.append(row)
    frame = _frame(rows, (*_TRIAL, *_TIMES))
    for name in _TIMES:
        times = pd.to_datetime(frame[name].astype(float), unit="s", utc=True)
        frame[name] = times.dt.as_unit("us")
    return frame


def reports(store: Store, campaign: str) -> pd.DataFrame:
    """One row a report, in the order of arrival: trial, epoch and what was measured."""
    rows = [
        {"trial": one.number, **{name: getattr(one.report, name) for name in _REPORT[1:]}}
        for one in store.results.all_reports(store.campaigns.get(campaign).id)
    ]
    return _frame(rows, _REPORT)


def steps(store: Store, campaign: str) -> pd.DataFrame:
    """Accuracy by time step, long: trial, epoch, step (from 0) and accuracy (0..1)."""
    rows = [
        {"trial": one.number, "epoch": one.report.epoch, "step": step, "accuracy": value}
        for one in store.results.all_reports(store.campaigns.get(campaign).id)
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
