"""MLflow as the browser of a campaign's trials: how long a person waits at thousands of runs.

    python -m benchmarks.trial_browser --runs 5000 [--home FOLDER] [--database ADDRESS] [--json]

A home is filled with runs as the mirror writes them (the same values, put into MLflow's database
in bulk: nothing is trained), `ventral ui` serves it, and a Chromium that was never there before
opens the table of runs, sorts it, filters it by a motif and opens a run. Each time is from the
request to the moment at which what was asked for is on the page; beside it stand the seconds of
a processor that the server and the browser took, which other work on the machine changes less.
`--database` is the address of an empty database in place of the home's SQLite file; `--home` keeps
the home, and one that was filled before is shown as it is.

Needs Chromium and its driver (Debian: apt-get install chromium chromium-driver).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil
import sqlalchemy as sa

from search.campaign import load_with_space
from search.host.home import Home
from search.host.ports import bypass_proxies
from search.mirror import database
from search.mirror.campaign_page import write_page
from search.mirror.client import open_client
from search.mirror.experiments import view_url
from search.mirror.runs import MOTIFS_TAG, MlflowRun, Point, run_key, run_of
from search.mirror.server import Server
from search.store import Campaign, NewTrial, Store
from space.motifs import name_motifs
from space.recurrence import recurrence
from space.unroll.cost import cost
from tests.support.browser import Browser, browser, why_not
from workers.job import Report

NETWORKS, STEPS, EPOCHS = 50, 7, 3
"""Different networks among the runs, their time steps, and the epochs of a training."""
WITH_FILES = 100
"""The best runs have files."""
ROUNDS = 3
PATIENCE = 120.0
MOTIF = "residual->out times"


@dataclass(frozen=True)
class Filled:
    """A home with runs in MLflow; the numbers of the trials that a person sees first."""

    home: Home
    experiment: str
    best: int
    largest: int
    motif: int


@dataclass(frozen=True)
class Spent:
    """Seconds until something is on the page, and those that processors worked for it: for the
    server, and for the browser.
    """

    waited: float
    served: float
    drawn: float


def main() -> None:
    bypass_proxies()
    chosen = _arguments()
    if (missing := why_not()) is not None:
        raise SystemExit(missing)
    with contextlib.ExitStack() as stack:
        folder = chosen.home or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="trial-browser-"))
        )
        result = measure(folder, chosen.runs, chosen.database, chosen.rounds)
    print(json.dumps(result, indent=1) if chosen.json else _format_result(result))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=5000)
    parser.add_argument("--home", type=Path, help="a folder, kept afterwards")
    parser.add_argument("--database", default="", help="address of an empty database")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def measure(folder: Path, runs: int, tracking: str = "", rounds: int = ROUNDS) -> dict[str, Any]:
    """Fill a home, and time what a person does there."""
    began = time.perf_counter()
    filled = fill(folder, runs, tracking)
    filling = time.perf_counter() - began
    times: dict[str, list[Spent]] = {}
    with _served(filled.home) as base:
        for number in range(rounds):
            with tempfile.TemporaryDirectory(prefix="chromium-") as profile:
                for name, spent in _browse(filled, base, Path(profile) / str(number)).items():
                    times.setdefault(name, []).append(spent)
    return {
        "runs": runs,
        "database": "PostgreSQL" if tracking.startswith("postgresql") else "SQLite",
        "seconds_to_fill": filling,
        "load": os.getloadavg()[0],
        "seconds": {
            name: statistics.median(one.waited for one in values) for name, values in times.items()
        },
        "server_seconds": {
            name: statistics.median(one.served for one in values) for name, values in times.items()
        },
        "browser_seconds": {
            name: statistics.median(one.drawn for one in values) for name, values in times.items()
        },
    }


def _format_result(result: dict[str, Any]) -> str:
    lines = [
        f"{result['runs']} runs in {result['database']}, load {result['load']:.1f} (filled in "
        f"{result['seconds_to_fill']:.0f} s)"
    ]
    lines += [
        f"{seconds:8.2f} s (a processor {result['server_seconds'][name]:.2f} s for the server, "
        f"{result['browser_seconds'][name]:.2f} s for the browser)  {name}"
        for name, seconds in result["seconds"].items()
    ]
    return "\n".join(lines)


# ------------------------------------------------------------------------------ the browser


@contextlib.contextmanager
def _served(home: Home) -> Iterator[str]:
    """The address of `ventral ui`'s server on a home."""
    server = Server(home.tracking_uri, home.artifacts, home.path / "ui.log", 0, home=home)
    try:
        server.wait()
        yield server.address
    finally:
        server.end()


