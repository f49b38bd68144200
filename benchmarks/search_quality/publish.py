"""Makes a task's committed file of the lines that make_table.py wrote, and says what is in it.

    python -m benchmarks.search_quality.publish 8px rows-8px.jsonl

With `--add` the lines join those that the committed table has already, and win over them.
"""

import argparse
from pathlib import Path

from benchmarks.search_quality.table import Table, committed, read_lines, write
from benchmarks.search_quality.tasks import TASKS


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("rows", type=Path, nargs="+", help="files of JSON lines, one a shard")
    parser.add_argument("--add", action="store_true", help="to what the table has already")
    chosen = parser.parse_args()
    before = committed(chosen.task) if chosen.add else ()
    now = (row for path in chosen.rows for row in read_lines(path).rows)
    rows = {(row.digest, row.seed): row for row in (*before, *now)}.values()
    table = Table(tuple(rows))
    path, noise = write(table, chosen.task), table.noise
    failed = sum(row.reason is not None for row in rows)
    print(
        f"{path}: {len(rows)} trainings of {len(table.by_digest)} networks, {failed} failed, "
        f"{sum(row.cpu_seconds for row in rows) / 3600:.2f} CPU hours; deviation "
        f"{noise.between:.4f} between networks, {noise.within:.4f} between seeds "
        f"(reliability {noise.reliability:.2f})"
    )


if __name__ == "__main__":
    main()
