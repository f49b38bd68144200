"""Does recurrence help on the generated tasks, beyond parameters, arithmetic and depth?

    python -m benchmarks.tasks                      # all of it: hours on two cores
    python -m benchmarks.tasks --tasks clutter      # the other tables stay as they are
    python -m benchmarks.tasks --pictures           # docs/tasks-NAME.png

For each task (TASKS) the same stages are trained without a cell (`feedforward`), with each of
three published cells in two of them, and as the three matched controls of the best of these.
Learning rates, and the best cell, are chosen by looks: trainings from RATE_SEED, on the validation
split. The rates are rungs of search/upkeep/ladders.py, with one more where the best is at an end;
the best cell, the feedforward network and the controls have the same ones. Then as many seeds as
asked for are trained at the rate that was chosen. What is reported is the test split of these,
which nothing was chosen by.

A training is a line of ROWS, which is written as soon as it ends: what is there is not trained
again, so that the command goes on where it was stopped. `docs/tasks.md` has the tables between two
marks; the rest of that page, and the tables of tasks that were not asked for, stay as they are.
"""

import argparse
import hashlib
import json
import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from search.review.verdicts import Comparison, Verdict, judge
from search.upkeep.ladders import FIRST, extend_ladders, find_edges, rate_at
from space.controls import MATCHES, match_controls
from space.genome import Genome
from space.network.grammar import Cell, as_document
from space.step.parameters import parameters
from space.unroll.plan import plan
from space.zoo.cells import conv_gru, feedforward, simple_rnn
from space.zoo.reciprocal_gated import rgc_median
from workers.data.datasets import open_source
from workers.data.pack import Pack
from workers.data.packing import pack
from workers.data.specs import Clutter, DataSpec, Objects, Pathfinder
from workers.failures import Diverged
from workers.job import Clip, Job, Recipe

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "tasks.md"
ROWS = ROOT / "docs" / "tasks.jsonl"
PACKS = Path.home() / ".cache" / "ventral-tasks"
BEGIN, END = "<!-- table: python -m benchmarks.tasks -->", "<!-- end of the table -->"

RATE = 0.005  # at rung 0 of the ladder
ROUNDS = 2  # of looks: the first rungs, and those beyond their ends
SEEDS = 5
RATE_SEED = 1000  # of the looks; no seed of the table
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

    def identify(self, genome: Genome, rate: float, checksum: str) -> str:
        """Changes with all that a training depends on, but for its seed: the network, the recipe
        and, by the checksum of their pack, the images.
        """
        # What a recipe leaves as it is does not count: a later version has more of that.
        recipe = self.recipe(rate).model_dump_json(exclude_defaults=True)
        facts = [checksum, recipe, genome.digest]
        return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:12]

    @cached_property
    def classes(self) -> int:
        """How many there are."""
        return len(open_source(self.data).classes)

    def network(self, cell: Cell) -> Genome:
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
                "classes": self.classes,
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

CELLS: Mapping[str, Cell] = {
    "SimpleRNN": simple_rnn(),
    "ConvGRU": conv_gru(),
    "reciprocal gated": rgc_median(cell_depth=16),
}
FEEDFORWARD = "feedforward"


# -------------------------------------------------------------------------------------- trainings


@dataclass(frozen=True, kw_only=True)
class Row:
    """One training: accuracies in 0..1 after its last epoch, None where it diverged."""

    task: str
    network: str
    rate: float
    seed: int
    validation: float | None
    test: float | None
    parameters: int
    macs: int
    setting: str

    @property
    def key(self) -> tuple[str, str, float, int, str]:
        """By which a training is known."""
        return self.task, self.network, self.rate, self.seed, self.setting

    @property
    def standing(self) -> float:
        """What choices are made by: validation, where a training that diverged is the last."""
        return -1.0 if self.validation is None else self.validation