def _browse(filled: Filled, base: str, profile: Path) -> dict[str, Spent]:
    """What each thing takes that a person does, in one browser that was never there."""
    runs = f"#/experiments/{filled.experiment}/runs"

    def ask(**query: str) -> str:
        return f"{runs}?{urlencode({'workflowType': 'machine_learning', **query})}"

    with browser(profile) as window:
        times = {}
        window.open(f"{base}/")
        address = view_url(f"{base}/mlflow", filled.experiment)
        times["page, its first time"] = _time(
            window, lambda: window.open(address), f" #{filled.best} "
        )
        window.open("about:blank")
        times["page"] = _time(window, lambda: window.open(address), f" #{filled.best} ")
        by_size = ask(orderByKey="metrics.`parameters`", orderByAsc="false")
        times["sort by parameters"] = _time(window, _go(window, by_size), f" #{filled.largest} ")
        having = ask(
            searchFilter=f"tags.`ventral.motifs` LIKE '%{MOTIF}%'",
            orderByKey="metrics.`top1`",
            orderByAsc="false",
        )
        times["filter by a motif"] = _time(window, _go(window, having), f" #{filled.motif} ")
        clicked = _time(window, lambda: window.follow(f" #{filled.motif} "), "ventral.digest")
        times["open a run"] = clicked
        return times


def _go(window: Browser, place: str) -> Callable[[], None]:
    def go() -> None:
        window.run("location.hash = arguments[0]", place)

    return go


def _time(window: Browser, do: Callable[[], None], words: str) -> Spent:
    """What it takes until words are on the page, and what was there before is not."""
    window.run("window.ventralBefore = document.body && document.body.textContent")
    began, worked = time.perf_counter(), _worked()
    do()
    while True:
        shown = window.run(
            "const text = document.body ? document.body.textContent : '';"
            "return text.includes(arguments[0]) && text !== window.ventralBefore",
            words,
        )
        passed = time.perf_counter() - began
        if shown:
            served, drawn = (now - then for now, then in zip(_worked(), worked, strict=True))
            return Spent(passed, served, drawn)
        if passed > PATIENCE:
            raise TimeoutError(f"{words!r} is not at {window.address} after {passed:.0f} s")
        time.sleep(0.05)


def _worked() -> tuple[float, float]:
    """Processor seconds up to now of the server, and of the browser with its driver."""
    served = drawn = 0.0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            seconds = sum(process.cpu_times()[:2])
            if "chrom" in process.name():
                drawn += seconds
            else:
                served += seconds
    return served, drawn


# ------------------------------------------------------------------------------ the runs


def fill(folder: Path, runs: int, tracking: str = "") -> Filled:
    """A home with so many runs in MLflow; one that was filled before is left as it is."""
    home = Home(path=folder.absolute(), tracking_uri=tracking)
    home.ensure()
    note = home.path / "filled.json"
    if note.exists():
        return Filled(home, **json.loads(note.read_text()))
    database.prepare(home, lambda: None)
    store = Store.open(home.store_url)
    campaign = _make_campaign(store)
    client = open_client(home, campaign.id)
    location = database.ARTIFACTS + campaign.id
    experiment, _ = client.experiment(campaign, location)
    where = home.tracking_label
    store.campaigns.set_experiment(campaign.id, where, experiment, anew=True)
    write_page(client, campaign, experiment)
    client.close()
    made = _make_runs(store, campaign, runs)
    store.campaigns.set_state(campaign.id, "finished")
    store.close()
    _insert(home, campaign.id, experiment, made)
    numbers = _find_first(made)
    note.write_text(json.dumps({"experiment": experiment, **numbers}))
    return Filled(home, experiment, **numbers)


def _make_campaign(store: Store) -> Campaign:
    loaded = load_with_space(
        {"name": "large", "space": "motifs-small", "data": {"name": "digits", "size": 8}}
    )
    record = store.campaigns.create(
        "large", loaded.campaign.document(), loaded.space.document(), {"name": "digits", "size": 8}
    )
    store.campaigns.set_state(record.id, "running")
    rng = random.Random(1)
    for number in range(NETWORKS):
        sample = loaded.space.sample(rng)
        sizes = cost(sample.genome)
        trial = NewTrial(
            number=number,
            digest=sample.digest,
            genome=sample.genome,
            recipe=sample.recipe,
            seed=1,
            choices=sample.choices,
            origin="random",
            parameters=sizes.parameters,
            macs=sizes.macs,
            cell=f"out = input + residual + out{number % 7}",
            recurrence=recurrence(sample.genome),
            split="validation",
            motifs=name_motifs(sample.genome),
        )
        store.trials.add(record.id, trial)
        store.trials.start(record.id, number)
        for epoch in range(1, EPOCHS + 1):
            store.trials.add_report(record.id, number, _report(rng, epoch))
        store.trials.finish(record.id, number, "finished")
    return store.campaigns.get(record.id)


def _report(rng: random.Random, epoch: int) -> Report:
    top1 = rng.random()
    return Report(
        epoch=epoch,
        top1=top1,
        top5=1.0,
        loss=1.0,
        train_loss=1.0,
        accuracy_by_step=(top1,) * STEPS,
        seconds=1.0 * epoch,
        memory_mb=200.0,
    )


