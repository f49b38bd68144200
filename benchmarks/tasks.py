"""Does recurrence help on the generated tasks, beyond parameters, arithmetic and depth?

    python -m benchmarks.tasks                      # all of it: hours on two cores
    python -m benchmarks.tasks --tasks clutter --seeds 2
    python -m benchmarks.tasks --pictures           # docs/tasks-NAME.png

For each task (TASKS) the same stages are trained without a cell (`feedforward`), with each of
three published cells in two of them, and as the three matched controls of the best of these.
Learning rates are chosen on the validation split, one seed each; then as many seeds as asked for
are trained at the rate that was chosen. What is reported is the test split, which nothing was
chosen by. The best cell is that with the highest mean on validation.

A training is a line of ROWS, which is written as soon as it ends: what is there is not trained
again, so that the command goes on where it was stopped. `docs/tasks.md` has the table between two
marks; the rest of that page is left as it is.
"""

import argparse
import hashlib
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from space.controls import MATCHES, match_controls
from space.genome import Genome
from space.network.grammar import Cell, as_document
from space.step.parameters import parameters
from space.unroll.plan import plan
from space.zoo.cells import conv_gru, feedforward, simple_rnn
from space.zoo.reciprocal_gated import rgc_median
from workers.data.packing import pack
from workers.data.specs import Clutter, DataSpec, Objects, Pathfinder
from workers.job import Clip, Job, PackRef, Recipe

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "tasks.md"
ROWS = ROOT / "docs" / "tasks.jsonl"
PACKS = Path.home() / ".cache" / "ventral-tasks"
BEGIN, END = "<!-- table: python -m benchmarks.tasks -->", "<!-- end of the table -->"

RATES = (0.002, 0.005, 0.01)
SEEDS = 5
RATE_SEED = 1000  # of the trainings by which rates are chosen; no seed of the table
BATCH = 64


@dataclass(frozen=True, kw_only=True)
class Task:
    """A data set at one difficulty, and how long networks are trained on it."""

    data: DataSpec
    epochs: int
    steps: int = 7
    widths: tuple[int, int, int] = (12, 16, 24)

    def recipe(self, rate: float) -> Recipe:
        """The same for all networks but for the learning rate."""
        return Recipe(
            epochs=self.epochs,
            batch_size=BATCH,
            learning_rate=rate,
            warmup_epochs=1,
            clip=Clip(norm=1.0),
        )

    def identify(self, genome: Genome, rate: float) -> str:
        """Changes with all that a training depends on, but for its seed."""
        facts = [self.data.model_dump_json(), self.recipe(rate).model_dump_json(), genome.digest]
        return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:12]

    def network(self, cell: Cell, classes: int) -> Genome:
        """Three stages on maps of 1, 1/2 and 1/4 of the side, with the cell in the last two."""
        one, two, three = self.widths
        first = {"width": one, "kernel": 3, "activation": "elu"}
        stages = [
            {"name": "conv1", "convolution": first, "pool": {}},
            {"name": "conv2", "convolution": {"width": two, "kernel": 3}, "cell": "c", "pool": {}},
            {"name": "conv3", "convolution": {"width": three, "kernel": 3}, "cell": "c"},
        ]
        return Genome.parse(
            {
                "image": {"size": self.data.size, "channels": 1},
                "classes": classes,
                "clock": {"steps": self.steps},
                "stages": stages,
                "cells": {"c": as_document(cell)},
            }
        )


TASKS: Mapping[str, Task] = {
    "pathfinder": Task(
        data=Pathfinder(curve_length=4, distractors=1, train_images=8000), epochs=30
    ),
    "clutter": Task(data=Clutter(), epochs=15),
    "objects": Task(data=Objects(distractors=1, occlusion=0.1), epochs=15),
}

CLASSES = {"pathfinder": 2, "clutter": 10, "objects": 8}

CELLS: Mapping[str, Cell] = {
    "SimpleRNN": simple_rnn(),
    "ConvGRU": conv_gru(),
    "reciprocal gated": rgc_median(cell_depth=16),
}
FEEDFORWARD = "feedforward"


# -------------------------------------------------------------------------------------- trainings


