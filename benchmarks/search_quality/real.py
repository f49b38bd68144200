"""Campaigns that really train: Ventral's way to search against the poster's, at equal wall time.

    python -m benchmarks.search_quality.real search FOLDER --minutes 18 --seeds 0 1 2
    python -m benchmarks.search_quality.real certify FOLDER --seeds 100 101 102 103 104
    python -m benchmarks.search_quality.real report FOLDER [--json]

The space is `motifs-2018` with all its choices, on digits-occluded at 16 pixels: every width is an
eighth. For each seed all methods run at the same time, each on a worker of its own and for as many
minutes, so that whatever else the machine does slows them all. `certify` trains the best cells of
each campaign again, with seeds that no search saw, beside the published median cell (RGC) with its
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
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.search_quality.compare import METHODS, OURS, POSTERS
from search.home import Home
from search.store import Store, Trial
from space.errors import StoreError
from space.grammar import as_document
from space.published import conv_gru, rgc_median
from space.space import Space

VENTRAL = Path(sys.executable).with_name("ventral")
NARROWER = 8
FEEDBACK = ("conv7->conv6", "conv8->conv5", "conv9->conv6", "conv10->conv7", "conv10->conv9")
RATES = (0.003, 0.01, 0.03)  # of the published cells
CONTROLS = ("feedforward", "gru", "rgc")

CAMPAIGN: dict[str, Any] = {
    "data": {"name": "digits-occluded", "size": 16, "copies": 1},
    "recipe": {"epochs": 6, "batch_size": 64, "warmup_epochs": 1, "clip": {"norm": 1.0}},
    "resources": {"cpus": 1, "concurrent": 1},
    "controls": [],
    "keep": 0,
}
EARLY = {"name": "asha", "grace_epochs": 2, "reduction_factor": 2}
"""Ours on these short trainings: half end after 2 of 6 epochs, half of the rest after 4."""


# ---------------------------------------------------------------------------------------- space


def space() -> dict[str, Any]:
    """`motifs-2018` at an eighth of its width, with the published cells as controls."""
    document = _narrow(Space.load("motifs-2018").document())
    none = dict.fromkeys(document["genome"]["feedback"], False)
    cells = {
        "gru": (as_document(conv_gru()), none),
        "rgc": (
            as_document(rgc_median(cell_depth=64 // NARROWER)),
            none | dict.fromkeys(FEEDBACK, True),
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
        asked = {f"search-{seed}-{name}": _searching(name, seed, minutes) for name in methods}
        run_all(folder, asked, over=lambda reason: reason.startswith("budget.seconds"))


def run_all(
    folder: Path,
    asked: Mapping[str, Mapping[str, Any]],
    *,
    over: Callable[[str], bool] = lambda reason: False,
) -> None:
    """Run campaigns at the same time, each in a home of its own.

    One that is there goes on, or is left as it is if it ended; `over` says of the reason for
    which one was stopped whether that is its end. Raises RuntimeError for any other end.
    """
    running = {}
    for name, document in asked.items():
        found = state(folder / name)
        if found is None or not (found[0] == "finished" or over(found[1])):
            running[name] = _started(folder / name, document, again=found is not None)
    for name, process in running.items():
        process.wait()
        found = state(folder / name)
        if found is None or not (found[0] == "finished" or over(found[1])):
            raise RuntimeError(f"{name} is {found}; see {folder / name / 'log'}")


def state(home: Path) -> tuple[str, str] | None:
    """The state of the campaign in a home, and the reason for it; None if there is none."""
    try:
        with closing(
            Store.open(Home.at(home / ".ventral", environ={}).store_url, create=False)
        ) as s:
            record = next(iter(s.campaigns()), None)
    except StoreError:
        return None
    return None if record is None else (record.state, record.reason or "")


def _searching(method: str, seed: int, minutes: float) -> dict[str, Any]:
    """The file of a campaign of a search."""
    scheduler = EARLY if method == OURS else METHODS[method].scheduler
    return CAMPAIGN | {
        "name": method,
        "space": space(),
        "sampler": {"name": METHODS[method].sampler},
        "scheduler": dict(scheduler),
        "budget": {"trials": 100_000, "seconds": 60 * minutes},
        "seed": seed,
    }


def _started(home: Path, document: Mapping[str, Any], *, again: bool) -> subprocess.Popen[bytes]:
    """Start the campaign of a home, or go on with it."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "campaign.yaml").write_text(json.dumps(document, indent=1))  # JSON is YAML
    asked = ["resume", document["name"]] if again else ["submit", "campaign.yaml", "--no-estimate"]
    with (home / "log").open("a") as log:
        return subprocess.Popen(
            [VENTRAL, *asked],
            cwd=home,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={k: v for k, v in os.environ.items() if not k.startswith(("VENTRAL", "MLFLOW"))},
        )


# ------------------------------------------------------------------------------------ certifying


def certify(folder: Path, seeds: Sequence[int], best: int, at_once: int) -> None:
    """Train the best cells of every search, and the published ones, with other seeds.

    A campaign a seed, all of whose networks are controls; `at_once` of them side by side.
    """
    document = space()
    document["controls"] = controls(folder, best, document["controls"])
    asked = {
        f"certify-{seed}": CAMPAIGN
        | {
            "name": f"certify-{seed}",
            "space": document,
            "sampler": {"name": "random"},
            "scheduler": {"name": "fifo"},
            "controls": [*document["controls"]],
            "budget": {"trials": len(document["controls"])},
            "seed": seed,
        }
        for seed in seeds
    }
    names = [*asked]
    for start in range(0, len(names), at_once):
        run_all(folder, {name: asked[name] for name in names[start : start + at_once]})


def controls(folder: Path, best: int, published: Mapping[str, Any]) -> dict[str, Any]:
    """What is certified, by name: METHOD/SEED/RANK, and the published cells by rate."""
    found: dict[str, Any] = {}
    for name, control in published.items():
        for rate in RATES:
            found[f"{name}@{rate}"] = {**control, "recipe": {"learning_rate": rate}}
    for method, seed, trials in searched(folder):
        finished = [trial for trial in trials if trial.status == "finished"]
        ranked = sorted(finished, key=lambda trial: (-(trial.top1 or 0.0), trial.number))
        for rank, trial in enumerate(ranked[:best], 1):
            found[f"{method}/{seed}/{rank}"] = {"choices": trial.choices}
    return found


def searched(folder: Path) -> Iterator[tuple[str, int, list[Trial]]]:
    """Method, seed and trials of every search in a folder."""
    for home in sorted(folder.glob("search-*-*")):
        _, seed, method = home.name.split("-", 2)
        yield method, int(seed), _trials(home)


def _trials(home: Path) -> list[Trial]:
    """All trials of the campaign in a home."""
    url = Home.at(home / ".ventral", environ={}).store_url
    with closing(Store.open(url, create=False)) as store:
        return store.trials(store.campaigns()[0].id)


def main() -> None:
    chosen = _arguments()
    if chosen.command == "search":
        search(chosen.folder, chosen.method, chosen.seeds, chosen.minutes)
    else:
        certify(chosen.folder, chosen.seeds, chosen.best, chosen.at_once)


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
    two.add_argument("--seeds", type=int, nargs="+", default=[100, 101, 102, 103, 104])
    two.add_argument("--best", type=int, default=1, help="cells of each search")
    two.add_argument("--at-once", type=int, default=2, help="campaigns, a worker each")
    return parser.parse_args()


if __name__ == "__main__":
    main()
