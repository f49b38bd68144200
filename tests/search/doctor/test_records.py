"""The store as it lies in a home: none, whole, of another version, damaged."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from search.doctor.protocol import Finding, Place
from search.doctor.records import StoreCheck
from search.doctor.running import run_check
from search.host.home import Home
from search.store import Store
from search.store.engine import SCHEMA
from tests.support.shrinking import ROOT


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.at(tmp_path, {})


def _look(home: Home) -> Finding:
    (finding,) = run_check(StoreCheck(), Place(home=home, environ={}))
    return finding


def test_a_home_has_none_and_then_one(home: Home) -> None:
    assert "there is none yet" in _look(home).text
    assert list(home.path.iterdir()) == []
    Store.open(home.store_url).close()
    finding = _look(home)
    assert (finding.status, finding.text) == ("pass", f"{home.path}/store.db, schema {SCHEMA}")


def test_one_of_an_earlier_version_is_left_as_it_is(home: Home) -> None:
    file = home.path / "store.db"
    shutil.copy(ROOT / "tests/search/schemas/0004.db", file)
    before = file.read_bytes()
    finding = _look(home)
    assert finding.status == "fail"
    assert f"has schema 0004 of an earlier version; a migration to {SCHEMA} is due" in finding.text
    assert "keep a copy" in finding.cure
    with closing(sqlite3.connect(file)) as connection:
        [(revision,)] = connection.execute("SELECT version_num FROM ventral_schema")
    assert revision == "0004"
    assert len(file.read_bytes()) == len(before)


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("UPDATE ventral_schema SET version_num = '9999'", "9999, which a newer version wrote"),
        ("DROP TABLE ventral_schema", "is not a store of Ventral"),
    ],
)
def test_one_of_a_newer_version_or_of_others(statement: str, text: str, home: Home) -> None:
    Store.open(home.store_url).close()
    with closing(sqlite3.connect(home.path / "store.db")) as connection, connection:
        connection.execute(statement)
    finding = _look(home)
    assert finding.status == "fail"
    assert text in finding.text
    assert finding.cure


def test_a_file_that_is_no_database_and_an_address_that_is_none(home: Home) -> None:
    (home.path / "store.db").write_bytes(b"not a database at all, but long enough" * 40)
    assert _look(home).text.startswith(f"{home.path}/store.db: is not a database")
    away = Home(path=home.path, store_url="postgresql://me:word@127.0.0.1:9/none")
    finding = _look(away)
    assert finding.status == "fail"
    assert "cannot be reached" in finding.text
    assert "word" not in finding.text + finding.cure
    assert "nonsense" in _look(Home(path=home.path, store_url="nonsense")).text
