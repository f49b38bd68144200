"""A database is looked at without a change: not made, not migrated."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from search.host.home import sqlite_url
from search.store import Store
from search.store.engine import SCHEMA
from search.store.looking import look_at_store, read_mlflow_revision
from space.errors import StoreError
from tests.support.postgres import Server


def test_what_is_not_there_is_not_made(tmp_path: Path) -> None:
    assert look_at_store(sqlite_url(tmp_path / "store.db")) is None
    assert list(tmp_path.iterdir()) == []


def test_a_store_has_a_schema_and_may_be_written(url: str) -> None:
    Store.open(url).close()
    sight = look_at_store(url)
    assert sight is not None
    assert (sight.revision, sight.newest, sight.due) == (SCHEMA, SCHEMA, False)
    assert (sight.known, sight.writable, sight.damage) == (True, True, None)
    # A file has no clock, a server has one, and it is that of this machine here.
    assert (sight.clock is None) == url.startswith("sqlite")
    if sight.clock is not None:
        there, before, after = sight.clock
        assert before - 1 <= there <= after + 1


def test_an_empty_database_of_a_server_holds_none(postgresql: Server) -> None:
    url = postgresql.database()
    sight = look_at_store(url)
    assert sight is not None
    assert (sight.revision, sight.writable, sight.due) == (None, True, False)
    assert read_mlflow_revision(url) is None


@pytest.mark.skipif(os.getuid() == 0, reason="root may write any file")
def test_one_that_may_only_be_read(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "store.db")
    Store.open(url).close()
    (tmp_path / "store.db").chmod(0o400)
    sight = look_at_store(url)
    assert sight is not None
    assert not sight.writable


def test_a_page_that_is_damaged_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    Store.open(sqlite_url(file)).close()
    with closing(sqlite3.connect(file)) as connection:
        [(size,)] = connection.execute("PRAGMA page_size")
        [(root,)] = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE type = 'table' AND name = 'trials'"
        )
    with file.open("r+b") as damaged:
        damaged.seek((root - 1) * size)
        damaged.write(b"\xff" * size)
    assert _find_damage(sqlite_url(file))


def _find_damage(url: str) -> str | None:
    try:
        sight = look_at_store(url)
    except StoreError as error:
        return error.problem
    return None if sight is None else sight.damage


def test_the_schema_of_mlflow_s_tables(tmp_path: Path) -> None:
    file = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE runs (x)")
    assert read_mlflow_revision(sqlite_url(file)) is None
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('abc123')")
    assert read_mlflow_revision(sqlite_url(file)) == "abc123"
