"""The report of a campaign of so many trials: how long each part of it takes, and how large it is.

    python benchmarks/report.py --trials 5000 [--keep FOLDER]
    python benchmarks/report.py --home FOLDER --campaign NAME

Without a home, a campaign is made up in a store of its own: trials of `motifs-small` whose scores
follow their choices, stopped early at the rungs that ASHA has. Nothing is trained.
"""

import argparse
import math
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from dashboards import importance
from dashboards.figures import FIGURES
from dashboards.findings import QUESTIONS
from dashboards.report import collect_contents, render_page, scripts
from dashboards.searched import read_searched
from search.campaign import load_with_space
from search.host.home import Home
from search.store import NewTrial, Store
from search.store.new_trials import put_on_record
from search.store.reports import report_row, scores_of
from search.store.tables import REPORTS, TRIALS
from space.equation.names import name_network
from space.motifs import name_motifs
from space.space import Sample
from space.unroll.cost import cost
from workers.job import Report

EPOCHS, RUNGS, STEPS = 9, (1, 3), 7
DISTINCT = 2000
"""So many networks are drawn; more trials are other trainings of them, with other scores."""

T = TypeVar("T")


def main() -> None:
    chosen = _arguments()
    if chosen.home is not None:
        measure(Home.at(chosen.home), chosen.campaign)
        return
    with tempfile.TemporaryDirectory(prefix="ventral-report-") as place:
        home = Home.at(chosen.keep or place, {})
        home.ensure()
        store = Store.open(home.store_url)
        if not store.campaigns.named("made-up"):
            make_campaign(store, chosen.trials)
        store.close()
        measure(home, "made-up")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--trials", type=int, default=5000)
    parser.add_argument("--keep", type=Path, help="a home for the campaign, to measure it again")
    parser.add_argument("--home", type=Path, help="measure a campaign of this home")
    parser.add_argument("--campaign", help="its id or name")
    return parser.parse_args()


def measure(home: Home, campaign: str) -> int:
    """Print what each part of the report takes in seconds; the page's size in bytes."""
    store = Store.open(home.store_url, create=False)
    total = time.perf_counter()
    searched = clock("read the store", lambda: read_searched(store, campaign))
    clock("importance of choices", lambda: importance.rank_choices(searched))
    clock("importance of motifs", lambda: importance.rank_motifs(searched))
    contents = clock("findings and figures", lambda: collect_contents([searched]))
    clock("Vega's scripts", scripts.bundle_vega)
    page = clock("the page", lambda: render_page(contents)).encode()
    print(f"{time.perf_counter() - total:8.2f} s  all of it, {len(searched.trials):,} trials")
    vega = len(scripts.bundle_vega()) / 1e6
    print(f"{len(page) / 1e6:8.2f} MB the page, {vega:.2f} of it Vega's")
    print("of the findings and figures, drawn once more:")
    for name, ask in QUESTIONS.items():
        clock(f"  finding {name}", lambda ask=ask: ask(searched))  # type: ignore[misc]
    for name, draw in FIGURES.items():
        clock(f"  figure {name}", lambda draw=draw: draw([searched]))  # type: ignore[misc]
    store.close()
    return len(page)


def clock(what: str, do: Callable[[], T]) -> T:
    """Do it, and print the seconds of the clock and of this process's processors."""
    wall, processor = time.perf_counter(), time.process_time()
    done = do()
    spent = time.perf_counter() - wall, time.process_time() - processor
    print(f"{spent[0]:8.2f} s  ({spent[1]:.2f} of processors)  {what}", flush=True)
    return done


def make_campaign(store: Store, trials: int, *, seed: int = 0, distinct: int = DISTINCT) -> str:
    """Put a campaign of made-up trials on record, of so many `distinct` networks, three controls
    with them; its id.
    """
    asha = {"name": "asha", "grace_epochs": RUNGS[0], "reduction_factor": 3}
    file = {"name": "made-up", "space": "motifs-small", "data": {"name": "digits"}}
    file |= {"recipe": {"epochs": EPOCHS}, "scheduler": asha, "sampler": {"name": "random"}}
    loaded = load_with_space(file | {"budget": {"trials": trials}})
    data = {"name": "digits", "classes": [str(digit) for digit in range(10)], "guess": 0.1}
    data |= {"size": 8, "channels": 1, "counts": {"train": 800, "validation": 400, "test": 597}}
    record = store.campaigns.create(
        "made-up", loaded.campaign.document(), loaded.space.document(), data
    )
    space = loaded.space.with_images(size=8, channels=1, classes=10)
    rng = random.Random(seed)
    control = _describe(space.control("feedforward"))
    drawn = [_describe(space.sample(rng)) for _ in range(min(trials, distinct))]
    with store.database.writing() as connection:
        at = time.time() - 2.0 * trials
        for number in range(min(trials, distinct)):
            network = control if number < 3 else drawn[number]
            fields = {key: value for key, value in network.items() if key != "worth"}
            origin = "control" if number < 3 else "random"
            trial = NewTrial(
                **fields,
                number=number,
                seed=seed + number,
                origin=origin,
                control="feedforward" if number < 3 else None,
            )
            put_on_record(store.database, connection, record.id, trial)
            reports, how = _train(network["worth"], rng, stops=number >= 3)
            _end(connection, record.id, number, reports, how, at + 2.0 * number)
        for start in range(distinct, trials, distinct):
            for table in (TRIALS, REPORTS):
                _repeat(connection, table, record.id, start, min(distinct, trials - start))
    store.campaigns.set_state(record.id, "running")
    store.campaigns.set_state(record.id, "finished")
    return record.id