@dataclass(frozen=True, kw_only=True)
class Row:
    """One training: accuracies in 0..1 after its last epoch; `seed` RATE_SEED chose a rate."""

    task: str
    network: str
    rate: float
    seed: int
    validation: float
    test: float
    parameters: int
    macs: int
    setting: str

    @property
    def key(self) -> tuple[str, str, float, int, str]:
        """By which a training is known."""
        return self.task, self.network, self.rate, self.seed, self.setting


class Trainings:
    """All trainings of a file of rows; those that are asked for and not there are done."""

    def __init__(self, file: Path, packs: Path = PACKS) -> None:
        self._file, self._packs = file, packs
        lines = file.read_text().splitlines() if file.exists() else []
        self._rows = {row.key: row for row in (Row(**json.loads(line)) for line in lines)}

    def get(
        self, name: str, task: Task, network: tuple[str, Genome], rate: float, seed: int
    ) -> Row:
        """The row of a training, trained now if it is not there."""
        called, genome = network
        setting = task.identify(genome, rate)
        key = (name, called, rate, seed, setting)
        if key not in self._rows:
            row = self._train(key, task, genome)
            with self._file.open("a") as file:
                file.write(json.dumps(vars(row)) + "\n")
            print(f"{name}: {called}, rate {rate}, seed {seed}: {row.validation:.3f}", flush=True)
            self._rows[key] = row
        return self._rows[key]

    def _train(self, key: tuple[str, str, float, int, str], task: Task, genome: Genome) -> Row:
        from workers.evaluation import evaluate
        from workers.training import Trainer

        name, called, rate, seed, setting = key
        packed = pack(task.data, self._packs, workers=1)
        job = Job(
            genome=genome,
            recipe=task.recipe(rate),
            data=PackRef(path=str(packed.path), checksum=packed.checksum),
            seed=seed,
            folder="",
        )
        trainer = Trainer(job, device="cpu")
        while not trainer.finished:
            report = trainer.run_epoch()
        # Opened once a training, after all that it is trained and chosen by.
        tested = evaluate(trainer.network, packed, batch_size=256, split="test")
        return Row(
            task=name,
            network=called,
            rate=rate,
            seed=seed,
            validation=round(report.top1, 6),
            test=round(tested.top1, 6),
            parameters=parameters(genome).numbers,
            macs=round(plan(genome).planned_macs(BATCH)),
            setting=setting,
        )


# ---------------------------------------------------------------------------------------- results


@dataclass(frozen=True, kw_only=True)
class Result:
    """A network at the rate that validation chose, from seeds 0, 1, ..."""

    network: str
    rows: tuple[Row, ...]

    @property
    def validation(self) -> float:
        """Mean accuracy on the validation split."""
        return statistics.fmean(row.validation for row in self.rows)

    @property
    def scores(self) -> dict[int, float]:
        """Accuracy on the test split, by seed."""
        return {row.seed: row.test for row in self.rows}


def measure(
    name: str, task: Task, trainings: Trainings, seeds: int, rates: Sequence[float] = RATES
) -> list[Result]:
    """The feedforward network, the cells, and the controls of the best cell, in this order."""
    classes = CLASSES[task.data.name]

    def train(called: str, genome: Genome) -> Result:
        looks = [trainings.get(name, task, (called, genome), r, RATE_SEED) for r in rates]
        rate = max(looks, key=lambda row: row.validation).rate
        rows = [trainings.get(name, task, (called, genome), rate, seed) for seed in range(seeds)]
        return Result(network=called, rows=tuple(rows))

    bare = train(FEEDFORWARD, task.network(feedforward(), classes))
    cells = [train(called, task.network(cell, classes)) for called, cell in CELLS.items()]
    best = choose_best(cells)
    controls = match_controls(task.network(CELLS[best.network], classes))
    matched = [train(f"{kind} of {best.network}", controls[kind]) for kind in MATCHES]
    return [bare, *cells, *matched]


def choose_best(cells: Sequence[Result]) -> Result:
    """The cell with the highest mean on validation; of equal ones the first."""
    return max(cells, key=lambda result: result.validation)


