"""Campaigns that really train: Ventral's way to search against the poster's, at equal wall time.

    python -m benchmarks.search_quality.real search FOLDER --minutes 18 --seeds 0 1 2
    python -m benchmarks.search_quality.real certify FOLDER --seeds 5
    python -m benchmarks.search_quality.real report FOLDER [--json]

The space is `motifs-2018` with all its choices, on digits-occluded at 16 pixels: every width is an
eighth. For each seed all methods run at the same time, each on a worker of its own and for as many
minutes, so that whatever else the machine does slows them all. `certify` trains the best cells of
each campaign again, from seeds that no search saw, beside the published median cell (RGC) with its
feedback, the GRU and the feedforward control, those at several learning rates, since a search
chooses that too. All of it are campaigns of `ventral submit` in FOLDER: what is there already is
not trained again, and what was interrupted goes on.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.search_quality.compare import METHODS, OURS, POSTERS
from search.host.home import Home
from search.review.ranking import references
from search.store import Campaign, Store, Trial
from space import zoo
from space.errors import StoreError
from space.network.grammar import as_document
from space.space import Space
from space.zoo.cells import conv_gru
from space.zoo.reciprocal_gated import rgc_median

VENTRAL = Path(sys.executable).with_name("ventral")
NARROWER = 8
RATES = (0.003, 0.01, 0.03)  # of the published cells
CERTIFIED, UNSEEN = "certified", 100  # the folder of what is trained again, and its seed

CAMPAIGN: dict[str, Any] = {
    "data": {"name": "digits-occluded", "size": 16, "copies": 1},
    "recipe": {"epochs": 6, "batch_size": 64, "warmup_epochs": 1, "clip": {"norm": 1.0}},
    "resources": {"cpus": 1, "concurrent": 1},
    "controls": [],
    "keep": 0,
}


# ---------------------------------------------------------------------------------------- space


def space() -> dict[str, Any]:
    """`motifs-2018` at an eighth of its width, with the published cells as controls."""
    document = _narrow(Space.load("motifs-2018").document())
    none = dict.fromkeys(document["genome"]["feedback"], False)
    cells = {
        "gru": (as_document(conv_gru()), none),
        "rgc": (
            as_document(rgc_median(cell_depth=64 // NARROWER)),
            none | zoo.model("rgc_intermediate").genome.feedback,
        ),
    }
    controls = document["controls"]
    for name, (cell, feedback) in cells.items():
        controls[name] = {"genome": {"feedback": feedback, "cells": {"motif": cell}}}
    return {**document, "name": "motifs-2018-narrow"}


def _narrow(node: Any) -> Any:
    """A part of the space's document with every width and cell depth an eighth."""
    if isinstance(node, list):
        return [_narrow(item) for item in node]
    if not isinstance(node, dict):
        return node
    narrow = {key: _narrow(item) for key, item in node.items()}
    if isinstance(width := narrow.get("width"), int):
        narrow["width"] = width // NARROWER
    if isinstance(depth := narrow.get("depth"), dict):
        depth["choice"] = [option // NARROWER for option in depth["choice"]]
        depth["default"] //= NARROWER
    return narrow


# ------------------------------------------------------------------------------------- searching


def search(folder: Path, methods: Sequence[str], seeds: Sequence[int], minutes: float) -> None:
    """Run the campaigns, all methods of a seed at the same time.

    Raises RuntimeError if one of them ends for another reason than its minutes.
    """
    for seed in seeds:
        documents = {f"search-{seed}-{name}": _searching(name, seed, minutes) for name in methods}
        run_all(folder, documents, over=lambda reason: reason.startswith("budget.seconds"))


def run_all(
    folder: Path,
    documents: Mapping[str, Mapping[str, Any]],
    *,
    over: Callable[[str], bool] = lambda _reason: False,
) -> None:
    """Run campaigns at the same time, each in a home of its own.

    One that was asked for before goes on, or is left as it is if it ended; `over` says of the
    reason for which one was stopped whether that is its end.

    Raises RuntimeError for any other end.
    """

    def ended(record: Campaign | None) -> bool:
        return record is not None and (record.state == "finished" or over(record.reason or ""))

    running = {}
    for name, document in documents.items():
        home, text = folder / name, json.dumps(document, indent=1)
        file = home / "campaign.yaml"  # JSON is YAML
        there = _campaign(home) if file.exists() and file.read_text() == text else None
        if not ended(there):
            home.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            running[name] = _started(home, there)
    for name, process in running.items():
        process.wait()
        there = _campaign(folder / name)
        if not ended(there):
            outcome = "not there" if there is None else f"{there.state}: {there.reason}"
            raise RuntimeError(f"{name} is {outcome}; see {folder / name / 'log'}")


def _campaign(home: Path) -> Campaign | None:
    """The newest campaign in a home, None if there is none."""
    try:
        with _store(home) as store:
            return next(iter(store.campaigns.all()), None)
    except StoreError:
        return None


@contextmanager
def _store(home: Path) -> Iterator[Store]:
    url = Home.at(home / ".ventral", environ={}).store_url
    with closing(Store.open(url, create=False)) as store:
        yield store


def _searching(method: str, seed: int, minutes: float) -> dict[str, Any]:
    """The file of a campaign of a search."""
    return CAMPAIGN | {
        "name": method,
        "space": space(),
        "sampler": {"name": METHODS[method].sampler},
        "scheduler": dict(METHODS[method].scheduler),
        "budget": {"trials": 100_000, "seconds": 60 * minutes},
        "seed": seed,
    }


def _started(home: Path, there: Campaign | None) -> subprocess.Popen[bytes]:
    """Start the campaign of a home's file, or go on with the one that is there."""
    arguments = ["submit", "campaign.yaml", "--new", "--no-estimate"]
    if there is not None:
        arguments = ["resume", there.id]
    with (home / "log").open("a") as log:
        return subprocess.Popen(
            [VENTRAL, *arguments],
            cwd=home,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={k: v for k, v in os.environ.items() if not k.startswith(("VENTRAL", "MLFLOW"))},
        )


# ------------------------------------------------------------------------------------ certifying


def certify(folder: Path, seeds: int, best: int) -> None:
    """Train the best cells of every search, and the published ones, from other seeds.

    One campaign, all of whose trials are controls.
    """
    document = space()
    document["controls"] = controls(folder, best, document["controls"])
    campaign = CAMPAIGN | {
        "name": CERTIFIED,
        "space": document,
        "sampler": {"name": "random"},
        "scheduler": {"name": "fifo"},
        "recipe": CAMPAIGN["recipe"] | {"score_on": "test"},
        "resources": {"cpus": 1},
        "controls": [*document["controls"]],
        "control_seeds": seeds,
        "budget": {"trials": len(document["controls"]) * seeds},
        "seed": UNSEEN,
    }
    run_all(folder, {CERTIFIED: campaign})


def controls(folder: Path, best: int, published: Mapping[str, Any]) -> dict[str, Any]:
    """What is certified, by name: METHOD/SEED/RANK, and the published cells by rate."""
    named: dict[str, Any] = {}
    for name, control in published.items():
        for rate in RATES:
            named[f"{name}@{rate}"] = {**control, "recipe": {"learning_rate": rate}}
    for method, seed, trials in searched(folder):
        finished = [trial for trial in trials if trial.status == "finished"]
        ranked = sorted(finished, key=lambda trial: (-(trial.top1 or 0.0), trial.number))
        for rank, trial in enumerate(ranked[:best], 1):
            named[f"{method}/{seed}/{rank}"] = {"choices": trial.choices}
    return named


def searched(folder: Path) -> Iterator[tuple[str, int, list[Trial]]]:
    """Method, seed and trials of every search in a folder."""
    for home in sorted(folder.glob("search-*-*")):
        _, seed, method = home.name.split("-", 2)
        yield method, int(seed), _trials(home)


def _trials(home: Path) -> list[Trial]:
    """All trials of the newest campaign in a home."""
    with _store(home) as store:
        return store.results.find(store.campaigns.all()[0].id)


# -------------------------------------------------------------------------------------- reporting


def report(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """What came out: a row a search, and a row a certified network.

    `guesses` are trainings that ended no better than a constant answer. Certified scores are mean
    and standard deviation over the seeds; of a published cell all rates are there.
    """
    searches, guess = [], _guess(folder)
    for method, seed, trials in searched(folder):
        scored = [trial for trial in trials if trial.top1 is not None]
        best = max((t.top1 or 0.0 for t in scored if t.status == "finished"), default=None)
        searches.append(
            {
                "method": method,
                "seed": seed,
                "trials": sum(trial.ended is not None for trial in trials),
                "epochs": sum(trial.epochs for trial in trials),
                "guesses": sum((trial.top1 or 0.0) <= guess for trial in scored),
                "best": best,
            }
        )
    certified: list[dict[str, Any]] = []
    if (folder / CERTIFIED).is_dir():
        with _store(folder / CERTIFIED) as store:
            certified = [
                {
                    "network": reference.name,
                    "seeds": reference.seeds,
                    "top1": reference.top1,
                    "deviation": reference.deviation,
                    "cell": reference.trial.cell,
                }
                for reference in references(store, store.campaigns.all()[0])
            ]
    return {"searches": searches, "certified": certified}


def _guess(folder: Path) -> float:
    """Top-1 of the best constant answer on the searches' data."""
    home = next(iter(sorted(folder.glob("search-*-*"))))
    with _store(home) as store:
        return float(store.campaigns.all()[0].data["guess"])


def _format_result(result: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    lines = ["method           seed  trials  epochs  guesses    best"]
    for row in result["searches"]:
        best = "" if row["best"] is None else f"{100 * row['best']:6.1f} %"
        lines.append(
            f"{row['method']:16} {row['seed']:4} {row['trials']:7} {row['epochs']:7} "
            f"{row['guesses']:8} {best}"
        )
    lines.append("certified               seeds   top-1          cell")
    for row in result["certified"]:
        spread = "" if row["deviation"] is None else f"+- {100 * row['deviation']:4.1f}"
        lines.append(
            f"{row['network']:24}{row['seeds']:5} {100 * row['top1']:6.1f} % {spread:8} "
            f"{row['cell'][:60]}"
        )
    return "\n".join(lines)


def main() -> None:
    chosen = _arguments()
    if chosen.command == "search":
        search(chosen.folder, chosen.method, chosen.seeds, chosen.minutes)
    elif chosen.command == "report":
        result = report(chosen.folder)
        print(json.dumps(result, indent=1) if chosen.json else _format_result(result))
    else:
        certify(chosen.folder, chosen.seeds, chosen.best)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("search", help="run the campaigns")
    one.add_argument("folder", type=Path)
    one.add_argument("--minutes", type=float, default=20.0, help="of each campaign")
    one.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    one.add_argument("--method", nargs="+", choices=METHODS, default=[OURS, POSTERS])
    two = commands.add_parser("certify", help="train the best cells again")
    two.add_argument("folder", type=Path)
    two.add_argument("--seeds", type=int, default=5, help="trainings of each network")
    two.add_argument("--best", type=int, default=1, help="cells of each search")
    three = commands.add_parser("report", help="what came out")
    three.add_argument("folder", type=Path)
    three.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
