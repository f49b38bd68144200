"""The table of truth in memory: every training of a task, and what its networks are really worth.

    from benchmarks.search_quality import load
    load("8px").frame()

A row is one training; a network has one to three, by seed. The committed files are
`table-TASK.csv.gz`; `write` makes them from the lines of make_table.py.
"""

import csv
import gzip
import io
import json
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
CHANCE = 0.1  # ten classes: what a network is worth that cannot be trained


@dataclass(frozen=True, kw_only=True)
class Row:
    """One training. Scores in 0..1 on the test split after every epoch, losses in nats.

    `reason` says why it failed, None if it did not; a failed row holds the epochs before.
    `accuracy_by_step` is top-1 of the read-out at every step of the clock after the last epoch.
    """

    digest: str
    seed: int
    choices: Mapping[str, Any]
    cell: str
    parameters: int
    macs: int
    reason: str | None
    cpu_seconds: float
    torch: str
    top1: tuple[float, ...]
    loss: tuple[float, ...]
    train_loss: tuple[float, ...]
    accuracy_by_step: tuple[float, ...]

    @property
    def final(self) -> float:
        """Top-1 after the last epoch; chance for a failed training."""
        return self.top1[-1] if self.reason is None else CHANCE


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Standard deviations of final top-1: between two trainings of a network, and between
    networks. `networks` is how many were trained more than once.
    """

    within: float
    between: float
    networks: int

    @property
    def reliability(self) -> float:
        """The part of the variance of one training that is the network's (ICC)."""
        return self.between**2 / (self.between**2 + self.within**2)


@dataclass(frozen=True)
class Table:
    """All rows of a task."""

    rows: tuple[Row, ...]

    @cached_property
    def by_digest(self) -> dict[str, tuple[Row, ...]]:
        """The rows of every network, by seed."""
        rows_of: dict[str, list[Row]] = {}
        for row in sorted(self.rows, key=lambda row: row.seed):
            rows_of.setdefault(row.digest, []).append(row)
        return {digest: tuple(rows) for digest, rows in rows_of.items()}

    @cached_property
    def noise(self) -> Noise:
        """Measured on the networks with several seeds; `between` on seed 0, the noise taken off.

        Networks that failed are left out of both.
        """
        scores = [[r.final for r in rows if r.reason is None] for rows in self.by_digest.values()]
        several = [finals for finals in scores if len(finals) > 1]
        freedom = sum(len(finals) - 1 for finals in several)
        squares = sum(statistics.variance(finals) * (len(finals) - 1) for finals in several)
        within = squares / freedom if freedom else 0.0
        first = [finals[0] for finals in scores if finals]
        between = max(statistics.variance(first) - within, 0.0) if len(first) > 1 else 0.0
        return Noise(within=within**0.5, between=between**0.5, networks=len(several))

    @cached_property
    def truth(self) -> dict[str, float]:
        """What every network is worth: the mean over its seeds, shrunk towards the mean of all.

        The less a mean is based on, the further it is shrunk (normal prior, measured variances).
        Which networks have several seeds was decided by seed 0 alone, which the mean contains, so
        that the choice adds no bias.
        """
        noise, first = self.noise, [rows[0] for rows in self.by_digest.values()]
        centre = statistics.fmean(row.final for row in first if row.reason is None)
        return {
            digest: self._shrunk(rows, centre, noise) for digest, rows in self.by_digest.items()
        }

    @staticmethod
    def _shrunk(rows: tuple[Row, ...], centre: float, noise: Noise) -> float:
        if any(row.reason is not None for row in rows):
            return statistics.fmean(row.final for row in rows)
        spread = noise.between**2 + noise.within**2 / len(rows)
        weight = noise.between**2 / spread if spread else 1.0
        return centre + weight * (statistics.fmean(row.final for row in rows) - centre)

    def only(self, digests: Iterable[str]) -> "Table":
        """The rows of some of the networks; noise and truth are then worked out on these."""
        wanted = set(digests)
        return Table(tuple(row for row in self.rows if row.digest in wanted))

    def frame(self) -> Any:
        """A pandas DataFrame, a row a training."""
        import pandas as pd

        return pd.DataFrame(
            [{f.name: getattr(row, f.name) for f in fields(Row)} for row in self.rows]
        )


def load(task: str, folder: Path = FOLDER) -> Table:
    """The committed table of a task, `8px` or `16px`."""
    with gzip.open(folder / f"table-{task}.csv.gz", "rt", newline="") as file:
        return Table(tuple(_parsed(line) for line in csv.DictReader(file)))


def published(folder: Path = FOLDER) -> list[str]:
    """The tasks whose table is committed."""
    return sorted(p.name[len("table-") : -len(".csv.gz")] for p in folder.glob("table-*.csv.gz"))


def committed(task: str, folder: Path = FOLDER) -> tuple[Row, ...]:
    """The rows of a task's committed table, none if there is no table yet."""
    return load(task, folder).rows if task in published(folder) else ()


def read_lines(path: Path) -> Table:
    """The table of the JSON lines that make_table.py wrote."""
    names = {field.name for field in fields(Row)}
    rows = []
    for line in path.read_text().splitlines():
        document = {key: value for key, value in json.loads(line).items() if key in names}
        lists = {key: tuple(value) for key, value in document.items() if isinstance(value, list)}
        rows.append(Row(**{**document, **lists}))
    return Table(tuple(rows))


def write(table: Table, task: str, folder: Path = FOLDER) -> Path:
    """Write the table's file; the same rows give the same bytes."""
    text = io.StringIO()
    names = [field.name for field in fields(Row)]
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    for row in sorted(table.rows, key=lambda row: (row.digest, row.seed)):
        writer.writerow({name: _written(getattr(row, name)) for name in names})
    path = folder / f"table-{task}.csv.gz"
    path.write_bytes(gzip.compress(text.getvalue().encode(), 9, mtime=0))
    return path


def _written(value: object) -> object:
    if isinstance(value, tuple):
        return " ".join(f"{number:.6g}" for number in value)
    return json.dumps(value, sort_keys=True) if isinstance(value, Mapping) else value


def _parsed(line: Mapping[str, str]) -> Row:
    def numbers(name: str) -> tuple[float, ...]:
        return tuple(map(float, line[name].split()))

    return Row(
        digest=line["digest"],
        seed=int(line["seed"]),
        choices=json.loads(line["choices"]),
        cell=line["cell"],
        parameters=int(line["parameters"]),
        macs=int(line["macs"]),
        reason=line["reason"] or None,
        cpu_seconds=float(line["cpu_seconds"]),
        torch=line["torch"],
        top1=numbers("top1"),
        loss=numbers("loss"),
        train_loss=numbers("train_loss"),
        accuracy_by_step=numbers("accuracy_by_step"),
    )
