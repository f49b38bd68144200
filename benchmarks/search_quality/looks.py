"""What a cheap look at a network says about what it is worth.

    python -m benchmarks.search_quality.looks --task 16px --seen 8px 16px

For every number of epochs: the rank correlation of the score then with what the networks are worth
in the task, and the seconds of a core that it took. Scores are those of seed 0; where a task looks
at itself they are a part of the worth.
"""

import argparse
import statistics
from dataclasses import dataclass

from benchmarks.search_quality import load, published
from benchmarks.search_quality.table import Table


@dataclass(frozen=True, kw_only=True)
class Look:
    """Training for so many epochs: Spearman's rank correlation, CPU seconds a network."""

    epochs: int
    correlation: float
    seconds: float


def looks(seen: Table, wanted: Table) -> list[Look]:
    """A look for every number of epochs, over the cells that both tables have.

    Networks of two tasks are never the same, since their images differ in size; cells are.
    """
    import pandas as pd

    there = {rows[0].cell: rows[0] for rows in seen.by_digest.values()}
    cells = {wanted.by_digest[digest][0].cell: worth for digest, worth in wanted.truth.items()}
    both = [cell for cell in cells if cell in there and there[cell].reason is None]
    rows, worth = [there[cell] for cell in both], pd.Series([cells[cell] for cell in both])
    rows_by_epoch = []
    for epochs in range(1, max(len(row.top1) for row in rows) + 1):
        scores = pd.Series([row.top1[epochs - 1] for row in rows])
        seconds = statistics.fmean(row.cpu_seconds * epochs / len(row.top1) for row in rows)
        correlation = float(scores.corr(worth, method="spearman"))
        rows_by_epoch.append(Look(epochs=epochs, correlation=correlation, seconds=seconds))
    return rows_by_epoch


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--task", choices=published(), default="16px", help="what is foretold")
    parser.add_argument("--seen", choices=published(), nargs="+", default=published()[::-1])
    chosen = parser.parse_args()
    for name in chosen.seen:
        for look in looks(load(name), load(chosen.task)):
            print(f"{name:5} {look.epochs:3} epochs {look.correlation:6.2f} {look.seconds:6.1f} s")


if __name__ == "__main__":
    main()
