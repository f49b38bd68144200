"""Makes a task's committed file of the lines that make_table.py wrote, and says what is in it.

python -m benchmarks.search_quality.publish 8px rows-8px.jsonl
"""

import argparse
from pathlib import Path

from benchmarks.search_quality.table import Table, read_lines, write
from benchmarks.search_quality.tasks import TASKS


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("rows", type=Path, nargs="+", help="files of JSON lines, one a shard")
    chosen = parser.parse_args()
    rows = [row for path in chosen.rows for row in read_lines(path).rows]
    found = Table(tuple(rows))
    path, noise = write(found, chosen.task), found.noise
    failed = sum(row.reason is not None for row in rows)
    print(
        f"{path}: {len(rows)} trainings of {len(found.by_digest)} networks, {failed} failed, "
        f"{sum(row.cpu_seconds for row in rows) / 3600:.2f} CPU hours; deviation "
        f"{noise.between:.4f} between networks, {noise.within:.4f} between seeds "
        f"(reliability {noise.reliability:.2f})"
    )


if __name__ == "__main__":
    main()
