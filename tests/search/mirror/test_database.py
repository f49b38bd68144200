"""MLflow's database: whole or not there, mended from the store, and no place in it is absolute."""

from __future__ import annotations

import logging
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from search.host.home import Home, sqlite_url
from search.mirror import database
from search.mirror.mirroring import catch_up
from search.mirror.tracking import Mirror
from search.store import Store
from space.errors import VentralError
from tests.support.campaigns import fill
from tests.support.forks import Scripts

ROOT = Path(__file__).parents[3]
OLDER = "534353b11cbc"
"""The step before MLflow makes the table evaluation_datasets."""


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without a run, made as every home's is."""
    home = Home.at(tmp_path_factory.mktemp("mlflow") / "a%20b?", {})
    assert database.prepare(home, lambda: None) is None
    assert {path.name for path in home.path.parent.iterdir()} == {"a%20b?"}, "a stray folder"
    return home.path / "mlflow.db"


@pytest.fixture
def home(tmp_path: Path, empty: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home with that database; to make another one is to copy it again."""
    home = Home.at(tmp_path / "home", {})
    home.ensure()
    shutil.copy(empty, home.path / "mlflow.db")

    def make(file: Path, renew: Any) -> None:
        renew()
        shutil.copy(empty, file)

    monkeypatch.setattr(database, "_make", make)
    return home


def change(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(statement)


def asides(home: Home) -> list[Path]:
    return sorted(home.path.glob("mlflow.db.broken-*"))


def unwanted() -> None:
    raise AssertionError("nothing has to be sent again")


KILLED = """
import os, signal, sys
import sqlalchemy as sa
from search.host.home import Home
from search.mirror import database

left = [int(sys.argv[2])]

@sa.event.listens_for(sa.Engine, "before_cursor_execute")
def count(*arguments):
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)

database.prepare(Home.at(sys.argv[1], {}), lambda: None)
"""


@pytest.mark.parametrize(
    "statement", [300, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 20, 100, 600))]
)
def test_a_kill_while_it_is_made_leaves_none_or_a_whole_one(
    tmp_path: Path, scripts: Scripts, statement: int
) -> None:
    home = Home.at(tmp_path / "home", {})
    assert scripts.run(KILLED, str(home.path), str(statement)) == -signal.SIGKILL
    assert not (home.path / "mlflow.db").exists()
    renewed: list[bool] = []
    assert database.prepare(home, lambda: renewed.append(True)) is None
    assert renewed == [True]
    assert database.revision(home.path / "mlflow.db") == database.revisions()[0]
    assert not list(home.path.glob("*.part*"))


def test_a_whole_one_is_left_as_it_is(home: Home) -> None:
    before = (home.path / "mlflow.db").stat().st_ino
    assert database.prepare(home, unwanted) is None
    assert (home.path / "mlflow.db").stat().st_ino == before


@pytest.mark.parametrize(
    "how",
    ["half made", "without a schema", "torn", pytest.param("garbage", marks=pytest.mark.slow)],
)
def test_a_broken_one_is_put_aside_and_filled_from_the_store(
    home: Home, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = home.path / "mlflow.db"
    store = Store.open(home.store_url)
    campaign, other = fill(store), fill(store)
    for one in (campaign, other):
        assert Mirror(store, home, one.id).start().close().unsent == 0
    if how == "half made":
        # As a kill leaves it: the next step finds its table already there.
        change(file, f"UPDATE alembic_version SET version_num = '{OLDER}'")
    elif how == "without a schema":
        change(file, "DROP TABLE alembic_version")
    elif how == "garbage":
        file.write_bytes(b"no database at all" * 500)
    else:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with file.open("r+b") as page:
            page.seek(4096 * 3)
            page.write(b"\xff" * 4096 * 4)
    with caplog.at_level(logging.WARNING):
        assert Mirror(store, home, campaign.id).start().close().unsent == 0
    [aside] = asides(home)
    assert caplog.text.count(str(aside)) == 1
    assert [event.kind for event in store.campaigns.events(campaign.id)] == ["mirror-renewed"]
    assert store.outbox.backlog(other.id) == 5, "what the other campaign had there is gone as well"
    assert Mirror(store, home, other.id).start().close().unsent == 0
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (12,), (
            "with a page each"
        )
    assert asides(home) == [aside]
    store.close()


def test_a_file_without_a_revision_is_put_aside_and_not_upgraded(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no step to go on from, and MLflow takes seconds to say so."""
    file = home.path / "mlflow.db"
    file.unlink()
    change(file, "CREATE TABLE photos (id INTEGER)")
    change(file, "DROP TABLE photos")
    assert file.stat().st_size > 0

    def never(_file: Path) -> bool:
        raise AssertionError("there is nothing to upgrade")

    monkeypatch.setattr(database, "_upgrade", never)
    renewed: list[bool] = []
    aside = database.prepare(home, lambda: renewed.append(True))
    assert [aside] == asides(home)
    assert renewed == [True]
    assert database.revision(file) == database.revisions()[0]


