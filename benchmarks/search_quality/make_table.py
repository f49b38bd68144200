"""Trains the networks of a task and keeps one JSON line a training; may be killed at any moment.

    python -m benchmarks.search_quality.make_table rows.jsonl --task 8px
    python -m benchmarks.search_quality.make_table rows.jsonl --task 8px --shard 1/4

Started again with the same file it goes on where it was. First every network is trained with seed
0; then the best quarter, and a random part of the rest for the noise, with the other seeds. With
`--shard i/n` (i from 0) only the i-th part is trained, into a file of its own: give the other
shards' files with `--also` before the second part, which needs the scores of all. What the
committed table of the task holds is not trained again with `--beyond-table`.
"""

import argparse
import json
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import filelock

from benchmarks.search_quality.table import committed
from benchmarks.search_quality.tasks import REST_SEEDED, SEEDS, TASKS, Task, train
from space.space import Sample
from workers.data.packing import pack

Row = dict[str, Any]


def main() -> None:
    chosen = _arguments()
    task: Task = TASKS[chosen.task]
    share, shards = chosen.shard
    data = pack(task.data, chosen.data).ref
    lock = filelock.FileLock(f"{chosen.rows}.lock", blocking=False)
    with lock, chosen.rows.open("a+") as file:
        mine = mend_rows(file, task)
        rows = [*mine, *(row for other in chosen.also for row in _read(other, task))]
        if chosen.beyond_table:
            rows += [asdict(row) for row in committed(task.name)]
        for sample, seed in list_wanted(task, rows, share, shards):
            row = train(task, sample, seed, data)
            file.write(json.dumps(row) + "\n")
            file.flush()
            os.fsync(file.fileno())
            rows.append(row)
            top1 = row["top1"][-1] if row["top1"] else float("nan")
            stamp = time.strftime("%H:%M:%S")
            print(
                f"{stamp} {len(rows):5} {top1:.3f} {row['cpu_seconds']:6.1f} s  {row['cell']}",
                flush=True,
            )


def list_wanted(
    task: Task, rows: list[Row], share: int, shards: int
) -> Iterator[tuple[Sample, int]]:
    """What is still to be trained; `rows` grows meanwhile."""
    samples = task.samples[share::shards]
    done = {(row["digest"], row["seed"]) for row in rows}
    yield from ((sample, 0) for sample in samples if (sample.digest, 0) not in done)
    if {row["digest"] for row in rows if row["seed"] == 0} != {s.digest for s in task.samples}:
        return  # other shards have not said yet what the best quarter is
    again = seeded(task, rows)
    for seed in range(1, SEEDS):
        for sample in samples:
            if sample.digest in again and (sample.digest, seed) not in done:
                yield sample, seed


def seeded(task: Task, rows: Iterable[Row]) -> set[str]:
    """The digests that get all seeds: the best quarter by seed 0, and some of the rest."""
    score = {r["digest"]: (r["top1"] or [0.0])[-1] for r in rows if r["seed"] == 0}
    ranked = sorted(task.samples, key=lambda sample: -score[sample.digest])
    quarter = -(-len(ranked) // 4)
    best = {sample.digest for sample in ranked[:quarter]}
    rest = [sample.digest for sample in task.samples if sample.digest not in best]
    return best | set(rest[:REST_SEEDED])


def mend_rows(file: Any, task: Task) -> list[Row]:
    """The rows of an open file, after a line that was cut off by a kill is taken away."""
    file.seek(0)
    text = file.read()
    whole = text[: text.rfind("\n") + 1]
    file.truncate(len(whole.encode()))
    return _rows(whole, task)


def _read(path: Path, task: Task) -> list[Row]:
    return _rows(path.read_text(), task)


def _rows(text: str, task: Task) -> list[Row]:
    rows = [json.loads(line) for line in text.splitlines()]
    return [row for row in rows if row["task"] == task.name]


def _shard(text: str) -> tuple[int, int]:
    share, _, shards = text.partition("/")
    return int(share), int(shards)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("rows", type=Path, help="the file of JSON lines to append to")
    parser.add_argument("--task", choices=TASKS, required=True)
    parser.add_argument("--shard", type=_shard, default=(0, 1), metavar="I/N")
    parser.add_argument("--also", type=Path, nargs="*", default=[], help="other shards' rows")
    parser.add_argument(
        "--beyond-table", action="store_true", help="only what the committed table lacks"
    )
    parser.add_argument("--data", type=Path, default=Path(".ventral/data"), help="for the pack")
    return parser.parse_args()


if __name__ == "__main__":
    main()
