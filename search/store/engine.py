"""Opening a database as a store: SQLite or PostgreSQL, its schema, its errors in plain words.

Knows the schema's revision, not what the tables mean. Everything that differs between the two
databases is here.
"""

from __future__ import annotations

import json
import math
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError

from search.host.home import PRIVATE
from search.store import tables
from space.documents.outside import redact
from space.errors import StoreError

SCHEMA = "0006"
"""The revision that this version writes: the newest file in search/store/migrations/versions."""
SCHEMA_TABLE = "ventral_schema"

SECONDS = 30.0
"""How long to wait for a lock of SQLite."""


def engine_for(url: str, create: bool) -> tuple[str, sa.Engine]:
    """How to call the database (its file, or its address without the password) and an engine.

    Connects to nothing yet; the folder of an SQLite file is made unless `create` is False.
    """
    try:
        address = sa.make_url(url)
    except (ArgumentError, ValueError) as error:
        raise StoreError(
            "VENTRAL_STORE",
            f"{redact(url)!r} is not an address of a database",
            "write sqlite:////path/to/store.db or postgresql://user@host/database",
        ) from error
    if address.drivername in ("postgres", "postgresql"):
        address = address.set(drivername="postgresql+psycopg")
    label = redact(address.render_as_string(hide_password=True))
    if address.get_backend_name() not in ("sqlite", "postgresql"):
        raise StoreError(label, "is neither SQLite nor PostgreSQL", "use one of the two")
    options: dict[str, Any] = {"pool_pre_ping": True}
    readable = False
    if address.get_backend_name() == "sqlite":
        label = address.database or label
        _prepare_file(label, address.database, create)
        readable = not create and not _writable(Path(label))
        options = {"connect_args": {"timeout": SECONDS}}
        if readable:
            options = {"creator": _reader(Path(label))}
    try:
        engine = sa.create_engine(
            address, json_serializer=dumps, json_deserializer=loads, **options
        )
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise StoreError(
            label, f"needs a driver ({error})", "pip install 'ventral-search[postgres]'"
        ) from error
    if engine.dialect.name == "sqlite":
        _tune_sqlite(engine, readable)
    return label, engine


def _prepare_file(label: str, database: str | None, create: bool) -> None:
    if not database or database == ":memory:":
        raise StoreError(label, "names no file", "write sqlite:////path/to/store.db")
    path = Path(database)
    if not create and not path.exists():
        raise StoreError(
            str(path),
            "there is no store yet",
            "`ventral submit FILE` makes one, or set VENTRAL_HOME",
        )
    try:
        if create:
            path.parent.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            str(path.parent),
            f"cannot be created ({error.strerror})",
            "set VENTRAL_HOME to a folder you may write to",
        ) from error


def _writable(path: Path) -> bool:
    """Whether SQLite can write the file, and beside it what it needs to do so."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK | os.X_OK)


def _reader(path: Path) -> Callable[[], sqlite3.Connection]:
    """How to open a file that may only be read.

    Raises StoreError if what its last writer wrote is not in it yet, and cannot be seen.
    """
    log, index = (path.with_name(path.name + ending) for ending in ("-wal", "-shm"))
    # Beside a writer that has it open its files are read as well; without one it does not change.
    mode = "mode=ro" if log.exists() and index.exists() else "immutable=1"
    if mode == "immutable=1" and log.exists() and log.stat().st_size:
        raise StoreError(
            str(path),
            "may not be written, and its last writer did not close it",
            "copy its folder to where you may write, and set VENTRAL_HOME to the copy",
        )
    address = f"file:{quote(str(path))}?{mode}"
    return lambda: sqlite3.connect(
        address, uri=True, timeout=SECONDS, check_same_thread=False, isolation_level=None
    )


def _tune_sqlite(engine: sa.Engine, readable: bool) -> None:
    """SQLite as a server would behave: real transactions, readers beside the writer, keys.

    Of a file that may only be read (`readable`), nothing is changed.
    """
    pragmas = ["foreign_keys=ON"]
    if not readable:
        pragmas += ["journal_mode=WAL", "synchronous=NORMAL"]

    @sa.event.listens_for(engine, "connect")
    def _set_pragmas(connection: Any, _record: Any) -> None:
        # Python's driver would begin transactions by itself, too late for DDL and for reads.
        connection.isolation_level = None
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # A writer takes its lock at once: a reader that turns writer can fail, not wait.
        writes = connection.get_execution_options().get("ventral_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def check_schema(label: str, engine: sa.Engine) -> None:
    """Bring the database to SCHEMA, or say why not."""
    with engine.connect() as connection:
        revision = read_revision(label, connection)
    if revision == SCHEMA:
        return
    # Alembic takes longer to import than all the rest: only for a database that needs it.
    from search.store import migrations

    writer = engine.connect().execution_options(ventral_writes=True)
    with writer, writer.begin():
        if writer.dialect.name == "postgresql":
            # One at a time; SQLite's writing transaction is such a lock by itself.
            writer.execute(sa.select(sa.func.pg_advisory_xact_lock(0x76656E7472616C)))
        revision = read_revision(label, writer)
        if revision == SCHEMA:  # another process was faster
            return
        if revision is not None and revision not in migrations.revisions():
            raise StoreError(
                label,
                f"has schema {revision}, which a newer version wrote "
                f"(this one knows up to {SCHEMA})",
                "upgrade with `pip install --upgrade ventral-search`",
            )
        if revision is not None:
            migrations.refuse_if_driven(writer)
        migrations.upgrade(writer)


def read_revision(label: str, connection: sa.Connection) -> str | None:
    """The schema's revision, None in an empty database; StoreError if it is not a store."""
    names = set(sa.inspect(connection).get_table_names())
    if SCHEMA_TABLE in names:
        query = sa.text(f"SELECT version_num FROM {SCHEMA_TABLE}")
        return connection.execute(query).scalar_one_or_none()
    # A PostgreSQL database may be shared with others, as long as no table is claimed twice.
    others = names if connection.dialect.name == "sqlite" else names & set(tables.METADATA.tables)
    if others:
        raise StoreError(
            label,
            f"is not a store of Ventral (it holds {', '.join(sorted(others)[:4])})",
            "name another file or database in VENTRAL_STORE",
        )
    return None