def test_the_file_of_a_newer_mlflow_is_not_touched(home: Home) -> None:
    file = home.path / "mlflow.db"
    change(file, "UPDATE alembic_version SET version_num = 'ffffffffffff'")
    with pytest.raises(VentralError, match=r"a newer MLflow wrote it.*upgrade MLflow"):
        database.prepare(home, unwanted)
    assert not asides(home)


def test_a_file_that_is_not_ours_is_never_mended(home: Home, tmp_path: Path) -> None:
    theirs = tmp_path / "it's theirs.db"
    shutil.copy(home.path / "mlflow.db", theirs)
    other = Home(path=home.path, tracking_uri=sqlite_url(theirs))
    change(theirs, f"UPDATE alembic_version SET version_num = '{OLDER}'")
    with pytest.raises(VentralError, match="older MLflow wrote it") as refused:
        database.prepare(other, unwanted)
    assert f"mlflow db upgrade 'sqlite:///{tmp_path}/it'\"'\"'s theirs.db'" in str(refused.value)
    theirs.write_bytes(b"no database at all" * 500)
    with pytest.raises(VentralError, match="restore it from a copy"):
        database.prepare(other, unwanted)
    assert theirs.read_bytes().startswith(b"no database")


def test_a_database_of_another_program_is_named(home: Home, tmp_path: Path) -> None:
    theirs = tmp_path / "photos.db"
    change(theirs, "CREATE TABLE photos (id INTEGER)")
    other = Home(path=home.path, tracking_uri=sqlite_url(theirs))
    with pytest.raises(VentralError, match="not a database of MLflow") as refused:
        database.prepare(other, unwanted)
    assert "MLFLOW_TRACKING_URI" in str(refused.value)
    assert "upgrade" not in str(refused.value)


@pytest.mark.parametrize("how", ["broken", pytest.param("missing", marks=pytest.mark.slow)])
def test_in_a_moved_home_all_is_sent_again(home: Home, how: str, tmp_path: Path) -> None:
    store = Store.open(home.store_url)
    campaign, elsewhere = fill(store), fill(store)
    for one, place in ((campaign, "mlflow.db"), (elsewhere, "other.db")):
        store.campaigns.set_experiment(one.id, f"sqlite:////old/home/{place}", "1", anew=True)
        store.outbox.mark_sent(one.id, {number: (f"run{number}", 1) for number in range(5)})
        store.campaigns.set_state(one.id, "finished")
    store.close()
    moved = Home.at(home.path.rename(tmp_path / "moved"), {})
    file = moved.path / "mlflow.db"
    file.unlink() if how == "missing" else file.write_bytes(b"no database at all" * 500)
    said: list[str] = []
    catch_up(moved, said.append)
    assert said[-1] == f"sending 5 trials of campaign {campaign.id} to MLflow ..."
    store = Store.open(moved.store_url)
    assert store.campaigns.get(campaign.id).tracking == moved.tracking_label
    assert [store.outbox.backlog(one.id) for one in (campaign, elsewhere)] == [0, 0]
    store.close()
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (6,)