class Trainings:
    """All trainings of a file of rows; those that are asked for and not there are done."""

    def __init__(self, file: Path, packs: Path = PACKS) -> None:
        self._file, self._packs = file, packs
        lines = file.read_text().splitlines() if file.exists() else []
        self._rows = {row.key: row for row in (Row(**json.loads(line)) for line in lines)}
        self._packed: dict[str, Pack] = {}

    def get(
        self, name: str, task: Task, network: tuple[str, Genome], rate: float, seed: int
    ) -> Row:
        """The row of a training, trained now if it is not there."""
        called, genome = network
        setting = task.identify(genome, rate, self._pack(task.data).checksum)
        key = (name, called, rate, seed, setting)
        if key not in self._rows:
            row = self._train(key, task, genome)
            with self._file.open("a") as file:
                file.write(json.dumps(vars(row)) + "\n")
            outcome = "diverged" if row.validation is None else f"{row.validation:.3f}"
            print(f"{name}: {called}, rate {rate}, seed {seed}: {outcome}", flush=True)
            self._rows[key] = row
        return self._rows[key]

    def _pack(self, spec: DataSpec) -> Pack:
        key = spec.model_dump_json()
        if key not in self._packed:
            self._packed[key] = pack(spec, self._packs, workers=1)
        return self._packed[key]

    def _train(self, key: tuple[str, str, float, int, str], task: Task, genome: Genome) -> Row:
        from workers.evaluation import evaluate
        from workers.training import Trainer

        name, called, rate, seed, setting = key
        packed = self._pack(task.data)
        job = Job(
            genome=genome,
            recipe=task.recipe(rate),
            data=packed.ref,
            seed=seed,
            folder="",
        )
        trainer = Trainer(job, device="cpu")
        validation = test = None
        try:
            while not trainer.finished:
                report = trainer.run_epoch()
        except Diverged:
            pass
        else:
            # Opened once a training, after all that it is trained and chosen by.
            tested = evaluate(trainer.network, packed, batch_size=256, split="test")
            validation, test = round(report.top1, 6), round(tested.top1, 6)
        return Row(
            task=name,
            network=called,
            rate=rate,
            seed=seed,
            validation=validation,
            test=test,
            parameters=parameters(genome).numbers,
            macs=round(plan(genome).planned_macs(BATCH)),
            setting=setting,
        )


# ---------------------------------------------------------------------------------------- results