def _repeat(
    connection: sa.Connection, table: sa.Table, campaign: str, start: int, count: int
) -> None:
    """Copy the first `count` trials, but for the controls, as those from `start` on, with other
    scores.
    """
    luck = 0.97 + 0.06 * ((table.c.number * 7919 + start) % 1000) / 1000.0
    changed = {"number": table.c.number + start}
    changed |= {
        name: table.c[name] + 3 * start for name in ("suggested", "arrived") if name in table.c
    }
    changed |= {name: table.c[name] * luck for name in ("top1", "best", "top5") if name in table.c}
    changed |= {
        name: table.c[name] + 2.0 * start for name in ("started", "ended") if name in table.c
    }
    copied = sa.select(*(changed.get(column.name, column) for column in table.c)).where(
        table.c.campaign == campaign,
        table.c.number.between(3, count - 1),
    )
    connection.execute(sa.insert(table).from_select([column.name for column in table.c], copied))


def _describe(sample: Sample) -> dict[str, Any]:
    """What is put on record of a network, and what a full training of it scores but for luck."""
    costs = cost(sample.genome)
    decisive = [(path, made) for path, made in sample.choices.items() if "offset" not in path]
    rng = random.Random(repr(decisive[:6]))
    cell, recurrent = name_network(sample.genome)
    return {
        "digest": sample.digest,
        "genome": sample.genome,
        "recipe": sample.recipe,
        "choices": sample.choices,
        "parameters": costs.parameters,
        "macs": round(costs.macs),
        "cell": cell,
        "recurrence": recurrent,
        "split": "validation",
        "motifs": name_motifs(sample.genome),
        "worth": 0.45 + 0.2 * rng.random(),
    }


def _train(worth: float, rng: random.Random, *, stops: bool) -> tuple[list[Report], str]:
    """The reports of a training, and how it ended."""
    if stops and rng.random() < 0.02:
        return [], "failed"
    last, end = worth + rng.gauss(0, 0.02), EPOCHS
    if stops:
        end = next((rung for rung in RUNGS if rng.random() < 2 / 3), EPOCHS)
    scores = [0.1 + (last - 0.1) * (1 - math.exp(-epoch / 2)) for epoch in range(1, end + 1)]
    reports = [
        Report(
            epoch=epoch,
            top1=score,
            top5=min(1.0, score + 0.3),
            loss=2.3 - 2 * score,
            train_loss=2.2 - 2 * score,
            accuracy_by_step=tuple(score * min(1, step / 4) for step in range(STEPS)),
            seconds=0.8 * epoch,
            memory_mb=200.0,
        )
        for epoch, score in enumerate(scores, 1)
    ]
    return reports, "finished" if end == EPOCHS else "pruned"


def _end(
    connection: sa.Connection,
    campaign: str,
    number: int,
    reports: list[Report],
    how: str,
    at: float,
) -> None:
    """Write down what became of a trial."""
    rows = [
        report_row(one) | {"campaign": campaign, "number": number, "at": at, "arrived": 3 * number}
        for one in reports
    ]
    if rows:
        connection.execute(sa.insert(REPORTS), rows)
    values: dict[str, Any] = scores_of(rows[-1]) if rows else {}
    values |= {"status": how, "started": at, "ended": at + 3.0, "arrived": 3 * number + 2}
    values |= {"attempts": 1, "reason": None if rows else "diverged: the loss is nan"}
    values["best"] = max((one.top1 for one in reports), default=None)
    same = (TRIALS.c.campaign == campaign, TRIALS.c.number == number)
    connection.execute(sa.update(TRIALS).where(*same).values(values))


if __name__ == "__main__":
    main()
