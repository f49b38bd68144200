"""How a database is opened: what is no store is refused by name, and left alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from search.store import Store
from search.store.engine import SCHEMA, SCHEMA_TABLE
from space.errors import StoreError
from tests.support import postgres
from tests.support.campaigns import add, fill, new_campaign
from tests.support.processes import start_python
from tests.support.tables import change_rows, set_pragma
from tests.support.waiting import GUARD


@pytest.mark.parametrize("url", ["postgresql://u@h:abc/db", "no address"])
def test_what_is_no_address_is_said(url: str) -> None:
    with pytest.raises(StoreError, match="is not an address of a database"):
        Store.open(url)


def test_a_store_of_a_newer_version_is_refused_by_name(store: Store, url: str) -> None:
    with change_rows(store) as connection:
        connection.execute(sa.text(f"UPDATE {SCHEMA_TABLE} SET version_num = '9001'"))
    with pytest.raises(StoreError) as caught:
        Store.open(url)
    text = str(caught.value)
    assert store.where in text
    assert "9001" in text
    assert SCHEMA in text
    assert "pip install --upgrade ventral-search" in text


def test_anothers_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE experiments (id INTEGER)")
    with pytest.raises(StoreError, match=r"mlflow\.db: is not a store .*experiments"):
        Store.open(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [
            ("experiments",)
        ]


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are notes, and quite long ones\n" * 100)
    with pytest.raises(StoreError, match=r"notes\.txt: is not a database"):
        Store.open(f"sqlite:///{path}")
    assert path.read_text().startswith("these are notes")


def test_looking_creates_nothing(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store yet; `ventral submit"):
        Store.open(f"sqlite:///{tmp_path}/deep/store.db", create=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "not an address of a database"),
        ("mysql://u@h/d", "neither SQLite nor PostgreSQL"),
        ("sqlite://", "names no file"),
        ("sqlite:////dev/null/store.db", "cannot be created"),
        ("postgresql://u:geheim@127.0.0.1:1/d", "driver|reached|refused"),
    ],
)
def test_addresses_that_cannot_work(url: str, words: str) -> None:
    with pytest.raises(StoreError, match=words) as caught:
        Store.open(url)
    assert "geheim" not in str(caught.value)


def test_several_processes_may_open_a_new_store_at_once(url: str) -> None:
    code = (
        "import sys; from search.store import Store;"
        "print(len(Store.open(sys.argv[1]).campaigns.all()))"
    )
    processes = [start_python(code, url) for _ in range(4)]
    outputs = [process.communicate(timeout=GUARD) for process in processes]
    assert [out for out, _ in outputs] == ["0\n"] * 4, outputs


def test_a_full_disk_says_so_and_loses_nothing(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/store.db")
    campaign = fill(store)
    pages = int((tmp_path / "store.db").stat().st_size / 4096)
    set_pragma(store, f"max_page_count={max(pages, 1)}")
    large = {"filler": "x" * 2_000_000}
    with pytest.raises(StoreError, match=r"the disk is full.*free some space"):
        add(store, campaign.id, 10, choices=large)
    assert [trial.number for trial in store.results.find(campaign.id)] == [0, 1, 2, 3, 4]


def test_a_locked_store_says_so(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/store.db")
    set_pragma(store, "busy_timeout=20")
    with closing(sqlite3.connect(tmp_path / "store.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="is locked by another process"):
            new_campaign(store)
        assert store.campaigns.all() == [], "readers do not wait for a writer"
    assert new_campaign(store).state == "running"


def test_a_server_that_was_restarted_is_found_again(postgresql: postgres.Server) -> None:
    store = Store.open(postgresql.database())
    campaign = fill(store)
    ours = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    postgresql.sql(f"{ours} AND backend_type = 'client backend'")
    assert len(store.results.find(campaign.id)) == 5
    add(store, campaign.id, 5)
    assert store.results.counts(campaign.id)["waiting"] == 1


def test_a_server_that_is_away_is_named_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="VENTRAL_STORE") as caught:
        Store.open(f"postgresql://user:geheim@/nobody?host={tmp_path}")
    assert "geheim" not in str(caught.value)


def test_a_database_that_is_not_there_is_named(postgresql: postgres.Server) -> None:
    url = postgresql.database()
    missing = url.replace("/store", "/nothing")
    with pytest.raises(StoreError, match="create the database, or correct VENTRAL_STORE"):
        Store.open(missing)