_CAUSES = (
    ("database or disk is full", "the disk is full", "free some space and `ventral resume`"),
    ("no space left", "the disk is full", "free some space and `ventral resume`"),
    ("readonly", "may not be written", "check its permissions, or set VENTRAL_HOME elsewhere"),
    ("unable to open database file", "cannot be opened", "check the path and its permissions"),
    ("not a database", "is not a database", "name another file in VENTRAL_STORE"),
    ("malformed", "is damaged", "restore it from a copy, or name another in VENTRAL_STORE"),
    ("locked", "is locked by another process", "end what holds it, and try again"),
    ("password", "refused the user or password", "check the user and password in VENTRAL_STORE"),
    ("does not exist", "does not exist", "create the database, or correct VENTRAL_STORE"),
    ("connection", "cannot be reached", "check that the server runs and VENTRAL_STORE names it"),
)


@contextmanager
def clear_errors(label: str) -> Iterator[None]:
    """Turn what a database says about its state into a StoreError with a cure.

    Mistakes of ours (a broken constraint, bad SQL) pass unchanged.
    """
    try:
        yield
    except DatabaseError as error:
        text = str(error.orig or error).strip()
        if isinstance(error, OperationalError) or "not a database" in text or "malformed" in text:
            for sign, problem, cure in _CAUSES:
                if sign in text.lower():
                    raise StoreError(label, f"{problem} ({text.splitlines()[0]})", cure) from error
            raise StoreError(label, text.splitlines()[0]) from error
        raise


def insert_once(connection: sa.Connection, table: sa.Table, row: Mapping[str, Any]) -> bool:
    """Insert a row unless one with its key is there; says whether it was new."""
    # The row comes back only if it was inserted (row counts differ between drivers).
    statement = _insert_once(table, connection.dialect.name)
    return connection.execute(statement, dict(row)).first() is not None


def insert_missing(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert those rows, at least one, of whose keys there is none yet, by one statement."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(table).values([dict(row) for row in rows]).on_conflict_do_nothing()
    connection.execute(statement)


@cache
def _insert_once(table: sa.Table, dialect: str) -> sa.Executable:
    """A statement made once: to make it takes longer than to execute it."""
    insert = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    return insert.on_conflict_do_nothing().returning(table.primary_key.columns.values()[0])


def finite(value: Any) -> Any:
    """`value` with every number that is not finite replaced by None, as JSON needs it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value


def loads(text: str) -> Any:
    """A value out of one of the store's columns. Raises StoreError if it is damaged."""
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise damage_error(f"is not JSON: {error}") from None


def damage_error(problem: str, where: str = "a record of the store") -> StoreError:
    """The error for a record that no version writes."""
    return StoreError(where, f"is damaged ({problem})", "restore the store from a copy")


def identity(engine: sa.Engine) -> tuple[int, int] | None:
    """Which file an SQLite database is (device, inode); None without one."""
    if engine.dialect.name != "sqlite":
        return None
    try:
        state = Path(str(engine.url.database)).stat()
    except OSError:
        return None
    return state.st_dev, state.st_ino


def dumps(value: Any) -> str:
    """JSON for the store's columns: compact, and nothing that JSON does not know."""
    return json.dumps(finite(value), separators=(",", ":"), allow_nan=False)