def format_table(name: str, task: Task, results: Sequence[Result]) -> str:
    """Accuracies on the test split, and how far the best cell is ahead, seed by seed."""
    from search.review.verdicts import (  # type: ignore[import-not-found,unused-ignore]
        Comparison,
        judge,
    )

    best = choose_best([result for result in results if result.network in CELLS])
    lines = [
        f"`{name}`: {_written(task.data)}; {task.epochs} epochs, {len(best.rows)} seeds. "
        f"The best cell on validation: {best.network}.",
        "",
        "| network | parameters | 10^6 multiply-adds | rate | test, % | best cell ahead, points |",
        "|---|---|---|---|---|---|",
    ]
    others = [result for result in results if result.network != best.network]
    verdicts = judge(
        [
            Comparison(
                winner=best.network, against=one.network, scores=best.scores, others=one.scores
            )
            for one in others
        ]
    )
    ahead = {one.network: _ahead(v) for one, v in zip(others, verdicts, strict=True)}
    for result in results:
        row, scores = result.rows[0], [100 * score for score in result.scores.values()]
        spread = f" ± {statistics.stdev(scores):.1f}" if len(scores) > 1 else ""
        lines.append(
            f"| {result.network} | {row.parameters:,} | {row.macs / 1e6:.2f} | {row.rate} | "
            f"{statistics.fmean(scores):.1f}{spread} | {ahead.get(result.network, '')} |"
        )
    return "\n".join(lines)


def _ahead(verdict: Any) -> str:
    if verdict.low is None:
        return f"{100 * verdict.difference:+.1f}"
    interval = f"{100 * verdict.low:+.1f} to {100 * verdict.high:+.1f}"
    shown = ", **shown**" if verdict.shown else ", not shown"
    return f"{100 * verdict.difference:+.1f} ({interval}){shown}"


def _written(spec: DataSpec) -> str:
    """The options of a data set that are not its defaults, and how many images it has."""
    options = spec.model_dump(exclude_defaults=True) | {"train_images": spec.train_images}
    options.pop("name", None)
    return ", ".join(f"{key} {value}" for key, value in options.items())


def write_page(tables: Sequence[str], page: Path = PAGE) -> None:
    """Put tables between the marks of the page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    text = "\n\n".join(tables)
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


# --------------------------------------------------------------------------------------- pictures


def draw_pictures(folder: Path, columns: int = 10) -> list[Path]:
    """A sheet of test images of each task, a row for each class of up to four."""
    import numpy as np
    from PIL import Image

    from workers.data.datasets import open_source

    files = []
    for name, task in TASKS.items():
        split = open_source(task.data).splits["train"]
        rows = []
        for label in range(min(4, CLASSES[task.data.name])):
            places = np.flatnonzero(split.labels == label)[:columns]
            images = np.pad(split.read(places)[..., 0], ((0, 0), (1, 1), (1, 1)))
            rows.append(np.concatenate(list(images), axis=1))
        sheet = Image.fromarray(np.concatenate(rows))
        files.append(folder / f"tasks-{name}.png")
        doubled = (2 * sheet.width, 2 * sheet.height)
        sheet.resize(doubled, Image.Resampling.NEAREST).save(files[-1], optimize=True)
    return files


# ------------------------------------------------------------------------------------------- main


def main(arguments: Sequence[str] | None = None) -> None:
    chosen = _parser().parse_args(arguments)
    if chosen.pictures:
        for file in draw_pictures(PAGE.parent):
            print(file)
        return
    trainings = Trainings(chosen.rows)
    tables = []
    for name in chosen.tasks:
        task = TASKS[name]
        results = measure(name, task, trainings, chosen.seeds)
        tables.append(format_table(name, task, results))
        print(tables[-1], flush=True)
    if not chosen.print:
        write_page(tables)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--seeds", type=int, default=SEEDS, help="trainings of each network")
    parser.add_argument("--rows", type=Path, default=ROWS, help="the file of all trainings")
    parser.add_argument("--print", action="store_true", help="leave docs/tasks.md as it is")
    parser.add_argument("--pictures", action="store_true", help="draw the tasks, train nothing")
    return parser


if __name__ == "__main__":
    main()
