"""Nothing is written to MLflow's database while its migration is due; it arrives after that."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from search.host.home import Home, sqlite_url
from search.mirror import database, tracking
from search.mirror.migrations import MigrationDue, refuse_other_schema
from search.mirror.tracking import Mirror
from search.store import Store
from space.errors import VentralError
from tests.support import postgres
from tests.support.campaigns import add, fill, train
from tests.support.waiting import GUARD, wait_until

OLDER = "534353b11cbc"
"""A revision of a schema that MLflow knows and has left behind."""


@pytest.fixture
def theirs(tmp_path: Path, empty_mlflow: Path) -> Path:
    """A database of MLflow that is none of the home's own."""
    return Path(shutil.copy(empty_mlflow, tmp_path / "their 100% runs.db"))


def _set_revision(file: Path, revision: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))


def _count_runs(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        [(count,)] = connection.execute("SELECT count(*) FROM runs")
    return int(count)


def test_a_due_migration_is_one_sentence_with_its_cure(theirs: Path) -> None:
    refuse_other_schema(sqlite_url(theirs))
    _set_revision(theirs, OLDER)
    with pytest.raises(MigrationDue, match="waits for its migration") as refused:
        refuse_other_schema(sqlite_url(theirs))
    text = str(refused.value)
    assert "stop all that writes to it, back it up, and run `mlflow db upgrade`" in text
    assert str(theirs).replace("%", "%25") in text
    assert text.count("\n") == 0


def test_what_a_newer_mlflow_migrated_is_not_written(theirs: Path) -> None:
    _set_revision(theirs, "ffffffffffff")
    with pytest.raises(MigrationDue, match=r"migrated by a newer MLflow.*upgrade MLflow here"):
        refuse_other_schema(sqlite_url(theirs))


def test_new_databases_and_servers_are_left_to_mlflow(tmp_path: Path) -> None:
    file = tmp_path / "new.db"
    refuse_other_schema(sqlite_url(file))
    assert not file.exists()
    file.touch()
    refuse_other_schema(sqlite_url(file))
    refuse_other_schema("http://127.0.0.1:1")


def test_a_database_that_is_away_is_an_error_at_once() -> None:
    with pytest.raises(sa.exc.OperationalError, match="refused"):
        refuse_other_schema("postgresql+psycopg://127.0.0.1:1/runs")


def test_a_mirror_at_work_stops_writing_and_catches_up(
    home: Home, theirs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "FIRST_DELAY", 0.05)
    monkeypatch.setattr(tracking, "LONGEST_DELAY", 0.05)
    monkeypatch.setattr(tracking, "LOOK_SECONDS", 0.05)
    store = Store.open(home.store_url)
    campaign = fill(store)
    mirror = Mirror(store, home, campaign.id, sqlite_url(theirs)).start()
    wait_until(lambda: mirror.backlog.unsent == 0)
    before = _count_runs(theirs)
    _set_revision(theirs, OLDER)
    for number in (5, 6):
        add(store, campaign.id, number)
        train(store, campaign.id, number, 0.7)
    mirror.notify()
    wait_until(lambda: store.outbox.mirror_error(campaign.id) is not None)
    assert "waits for its migration" in str(store.outbox.mirror_error(campaign.id))
    assert _count_runs(theirs) == before
    assert mirror.backlog.unsent == 2
    _set_revision(theirs, database.revisions()[0])
    wait_until(lambda: mirror.backlog.unsent == 0)
    assert mirror.close(GUARD).error is None
    assert _count_runs(theirs) == before + 2
    kinds = [event.kind for event in store.campaigns.events(campaign.id)]
    assert kinds == ["mirror-away", "mirror-back"]
    store.close()


def test_the_home_s_own_file_is_not_migrated_under_a_writer_s_hands(
    home: Home, empty_mlflow: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Path(shutil.copy(empty_mlflow, home.path / "mlflow.db"))
    _set_revision(file, OLDER)

    def write_meanwhile(*_: Any, **__: Any) -> Any:
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("INSERT INTO experiment_tags VALUES ('note', 'new', 0)")
        return subprocess.CompletedProcess([], 0)

    monkeypatch.setattr(subprocess, "run", write_meanwhile)
    with pytest.raises(VentralError, match="is written by others while its migration is due"):
        database.prepare(home, lambda: None)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT count(*) FROM experiment_tags").fetchone() == (1,)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0))
    database.prepare(home, lambda: None)


@pytest.mark.slow
def test_a_database_at_a_server_is_not_migrated_by_a_campaign(
    home: Home, postgresql: postgres.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow itself would: tables of its newest schema are not there."""
    monkeypatch.setattr(tracking, "FIRST_DELAY", 0.05)
    address = postgresql.database().replace("postgresql://", "postgresql+psycopg://")
    engine = sa.create_engine(address)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
        connection.execute(sa.text(f"INSERT INTO alembic_version VALUES ('{OLDER}')"))
    store = Store.open(home.store_url)
    campaign = fill(store)
    backlog = Mirror(store, home, campaign.id, address).start().close(2.0)
    assert backlog.unsent == 5
    assert "waits for its migration" in str(store.outbox.mirror_error(campaign.id))
    assert sa.inspect(engine).get_table_names() == ["alembic_version"]
    engine.dispose()
    store.close()