def _make_runs(store: Store, campaign: Campaign, runs: int) -> list[MlflowRun]:
    """Runs as the mirror writes them: those of the networks, again and again with other scores."""
    patterns = [
        run_of(campaign, trial, store.results.reports(campaign.id, trial.number))
        for trial in store.results.find(campaign.id, genomes=True)
    ]
    rng = random.Random(2)
    return [
        _vary(campaign.id, patterns[number % len(patterns)], number, rng.random())
        for number in range(runs)
    ]


def _vary(campaign: str, run: MlflowRun, number: int, top1: float) -> MlflowRun:
    cell = run.name.rpartition(" #")[0]
    tags = {
        "ventral.key": run_key(campaign, number),
        "ventral.trial": str(number),
        "ventral.digest": f"{number:016x}",
    }
    scores = tuple(
        # Distinct sizes: then one network is the largest.
        replace(point, value=top1 if point.key == "top1" else point.value)
        if point.key != "parameters"
        else replace(point, value=point.value + number)
        for point in run.metrics
    )
    return replace(
        run,
        name=f"{cell} #{number} {top1:.1%}",
        started=run.started + 1000 * number,
        ended=run.started + 1000 * number + 900,
        metrics=scores,
        tags=run.tags | tags,
    )


def _find_first(runs: Sequence[MlflowRun]) -> dict[str, int]:
    """The trials on top of the table, and of it sorted and filtered."""

    def last(run: MlflowRun, key: str) -> float:
        return max(run.metrics, key=lambda point: (point.key == key, point.step)).value

    numbers = range(len(runs))
    having = [n for n in numbers if MOTIF in runs[n].tags.get(MOTIFS_TAG, "")]
    return {
        "best": max(numbers, key=lambda n: last(runs[n], "top1")),
        "largest": max(numbers, key=lambda n: last(runs[n], "parameters")),
        "motif": max(having, key=lambda n: last(runs[n], "top1")),
    }


def _insert(home: Home, campaign: str, experiment: str, runs: Sequence[MlflowRun]) -> None:
    """Put runs into MLflow's database, a thousand at a time."""
    from mlflow.store.tracking.dbmodels import models

    best = sorted(range(len(runs)), key=lambda n: -_score(runs[n]))[:WITH_FILES]
    engine = sa.create_engine(home.tracking_uri)
    for start in range(0, len(runs), 1000):
        part = list(enumerate(runs[start : start + 1000], start))
        rows: dict[Any, list[dict[str, Any]]] = {
            models.SqlRun: [_run_row(home, campaign, experiment, *one) for one in part],
            models.SqlParam: [
                {"run_uuid": _id(number), "key": key, "value": value}
                for number, run in part
                for key, value in run.parameters.items()
            ],
            models.SqlTag: [
                {"run_uuid": _id(number), "key": key, "value": value}
                for number, run in part
                for key, value in {**run.tags, "mlflow.runName": run.name}.items()
            ],
            models.SqlMetric: [
                _metric_row(number, point) for number, run in part for point in run.metrics
            ],
            models.SqlLatestMetric: [
                _metric_row(number, point)
                for number, run in part
                for point in {point.key: point for point in run.metrics}.values()
            ],
        }
        with engine.begin() as connection:
            for model, values in rows.items():
                if engine.dialect.name == "postgresql":
                    _copy(connection, model.__table__, values)
                else:
                    connection.execute(sa.insert(model.__table__), values)
    for number in best:
        files = home.run_files(campaign, _id(number))
        files.mkdir(parents=True)
        for name, text in runs[number].files.items():
            (files / name).write_text(text)
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.text("ANALYZE"))
    engine.dispose()


def _copy(connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    """Put rows into a table of PostgreSQL, many times faster than by statements."""
    names = list(rows[0])
    columns = ", ".join(f'"{name}"' for name in names)
    cursor: Any = connection.connection.cursor()
    with cursor.copy(f'COPY "{table.name}" ({columns}) FROM STDIN') as copy:
        for row in rows:
            copy.write_row([row[name] for name in names])


def _score(run: MlflowRun) -> float:
    return next(point.value for point in run.metrics if point.key == "top1")


def _id(number: int) -> str:
    return f"{number + 1:032x}"


def _run_row(home: Home, campaign: str, experiment: str, number: int, run: MlflowRun) -> Any:
    place = home.run_files(campaign, _id(number)).relative_to(home.artifacts).as_posix()
    return {
        "run_uuid": _id(number),
        "name": run.name,
        "source_type": "UNKNOWN",
        "source_name": "",
        "entry_point_name": "",
        "user_id": "",
        "status": run.status,
        "start_time": run.started,
        "end_time": run.ended,
        "source_version": "",
        "lifecycle_stage": "active",
        "artifact_uri": f"{database.ARTIFACTS}{place}",
        "experiment_id": int(experiment),
    }


def _metric_row(number: int, point: Point) -> dict[str, Any]:
    return {
        "run_uuid": _id(number),
        "key": point.key,
        "value": point.value,
        "timestamp": point.at,
        "step": point.step,
        "is_nan": False,
    }


if __name__ == "__main__":
    main()
