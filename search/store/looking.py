"""Looking at a database as it is: nothing is made, migrated or written."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from search.host.home import sqlite_file
from search.store.engine import SCHEMA, SCHEMA_TABLE, clear_errors, engine_for, read_revision

CHECKED_BYTES = 1 << 30
"""An SQLite file up to this size is read through, which takes some seconds."""


@dataclass(frozen=True, kw_only=True)
class Sight:
    """A store as it is found.

    `revision` is its schema (None: it holds no store yet), `known` says whether this version knows
    it, `newest` is what this version writes. `writable` is whether this user may write, `damage`
    what SQLite says of a file that is not whole. `clock` is the time of a database's server, and
    the times here just before and after, in seconds since 1970.
    """

    where: str
    revision: str | None
    newest: str = SCHEMA
    known: bool = True
    writable: bool = True
    damage: str | None = None
    clock: tuple[float, float, float] | None = None

    @property
    def due(self) -> bool:
        """Whether a migration is due before anything is written."""
        return self.revision is not None and self.known and self.revision != self.newest


def look_at_store(url: str) -> Sight | None:
    """The store at `url`; None for an SQLite file that is not there.

    Raises StoreError if it cannot be reached or used, or is no store.
    """
    file = sqlite_file(url)
    if file is not None and not file.exists():
        return None
    where, engine = engine_for(url, create=False)
    try:
        with clear_errors(where):
            with engine.connect() as connection:
                revision = read_revision(where, connection)
                damage, clock = _check_file(connection, file), _read_clock(connection)
            return Sight(
                where=where,
                revision=revision,
                known=revision in (None, SCHEMA) or _knows(revision),
                writable=_may_write(engine, revision),
                damage=damage,
                clock=clock,
            )
    finally:
        engine.dispose()


def read_mlflow_revision(url: str) -> str | None:
    """The schema of MLflow's tables in a database; None if it has none. Raises StoreError."""
    where, engine = engine_for(url, create=False)
    try:
        with clear_errors(where), engine.connect() as connection:
            return find_mlflow_revision(connection)
    finally:
        engine.dispose()


def find_mlflow_revision(connection: sa.Connection) -> str | None:
    """The schema of MLflow's tables in an open database; None if it has none yet."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    revision = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return None if revision is None else str(revision)


def _knows(revision: str) -> bool:
    from search.store import migrations  # Alembic takes long to import

    return revision in migrations.revisions()


def _may_write(engine: sa.Engine, revision: str | None) -> bool:
    if engine.dialect.name == "sqlite":
        # Takes the lock of a writer and lets it go; a file that may not be written refuses.
        try:
            with engine.connect().execution_options(ventral_writes=True) as writer, writer.begin():
                return True
        except sa.exc.OperationalError as error:
            if "readonly" in str(error):
                return False
            raise
    if revision is None:
        query = "SELECT has_schema_privilege(current_schema(), 'CREATE')"
    else:
        query = f"SELECT has_table_privilege('{SCHEMA_TABLE}', 'UPDATE')"
    with engine.connect() as connection:
        copies = connection.exec_driver_sql("SELECT pg_is_in_recovery()").scalar()
        return not copies and bool(connection.exec_driver_sql(query).scalar())


def _check_file(connection: sa.Connection, file: Path | None) -> str | None:
    if file is None or file.stat().st_size > CHECKED_BYTES:
        return None
    verdict = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())
    return None if verdict == "ok" else " ".join(verdict.split())


def _read_clock(connection: sa.Connection) -> tuple[float, float, float] | None:
    if connection.dialect.name != "postgresql":
        return None
    before = time.time()
    query = "SELECT extract(epoch FROM clock_timestamp())"
    there = float(connection.exec_driver_sql(query).scalar_one())
    return there, before, time.time()
