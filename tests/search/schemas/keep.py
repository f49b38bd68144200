"""Keeps the present schema's database files, with content: run it before you add a migration.

    PYTHONPATH=. python tests/search/schemas/keep.py

writes `NNNN.db` (SQLite) and `NNNN.postgresql.sql` (a dump) beside this file, where NNNN is the
schema that the code writes now. `tests/search/test_schemas.py` migrates copies of them for ever.

Three campaigns, by the real driver: `done` has ended (with a control, pruned, failed and
infeasible trials and a lost worker), `killed` lost its driver to kill -9 in the middle, `new` was
never run.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from search import driver
from search.host.home import Home
from search.store import Store
from search.store.engine import SCHEMA
from tests.support import postgres, toys

HERE = Path(__file__).parent
ROOT = HERE.parents[2]

RUN = """
import sys
from search import driver
from search.host.home import Home
from search.store import Store
from tests.support import toys

home = Home.at(sys.argv[1])
listen = lambda happening: print(happening.kind, flush=True)
trainable = toys.trainable(float(sys.argv[4]))
store = Store.open(sys.argv[2])
driver.run(sys.argv[3], home, store, listen, trainable=trainable, mirror=False)
"""


def fill(home: Home, url: str) -> None:
    """Make the three campaigns in the store at `url`."""
    store = Store.open(url)
    asha = {"name": "asha", "reduction_factor": 2}
    done = driver.submit(
        toys.campaign(
            name="done",
            budget={"trials": 12},
            scheduler=asha,
            limits={"parameters": 150},
            controls=[],
        ),
        home,
        store,
    )
    folder = home.ensure(home.campaign(done))
    (folder / "die-3-1").touch()
    (folder / "fail-2").touch()
    drive(home, url, done, 0.05).communicate()
    # Of another seed: what `done` has trained would answer its trials.
    again = toys.campaign(name="killed", budget={"trials": 5}, seed=2)
    killed = driver.submit(again, home, store)
    process = drive(home, url, killed, 0.4)
    assert process.stdout is not None
    seen = [next(line for line in process.stdout if line == "report\n") for _ in range(8)]
    process.send_signal(signal.SIGKILL)
    process.communicate()
    driver.submit(toys.campaign(name="new"), home, store)
    counts = {record.name: store.results.counts(record.id) for record in store.campaigns.all()}
    print(len(seen), counts)
    assert min(counts["done"][end] for end in ("finished", "pruned", "failed", "infeasible")) > 0
    assert min(counts["killed"]["finished"], counts["killed"]["waiting"]) > 0
    store.close()


def drive(home: Home, url: str, campaign_id: str, seconds: float) -> subprocess.Popen[str]:
    """A driver of the toy campaign in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", RUN, str(home.path), url, campaign_id, str(seconds)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path[1:]])},
    )


def keep_sqlite(folder: Path) -> None:
    home = Home.at(folder)
    home.ensure()
    fill(home, home.store_url)
    kept = HERE / f"{SCHEMA}.db"
    kept.unlink(missing_ok=True)
    with closing(sqlite3.connect(folder / "store.db")) as store:
        store.execute("VACUUM INTO ?", [str(kept)])  # one small file, nothing in a journal
    print(kept, kept.stat().st_size, "bytes")


def keep_postgresql(folder: Path) -> None:
    with postgres.server() as server:
        url = server.database()
        fill(Home.at(folder), url)
        program = postgres.program("pg_dump")
        assert program is not None
        dump = subprocess.run(
            [program, "--inserts", "--no-owner", "--no-privileges", url],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    kept = HERE / f"{SCHEMA}.postgresql.sql"
    # What is not SQL is for psql alone.
    kept.write_text("".join(line for line in dump.splitlines(True) if not line.startswith("\\")))
    print(kept, kept.stat().st_size, "bytes")


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="ventral-schema-"))
    try:
        keep_sqlite(folder / "sqlite")
        keep_postgresql(folder / "postgresql")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
