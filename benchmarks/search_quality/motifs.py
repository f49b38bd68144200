"""Which choices the best cells of the table share.

    python -m benchmarks.search_quality.motifs --task 8px

For every option of every choice: how many of the best networks have it, and how many of all.
"""

import argparse
import math
from collections import Counter
from dataclasses import dataclass

from benchmarks.search_quality import load, published
from benchmarks.search_quality.table import Table

BEST = 0.05


@dataclass(frozen=True, kw_only=True)
class Share:
    """The part of the best networks, and of all, with an option of a choice."""

    option: str
    best: float
    all: float


def shares(table: Table, part: float = BEST) -> list[Share]:
    """Every option's shares, those that the best have more often than all first."""
    truth = table.truth
    ranked = sorted(truth, key=lambda digest: (-truth[digest], digest))
    top = set(ranked[: math.ceil(part * len(ranked))])
    everywhere, there = Counter[str](), Counter[str]()
    for digest, rows in table.by_digest.items():
        options = [f"{path} = {value}" for path, value in rows[0].choices.items()]
        everywhere.update(options)
        there.update(options if digest in top else ())
    counted = [
        Share(option=name, best=there[name] / len(top), all=count / len(ranked))
        for name, count in everywhere.items()
    ]
    return sorted(counted, key=lambda share: (share.all - share.best, share.option))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--task", choices=published(), required=True)
    parser.add_argument("--part", type=float, default=BEST, help="of the networks are the best")
    chosen = parser.parse_args()
    for share in shares(load(chosen.task), chosen.part):
        print(f"{share.best:6.0%} of the best, {share.all:4.0%} of all  {share.option}")


if __name__ == "__main__":
    main()
