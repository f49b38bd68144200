"""What the store costs: a trial's writes, and what is read of a campaign of a size.

    python -m benchmarks.store --trials 1000 --trials 100000 [--store postgresql://...] [--json]

A made-up campaign of that many trials is put on record, in a new SQLite file unless a store is
named. Then another one beside it writes as a driver does (a new trial, its start, its reports,
its end), a call a transaction, and the first is read as Prometheus and `ventral status` read it.
Milliseconds are medians of the wall's clock, with those of a processor in this process; the
size is that of the file, or of the database's tables, of few networks with many trials each.
"""

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.report import make_campaign
from search.review.metrics import read_samples
from search.review.progress import progress
from search.store import NewTrial, Store
from space.space import Space
from workers.job import Report

EPOCHS, ROUNDS, READS = 10, 40, 3
DISTINCT = 150
"""Networks of the made-up campaign, which are kept once each however many trials they have."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--trials", type=int, action="append", help="once for every size")
    parser.add_argument("--store", help="a database's address instead of a new file")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    for trials in chosen.trials or [1000]:
        with tempfile.TemporaryDirectory(prefix="ventral-store-") as folder:
            row = measure(chosen.store or f"sqlite:///{folder}/store.db", trials)
        text = ", ".join(f"{key} {value:.4g}" for key, value in row.items())
        print(json.dumps(row) if chosen.json else text, flush=True)


def measure(url: str, trials: int) -> dict[str, float]:
    """The costs beside a campaign of that many trials: milliseconds by call, bytes a trial."""
    store = Store.open(url)
    large = make_campaign(store, trials, distinct=DISTINCT)
    size = _size(store)
    costs = time_writes(store, store.campaigns.get(large).space)
    costs |= _time("metrics", READS, lambda _: read_samples(store, large))
    costs |= _time("status", READS, lambda _: progress(store, large))
    store.close()
    return {"trials": trials, "bytes_a_trial": size / trials, **costs}


def time_writes(store: Store, space_document: dict[str, Any]) -> dict[str, float]:
    """What a driver's writes of a trial take."""
    space = Space.parse(space_document).with_images(size=8, channels=1, classes=10)
    record = store.campaigns.create("writes", {}, space_document, {})
    store.campaigns.set_state(record.id, "running")
    rng = random.Random(1)
    trials = []
    for number in range(ROUNDS):
        sample = space.sample(rng)
        trials.append(
            NewTrial(
                number=number,
                digest=sample.digest,
                genome=sample.genome,
                recipe=sample.recipe,
                seed=number,
                choices=sample.choices,
                origin="random",
                parameters=1,
                macs=1,
                cell="cell",
                recurrence="local",
                split="validation",
                motifs=None,
            )
        )
    writes = store.trials
    costs = _time("add", ROUNDS, lambda n: writes.add(record.id, trials[n]))
    costs |= _time("start", ROUNDS, lambda n: writes.start(record.id, n))
    reports = [_report(epoch) for epoch in range(1, EPOCHS + 1)]
    costs |= _time(
        "report",
        ROUNDS * EPOCHS,
        lambda n: writes.add_report(record.id, n // EPOCHS, reports[n % EPOCHS]),
    )
    costs |= _time("finish", ROUNDS, lambda n: writes.finish(record.id, n, "finished"))
    store.campaigns.set_state(record.id, "finished")
    return costs


def _report(epoch: int) -> Report:
    return Report(
        epoch=epoch,
        top1=0.5,
        top5=0.8,
        loss=1.0,
        train_loss=1.0,
        accuracy_by_step=tuple(step / 20 for step in range(10)),
        seconds=float(epoch),
        memory_mb=200.0,
    )


def _time(name: str, rounds: int, call: Callable[[int], Any]) -> dict[str, float]:
    """Median milliseconds of the wall of a call, and mean ones of a processor."""
    walls, processor = [], time.process_time()
    for number in range(rounds):
        began = time.perf_counter()
        call(number)
        walls.append(time.perf_counter() - began)
    spent = (time.process_time() - processor) / rounds
    return {f"{name}_ms": 1000 * statistics.median(walls), f"{name}_cpu_ms": 1000 * spent}


def _size(store: Store) -> int:
    """Bytes that the store takes on disk."""
    with store.database.reading() as connection:
        if connection.dialect.name == "sqlite":
            return sum(one.stat().st_size for one in Path(store.where).parent.iterdir())
        query = "SELECT pg_database_size(current_database())"
        return int(connection.execute(sa.text(query)).scalar_one())


if __name__ == "__main__":
    main()
