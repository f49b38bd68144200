"""MLflow's database where it is an SQLite file: made whole or not at all, repaired, and portable.

MLflow makes its tables in some sixty steps, each on its own, and does not recover from a kill
between two of them. So the file is made under another name and renamed; one that is half made or
damaged is put aside, and the store's trials are sent again into a new one.

Runs' files are recorded by their place in the home (`mlflow-artifacts:/CAMPAIGN/RUN/artifacts`),
which `ventral ui` resolves: a home may be moved or copied. MLflow is imported only to make or to
upgrade a file.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import cache
from pathlib import Path

from search.host.home import TRACKING_VARIABLE, Home, sqlite_file, sqlite_url
from space.errors import VentralError
from workers.files import hold_lock, partial

ARTIFACTS = "mlflow-artifacts:/"
"""How a place below `home.artifacts` is written in MLflow's database."""

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}
"""Settings by which MLflow prints and reports nothing by itself."""

EXPECTED: Mapping[tuple[str, str], str] = {
    ("runs", "sqlite_autoindex_runs_1"): "5000 1",
    ("params", "sqlite_autoindex_params_1"): "150000 5000 1",
    ("params", "index_params_run_uuid"): "150000 30",
    ("tags", "sqlite_autoindex_tags_1"): "75000 5000 1",
    ("tags", "index_tags_run_uuid"): "75000 15",
    ("latest_metrics", "sqlite_autoindex_latest_metrics_1"): "50000 5000 1",
    ("latest_metrics", "index_latest_metrics_run_uuid"): "50000 10",
    ("metrics", "index_metrics_run_uuid"): "150000 30",
    ("metrics", "index_metrics_run_uuid_key_step"): "150000 30 4 1",
}
"""What SQLite's planner is told of MLflow's tables, by table and index: rows, and how many of them
are alike in the first columns of the index. As ANALYZE finds it at 5,000 runs.
"""

_HALF_MADE = re.compile("already exists|duplicate column|no such (table|column|index)", re.I)

_COMPANIONS = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a file; left behind, it would be taken for the next file's."""


def prepare(home: Home, renew: Callable[[], None]) -> Path | None:
    """Make the home's MLflow database ready, if it is an SQLite file.

    A file of the home's own that is half made or damaged is put aside, and its new path is
    returned (else None). Whenever a new file is made, `renew` is called before it can be seen: all
    that was sent has to be sent again. Raises VentralError, with the cure, for a file that is not
    ours to repair or that a newer MLflow wrote, and OSError or sqlite3.Error if it cannot be used.
    """
    file = sqlite_file(home.tracking_uri)
    if file is None:
        return None
    home.ensure(file.parent)
    # The first process makes the file, the others find it.
    with hold_lock(file.with_name(f".{file.name}.lock")):
        ours = file.parent == home.path
        aside = _settle(file, renew, ours=ours)
        with closing(sqlite3.connect(file, timeout=5.0)) as connection:
            # MLflow's pages read while we write.
            connection.execute("PRAGMA journal_mode=WAL")
            _make_portable(connection)
            if ours:
                _expect_many(connection)
        return aside


def _settle(file: Path, renew: Callable[[], None], *, ours: bool) -> Path | None:
    """Have a whole database of the newest schema at `file`; where a broken one was put, if any."""
    if not file.exists() or not file.stat().st_size:
        _make(file, renew)
        return None
    newest, known = revisions()
    try:
        written = revision(file)
        if written == newest:
            return None
        if written is not None and written not in known:
            raise VentralError(
                f"{file}: a newer MLflow wrote it (schema {written}); upgrade MLflow, or move "
                "the file away: all that the store knows is sent again"
            )
        if not ours and written is None:
            raise VentralError(
                f"{file}: is not a database of MLflow; name another in {TRACKING_VARIABLE}"
            )
        if not ours:
            command = f"mlflow db upgrade {shlex.quote(sqlite_url(file))}"
            raise VentralError(f"{file}: an older MLflow wrote it (schema {written}); `{command}`")
        if written is not None and _upgrade(file):
            return None
    except sqlite3.OperationalError:
        raise  # it is locked, or cannot be opened: there is nothing wrong with what is in it
    except sqlite3.DatabaseError as error:
        if not ours:
            raise VentralError(f"{file}: is damaged ({error}); restore it from a copy") from error
    aside = _put_aside(file)
    _make(file, renew)
    return aside


def revision(file: Path) -> str | None:
    """The schema's revision; None without one. Raises sqlite3.DatabaseError if it is damaged."""
    with closing(sqlite3.connect(file, timeout=5.0)) as connection:
        [(verdict,)] = connection.execute("PRAGMA quick_check(1)")
        if verdict != "ok":
            raise sqlite3.DatabaseError(str(verdict).replace("\n", " "))
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if "alembic_version" not in tables:
            return None
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return None if row is None else str(row[0])


