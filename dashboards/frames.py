"""The store as tidy pandas frames: one row a trial, a report, or a time step.

Figures, notebooks and the report page start here. Reads the store and nothing else; draws
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

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
_NUMBERS = ("top1", "best", "top5", "loss", "train_loss", "seconds", "memory_mb", "accuracy")
_COUNTS = ("parameters", "macs", "arrived")


def trials(store: Store, campaign: str, *, choices: bool = True) -> pd.DataFrame:
    """One row a trial, by number; a score that does not exist is NaN.

    `campaign` is an id or a name. Times are UTC timestamps. With `choices` there is a column
    `choice.PATH` for every choice that any trial made, empty where the branch was not taken.
    Raises StoreError for an unknown campaign.
    """
    records = store.results.find(store.campaigns.get(campaign).id)
    return tabulate_trials([trial.row() for trial in records], choices=choices)


def tabulate_trials(trials: Iterable[Mapping[str, Any]], *, choices: bool = True) -> pd.DataFrame:
    """Trials as `trials` has them, of rows as `search.store.Trial.row` gives them."""
    rows = []
    for shown in trials:
        row = {name: shown[name] for name in (*_TRIAL, *_TIMES)}
        if choices:
            row |= {f"{CHOICE}{path}": value for path, value in shown["choices"].items()}
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
