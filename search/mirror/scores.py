"""Scores of networks against a recording as a run in MLflow, of an experiment of their own."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from search.host.home import SCORES, Home, sqlite_file
from search.mirror import database
from search.mirror.client import open_scores_client
from search.mirror.experiments import run_path
from search.mirror.migrations import refuse_other_schema
from search.mirror.runs import NAME_LENGTH, VALUE_LENGTH, MlflowRun, Point, cut
from search.mirror.tracking import resend_lost
from search.store import Store
from space.documents.outside import printable
from space.errors import StoreError

EXPERIMENT = "Neural predictivity"
NOTE = "One run a call of `ventral score neural --mlflow`: scores by area, model and time."


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A number of a run; `step` is the begin of its time bin in milliseconds, 0 without bins."""

    name: tuple[str, ...]
    value: float
    step: int = 0


def publish_scores(
    home: Home,
    name: str,
    parameters: Mapping[str, str],
    metrics: Iterable[Measured],
    files: Mapping[str, str],
) -> str:
    """Make a run with parameters, metrics and files (name -> text); its place on MLflow's page.

    The database is made if it is not there. Raises what MLflow raises, and VentralError.
    """
    if sqlite_file(home.tracking_uri) is not None:
        home.ensure()
    database.prepare(home, lambda: _resend(home))
    refuse_other_schema(home.tracking_uri)
    run = describe_run(name, parameters, metrics, files, now=int(1000 * time.time()))
    with database.no_strays(home.tracking_uri):
        client = open_scores_client(home)
    try:
        location = database.ARTIFACTS + SCORES if client.writes_files else None
        experiment = client.named_experiment(EXPERIMENT, location, NOTE)
        return run_path(experiment, client.write(experiment, run, None))
    finally:
        client.close()


def describe_run(
    name: str,
    parameters: Mapping[str, str],
    metrics: Iterable[Measured],
    files: Mapping[str, str],
    *,
    now: int,
) -> MlflowRun:
    """The run at `now`, milliseconds since 1970. What is not finite is no metric."""
    return MlflowRun(
        name=cut(printable(name), NAME_LENGTH),
        status="FINISHED",
        started=now,
        ended=now,
        parameters={
            _spell(key): cut(printable(text), VALUE_LENGTH) for key, text in parameters.items()
        },
        metrics=tuple(
            Point(key=_spell(*one.name), value=one.value, at=now, step=one.step)
            for one in metrics
            if math.isfinite(one.value)
        ),
        tags={},
        files=dict(files),
    )


def _spell(*parts: str) -> str:
    """A key of MLflow's: its letters alone; "/" between parts groups metrics on its page."""
    return "/".join(re.sub(r"[^\w. :-]", "_", part, flags=re.ASCII) for part in parts)[
        :NAME_LENGTH
    ]


def _resend(home: Home) -> None:
    try:
        store = Store.open(home.store_url, create=False)
    except StoreError:
        return  # there are no campaigns whose runs could be lost
    try:
        resend_lost(store, home)
    finally:
        store.close()