@cache
def revisions() -> tuple[str, frozenset[str]]:
    """MLflow's newest schema, and all that it knows. To ask MLflow itself takes seconds."""
    spec = importlib.util.find_spec("mlflow")
    [root] = spec.submodule_search_locations or [] if spec else []
    known: set[str] = set()
    older: set[str] = set()
    for file in Path(root, "store", "db_migrations", "versions").glob("*.py"):
        for name, value in re.findall(
            r"^(revision|down_revision)\b[^=\n]*=(.*)$", file.read_text("utf-8"), re.M
        ):
            (known if name == "revision" else older).update(re.findall(r"\w{6,}", value))
    [newest] = known - older
    return newest, frozenset(known)


def _make(file: Path, renew: Callable[[], None]) -> None:
    """Make an empty database; it appears at `file` when it is whole."""
    os.environ.update({name: os.environ.get(name, value) for name, value in QUIET.items()})
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    with partial(file.parent, file.name) as hidden:
        made = hidden / file.name
        address = sqlite_url(made)
        with no_strays(address):
            SqlAlchemyStore(address, ARTIFACTS).engine.dispose()
        renew()
        for left in _companions(file):
            left.unlink(missing_ok=True)
        made.rename(file)


def _upgrade(file: Path) -> bool:
    """Bring a copy to the newest schema and write it back in one transaction.

    False if it was half made: then a part of the next step is there already. Raises VentralError
    for any other failure, and if somebody wrote to the file meanwhile, which would be lost.
    """
    with ExitStack() as stack:
        hidden = stack.enter_context(partial(file.parent, file.name))
        newer = hidden / file.name
        watch = stack.enter_context(closing(sqlite3.connect(file, timeout=5.0)))
        before = _read_version(watch)
        _copy(file, newer)
        address = sqlite_url(newer)
        with no_strays(address):
            done = subprocess.run(
                [sys.executable, "-P", "-m", "mlflow", "db", "upgrade", address],
                env=os.environ | QUIET,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
        if done.returncode == 0:
            if _read_version(watch) != before:
                raise VentralError(
                    f"{file}: is written by others while its migration is due, so nothing is "
                    "written to it; stop `ventral ui` and the other campaigns of this home"
                )
            _copy(newer, file)
            return True
        if _HALF_MADE.search(done.stderr):
            return False
        last = done.stderr.strip().rpartition("\n")[2]
        raise VentralError(f"{file}: MLflow cannot bring it up to date ({last})")


def _read_version(connection: sqlite3.Connection) -> int:
    """A number that changes when another connection writes to the file."""
    [(version,)] = connection.execute("PRAGMA data_version")
    return int(version)


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as here, closing(sqlite3.connect(target)) as there:
        here.backup(there)


def _put_aside(file: Path) -> Path:
    """Rename a file that is of no use, with what belongs to it."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    aside = file.with_name(f"{file.name}.broken-{stamp}-{os.getpid()}")
    for one, target in zip(_companions(file), _companions(aside), strict=True):
        with suppress(FileNotFoundError):
            one.rename(target)
    return file.rename(aside)


def _companions(file: Path) -> list[Path]:
    return [file.with_name(file.name + ending) for ending in _COMPANIONS]


def _expect_many(connection: sqlite3.Connection) -> None:
    """Let SQLite plan MLflow's searches for thousands of runs.

    Without statistics it holds every run against every value of a metric: to sort 5,000 runs takes
    0.84 s of a processor, and 0.01 s with them. They are written by hand, since a database begins
    empty, and who has it open does not learn of new ones (https://sqlite.org/optoverview.html,
    "Manual Control Of Query Plans Using SQLITE_STAT Tables").
    """
    there = "SELECT count(*) FROM sqlite_schema WHERE name = 'sqlite_stat1'"
    with suppress(sqlite3.OperationalError), connection:  # while it is locked it stays slow
        if connection.execute(there).fetchone() == (0,):
            connection.execute("ANALYZE sqlite_schema")  # makes the table
        known = connection.execute("SELECT tbl, idx FROM sqlite_stat1").fetchall()
        if missing := [(*key, stat) for key, stat in EXPECTED.items() if key not in known]:
            insert = "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)"
            connection.executemany(insert, missing)


def _make_portable(connection: sqlite3.Connection) -> None:
    """Places of runs' files that an earlier version noted as absolute paths."""
    with connection:
        campaigns = connection.execute(
            "SELECT experiments.experiment_id, value FROM experiments JOIN experiment_tags ON "
            "experiment_tags.experiment_id = experiments.experiment_id WHERE "
            "key = 'ventral.campaign' AND artifact_location LIKE 'file:%/artifacts/' || value"
        ).fetchall()
        for experiment, campaign in campaigns:
            place = ARTIFACTS + campaign
            connection.execute(
                "UPDATE runs SET artifact_uri = ? || '/' || run_uuid || '/artifacts' "
                "WHERE experiment_id = ? AND artifact_uri LIKE 'file:%'",
                (place, experiment),
            )
            connection.execute(
                "UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?",
                (place, experiment),
            )


@contextmanager
def no_strays(address: str) -> Iterator[None]:
    """Remove the empty folders that MLflow makes of an address with quoted signs in its path."""
    folder = Path(address.partition(":///")[2]).parent
    strays = [one for one in (folder, *folder.parents) if not one.exists()]
    yield
    for one in strays:
        with suppress(OSError):
            one.rmdir()
