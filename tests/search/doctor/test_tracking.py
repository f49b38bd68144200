"""MLflow as a server, by what it answers, and as a file, by its schema."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from search.doctor.protocol import Finding, Place
from search.doctor.running import run_check
from search.doctor.tracking import TrackingCheck, make_headers, read_clock
from search.host.home import Home
from search.host.ports import free_port
from tests.support.mlflow_answers import BASIC, serve

ACCOUNT = {"MLFLOW_TRACKING_USERNAME": "me", "MLFLOW_TRACKING_PASSWORD": "word"}


def _look(home: Home, environ: dict[str, str] | None = None) -> Finding:
    (finding,) = run_check(TrackingCheck(), Place(home=home, environ=environ or {}))
    return finding


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("HOME", str(tmp_path))
    return Home.at(tmp_path, {})


def test_a_server_answers(home: Home) -> None:
    with serve() as address:
        finding = _look(Home(path=home.path, tracking_uri=address))
    assert (finding.status, finding.text) == ("pass", f"{address} answers; MLflow 3.99.0")


def test_a_server_that_is_away(home: Home) -> None:
    address = f"http://me:word@127.0.0.1:{free_port()}"
    finding = _look(Home(path=home.path, tracking_uri=address))
    assert finding.status == "fail"
    assert "does not answer: Connection refused" in finding.text
    assert "word" not in finding.text


def test_a_server_with_accounts(home: Home) -> None:
    with serve(account=BASIC) as address:
        there = Home(path=home.path, tracking_uri=address)
        assert "who has no account (401)" in _look(there).text
        assert _look(there, ACCOUNT).status == "pass"
        wrong = _look(there, ACCOUNT | {"MLFLOW_TRACKING_PASSWORD": "other"})
        assert "refuses the account here (401)" in wrong.text
        stored = home.path / ".mlflow" / "credentials"
        stored.parent.mkdir()
        words = "mlflow_tracking_username = me\nmlflow_tracking_password = word\n"
        stored.write_text(f"[mlflow]\n{words}")
        assert _look(there).status == "pass"
        stored.unlink()
        inside = Home(path=home.path, tracking_uri=address.replace("//", "//me:word@"))
        assert _look(inside).status == "pass"


@pytest.mark.parametrize(
    ("status", "body"), [(404, "no"), (200, "<html>"), (200, '{"x": 1}'), (302, "")]
)
def test_what_is_not_mlflow(status: int, body: str, home: Home) -> None:
    with serve(status, body) as address:
        finding = _look(Home(path=home.path, tracking_uri=address))
    assert finding.status == "fail"
    assert "is not MLflow" in finding.text


def test_files_by_their_schema(home: Home, empty_mlflow: Path) -> None:
    assert "no database yet" in _look(home).text
    file = home.path / "mlflow.db"
    shutil.copy(empty_mlflow, file)
    assert _look(home).status == "pass"
    file.write_bytes(b"no database, and long enough to be taken for one" * 30)
    assert "cannot be used" in _look(home).text
    file.unlink()
    shutil.copy(empty_mlflow, file)
    _set_revision(file, "0a0a0a0a0a0a")
    assert "which a newer MLflow wrote" in _look(home).text
    _set_revision(file, "451aebb31d03")
    assert "a migration to" in _look(home).text
    _set_revision(file, None)
    assert "it holds no tables of MLflow" in _look(home).text


def _set_revision(file: Path, revision: str | None) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        if revision is None:
            connection.execute("DROP TABLE alembic_version")
        else:
            connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))


def test_another_kind_of_address_is_not_looked_at(home: Home) -> None:
    finding = _look(Home(path=home.path, tracking_uri="databricks"))
    assert (finding.status, "not looked at" in finding.text) == ("warning", True)


def test_a_token_comes_before_an_account(tmp_path: Path) -> None:
    token = {"MLFLOW_TRACKING_TOKEN": "t"}
    assert make_headers(ACCOUNT | token, tmp_path) == {"Authorization": "Bearer t"}
    assert make_headers(ACCOUNT, tmp_path) == {"Authorization": BASIC}
    assert make_headers({}, tmp_path) == {}
    (tmp_path / ".mlflow").mkdir()
    (tmp_path / ".mlflow" / "credentials").write_text("not a file of settings")
    assert make_headers({}, tmp_path) == {}


def test_a_server_s_clock_is_that_of_its_answer() -> None:
    with serve() as address:
        stamp = read_clock(address)
    assert stamp is not None
    there, before, after = stamp
    assert before - 1.0 <= there <= after
    assert read_clock(f"http://127.0.0.1:{free_port()}") is None