@dataclass(frozen=True, kw_only=True)
class Result:
    """A network at the rate of its best look, from seeds 0, 1, ...; `edge` where no rate beyond
    that one was tried.
    """

    network: str
    look: Row
    edge: bool
    rows: tuple[Row, ...]

    @property
    def scores(self) -> dict[int, float]:
        """Accuracy on the test split, by seed; without trainings that diverged."""
        return {row.seed: row.test for row in self.rows if row.test is not None}


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A task, where its trainings are, and how many seeds are wanted."""

    name: str
    task: Task
    trainings: Trainings
    seeds: int
    first: tuple[int, ...] = FIRST
    rounds: int = ROUNDS

    def measure(self) -> list[Result]:
        """The feedforward network, the cells, and the controls of the best cell, in this order."""
        genomes = {called: self.task.network(cell) for called, cell in CELLS.items()}
        alone = [self._tune({called: genome}, self.first) for called, genome in genomes.items()]
        looks = {called: rungs for one in alone for called, rungs in one.items()}
        best = choose_best(row for rungs in looks.values() for row in rungs.values()).network
        group = {FEEDFORWARD: self.task.network(feedforward()), best: genomes[best]}
        matched = match_controls(genomes[best])
        group |= {f"{kind} of {best}": matched[kind] for kind in MATCHES}
        looks |= self._tune(group, sorted(looks[best]))
        genomes |= group
        order = dict.fromkeys([FEEDFORWARD, *CELLS, *group])
        return [self._train(genomes[called], looks[called]) for called in order]

    def _tune(
        self, group: Mapping[str, Genome], first: Sequence[int]
    ) -> dict[str, dict[int, Row]]:
        """Looks at networks by rung, the same rungs for all of the group."""
        looks: dict[str, dict[int, Row]] = {called: {} for called in group}
        more = {called: list(first) for called in group}
        for _ in range(self.rounds):
            for called, rungs in more.items():
                network = called, group[called]
                for rung in rungs:
                    rate = rate_at(RATE, rung)
                    row = self.trainings.get(self.name, self.task, network, rate, RATE_SEED)
                    looks[called][rung] = row
            chosen = {called: _choose_rung(rows) for called, rows in looks.items()}
            tried = {called: sorted(rows) for called, rows in looks.items()}
            more = extend_ladders([list(group)], tried, chosen)
        return looks

    def _train(self, genome: Genome, looks: Mapping[int, Row]) -> Result:
        rung = _choose_rung(looks)
        look = looks[rung]
        network = look.network, genome
        rows = [
            self.trainings.get(self.name, self.task, network, look.rate, seed)
            for seed in range(self.seeds)
        ]
        edge = bool(find_edges({look.network: list(looks)}, {look.network: rung}))
        return Result(network=look.network, look=look, edge=edge, rows=tuple(rows))


def _choose_rung(looks: Mapping[int, Row]) -> int:
    return max(sorted(looks), key=lambda rung: looks[rung].standing)


def choose_best(looks: Iterable[Row]) -> Row:
    """The look with the highest accuracy on validation; of equal ones the first."""
    return max(looks, key=lambda row: row.standing)


def format_table(name: str, task: Task, results: Sequence[Result]) -> str:
    """Accuracies on the test split, and how far the best cell is ahead, seed by seed."""
    look = choose_best(result.look for result in results if result.network in CELLS)
    best = next(result for result in results if result.network == look.network)
    others = [result for result in results if result is not best]
    verdicts = judge(
        [
            Comparison(
                winner=best.network, against=one.network, scores=best.scores, others=one.scores
            )
            for one in others
        ]
    )
    ahead = {one.network: _ahead(v) for one, v in zip(others, verdicts, strict=True)}
    lines = [
        f"`{name}`: {_written(task.data)}; {task.epochs} epochs, {len(best.rows)} seeds. "
        f"The best cell on validation: {best.network}.",
        "",
        "| network | parameters | 10^6 multiply-adds | rate | test, % | best cell ahead, points |",
        "|---|---|---|---|---|---|",
        *(_format_row(result, ahead.get(result.network, "")) for result in results),
    ]
    if any(result.edge for result in results):
        lines += ["", "\\* the best rate is the lowest or the highest that was tried."]
    failed = [
        f"{one.network} in {len(one.rows) - len(one.scores)} of {len(one.rows)} trainings"
        for one in results
        if len(one.scores) < len(one.rows)
    ]
    if failed:
        lines += [
            "",
            f"Diverged: {', '.join(failed)}; these seeds are in no mean and no interval.",
        ]
    return "\n".join(lines)


def _format_row(result: Result, ahead: str) -> str:
    row, scores = result.look, [100 * score for score in result.scores.values()]
    mean = f"{statistics.fmean(scores):.1f}" if scores else "diverged"
    spread = f" ± {statistics.stdev(scores):.1f}" if len(scores) > 1 else ""
    rate = f"{row.rate}\\*" if result.edge else f"{row.rate}"
    return (
        f"| {result.network} | {row.parameters:,} | {row.macs / 1e6:.2f} | {rate} | "
        f"{mean}{spread} | {ahead} |"
    )


def _ahead(verdict: Verdict) -> str:
    if verdict.difference is None:
        return "no pairs"
    if verdict.low is None or verdict.high is None:
        return f"{100 * verdict.difference:+z.1f}"
    interval = f"{100 * verdict.low:+z.1f} to {100 * verdict.high:+z.1f}"
    shown = ", **shown**" if verdict.shown else ", not shown"
    return f"{100 * verdict.difference:+z.1f} ({interval}){shown}"


def _written(spec: DataSpec) -> str:
    """The options of a data set that are not its defaults, and how many images it has."""
    options = spec.model_dump(exclude_defaults=True) | {"train_images": spec.train_images}
    options.pop("name", None)
    return ", ".join(f"{key} {value}" for key, value in options.items())


def write_page(tables: Mapping[str, str], page: Path = PAGE) -> None:
    """Put tables, by the name of their task, between the marks of the page; a table there of a
    task that has no new one stays.
    """
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    between, _, after = rest.partition(END)
    blocks = re.split(r"^(?=`\w+`: )", between, flags=re.MULTILINE)[1:]
    kept = {block[1:].partition("`")[0]: block.strip() for block in blocks} | dict(tables)
    text = "\n\n".join(kept[name] for name in TASKS if name in kept)
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


# --------------------------------------------------------------------------------------- pictures


def draw_pictures(folder: Path, columns: int = 10) -> list[Path]:
    """A sheet of training images of each task, a row for each class of up to four."""
    import numpy as np
    from PIL import Image

    files = []
    for name, task in TASKS.items():
        split = open_source(task.data).splits["train"]
        rows = []
        for label in range(min(4, task.classes)):
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
    for name in chosen.tasks:
        task = TASKS[name]
        bench = Bench(name=name, task=task, trainings=trainings, seeds=chosen.seeds)
        table = format_table(name, task, bench.measure())
        print(table, flush=True)
        if not chosen.print:
            write_page({name: table})


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