def test_a_locked_file_is_not_taken_for_a_broken_one(home: Home) -> None:
    (home.path / "mlflow.db").unlink()
    (home.path / "mlflow.db").mkdir()
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        database.prepare(home, unwanted)


@pytest.mark.slow
def test_the_file_of_an_older_mlflow_is_upgraded_with_all_that_is_in_it(tmp_path: Path) -> None:
    """By MLflow's own steps: up to an older one, then by `prepare`."""
    import sqlalchemy as sa
    from alembic import command
    from mlflow.store.db.utils import InitialBase, _get_alembic_config

    home = Home.at(tmp_path / "home", {})
    home.ensure()
    engine = sa.create_engine(home.tracking_uri)
    InitialBase.metadata.create_all(engine)
    command.upgrade(_get_alembic_config(home.tracking_uri), OLDER)
    engine.dispose()
    file = home.path / "mlflow.db"
    change(
        file,
        "INSERT INTO experiments (experiment_id, name, lifecycle_stage) "
        "VALUES (7, 'old', 'active')",
    )
    assert database.prepare(home, unwanted) is None
    assert database.revision(file) == database.revisions()[0]
    with closing(sqlite3.connect(file)) as connection:
        found = connection.execute("SELECT name FROM experiments WHERE experiment_id = 7")
        assert found.fetchone() == ("old",)
    assert not asides(home)


def test_places_that_an_earlier_version_noted_become_portable(home: Home) -> None:
    store = Store.open(home.store_url)
    campaign = fill(store)
    Mirror(store, home, campaign.id).start().close()
    file, before = home.path / "mlflow.db", f"file:///gone/my%20home/artifacts/{campaign.id}"
    portable = places(file)
    assert all(place.startswith("mlflow-artifacts:/") for place in portable)
    change(file, f"UPDATE experiments SET artifact_location = '{before}' WHERE experiment_id != 0")
    old = f"UPDATE runs SET artifact_uri = '{before}/' || run_uuid || '/artifacts'"
    change(file, old)
    assert database.prepare(home, unwanted) is None
    assert places(file) == portable
    store.close()


def places(file: Path) -> list[str]:
    """All that the database says of where files lie."""
    with closing(sqlite3.connect(file)) as connection:
        return [
            place
            for table, column in (("experiments", "artifact_location"), ("runs", "artifact_uri"))
            for (place,) in connection.execute(f"SELECT {column} FROM {table} ORDER BY 1")
        ]


SORTED = """
SELECT DISTINCT runs.run_uuid, latest.value FROM runs LEFT OUTER JOIN
(SELECT value, is_nan, run_uuid FROM latest_metrics WHERE "key" = 'top1') AS latest
ON runs.run_uuid = latest.run_uuid WHERE runs.experiment_id IN (1)
ORDER BY latest.value DESC, runs.run_uuid LIMIT 100
"""
"""What MLflow asks for to sort runs by a metric, in short."""


def test_runs_are_not_held_against_every_value_to_be_sorted(home: Home) -> None:
    file = home.path / "mlflow.db"
    database.prepare(home, lambda: None)
    with closing(sqlite3.connect(file)) as connection:
        plan = "; ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {SORTED}"))
        indexes = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    assert "SEARCH latest USING" in plan
    assert "SCAN latest" not in plan
    assert {index for _, index in database.EXPECTED} <= indexes, "MLflow has them"


def test_statistics_that_are_there_stay(home: Home) -> None:
    file = home.path / "mlflow.db"
    change(file, "DELETE FROM sqlite_stat1 WHERE tbl = 'runs'")
    change(file, "UPDATE sqlite_stat1 SET stat = '7 1' WHERE tbl = 'tags'")
    database.prepare(home, lambda: None)
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute("SELECT tbl, idx, stat FROM sqlite_stat1").fetchall()
    assert len(rows) == len(database.EXPECTED)
    assert {stat for table, _, stat in rows if table == "tags"} == {"7 1"}
    assert ("runs", "sqlite_autoindex_runs_1", "5000 1") in rows
