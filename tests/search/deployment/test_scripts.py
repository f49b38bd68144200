"""The scripts of the image and of the compose set, run as plain processes on this machine."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from search.deployment import make_secrets
from search.host.ports import free_port
from tests.support import postgres
from tests.support.deployments import write_defaults
from tests.support.waiting import wait_until

Environment = Mapping[str, str]


def _run(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", *words],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_entry_point_reads_secrets_and_hides_where_they_were(tmp_path: Path) -> None:
    write_defaults(tmp_path)
    (tmp_path / "url").write_text("postgresql://a:b$c@d/e\n")
    done = _run(tmp_path, "entrypoint.sh", "env", VENTRAL_STORE_FILE=str(tmp_path / "url"))
    lines = done.stdout.splitlines()
    assert "VENTRAL_STORE=postgresql://a:b$c@d/e" in lines
    assert not [line for line in lines if line.startswith("VENTRAL_STORE_FILE")]


@pytest.mark.parametrize("variable", ["VENTRAL_STORE_FILE", "RAY_AUTH_TOKEN_PATH"])
def test_nothing_starts_without_its_secrets(tmp_path: Path, variable: str) -> None:
    write_defaults(tmp_path)
    (tmp_path / "empty").touch()
    for file in ("none", "empty"):
        given = {variable: str(tmp_path / file), "RAY_AUTH_MODE": "token"}
        done = _run(tmp_path, "entrypoint.sh", "echo", "started", **given)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"{variable}: {tmp_path / file} is missing or empty" in done.stderr
        assert "ventral deploy secrets" in done.stderr


def test_mlflow_does_not_start_without_accounts(tmp_path: Path) -> None:
    write_defaults(tmp_path)
    done = _run(tmp_path, "mlflow.sh", MLFLOW_BACKEND_STORE_URI="sqlite://")
    assert done.returncode != 0
    assert "the file of its accounts is not named" in done.stderr


def test_a_campaign_is_submitted_once_and_resumed_after_that(tmp_path: Path) -> None:
    write_defaults(tmp_path)
    (tmp_path / "campaign.yaml").write_text("name: tiny\n")
    (tmp_path / "ventral").write_text(
        '#!/bin/bash\necho "$@"\n[[ "$1" != submit ]] || echo abcdefgh > "$6"\n'
    )
    (tmp_path / "ventral").chmod(0o755)
    given = {"VENTRAL_HOME": str(tmp_path), "PATH": f"{tmp_path}:{os.environ['PATH']}"}

    def run() -> str:
        done = _run(tmp_path, "campaign.sh", "campaign.yaml", "auto", **given)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert run().startswith("submit campaign.yaml --address auto --id-file ")
    assert run() == "resume abcdefgh --address auto\n"
    (tmp_path / "campaign.yaml").write_text("name: other\n")
    assert run().startswith("submit campaign.yaml ")


def test_a_backup_of_another_place_is_refused(tmp_path: Path) -> None:
    write_defaults(tmp_path)
    for name in ("../other", "/etc", ".hidden"):
        assert _run(tmp_path, "restore.sh", name).returncode == 2


@contextmanager
def _start_databases(folder: Path) -> Iterator[Environment]:
    """PostgreSQL with the databases and owners of a set, which asks everybody for a password."""
    secrets = folder / "secrets"
    with postgres.server("postgres") as server:
        given = {"PGHOST": str(server.folder), "SECRETS": str(secrets)}
        done = _run(folder, "databases.sh", **given)
        assert done.returncode == 0, done.stderr
        password = (secrets / "database_password").read_text()
        server.sql(f"ALTER ROLE postgres PASSWORD '{password}'")
        rules = server.folder / "data" / "pg_hba.conf"
        rules.write_text("local all all scram-sha-256\n")
        server.sql("SELECT pg_reload_conf()")
        yield given


def _connect(folder: Path, host: str, role: str, database: str, password: str = "") -> None:
    import psycopg

    name = {"ventral": "ventral_password", "mlflow": "mlflow_password"}.get(
        role, "database_password"
    )
    password = password or (folder / "secrets" / name).read_text()
    psycopg.connect(host=host, user=role, dbname=database, password=password).close()


requires_postgres = pytest.mark.skipif(
    postgres.why_not() is not None, reason=str(postgres.why_not())
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_defaults(tmp_path)
    make_secrets(tmp_path)
    return tmp_path


@pytest.mark.slow
@requires_postgres
def test_databases_are_kept_apart_backed_up_and_restored(folder: Path) -> None:
    import psycopg

    places = {"DATA": str(folder / "data"), "BACKUPS": str(folder / "data" / "backups")}
    (folder / "data" / "objects" / "a").write_text("object")
    (folder / "data" / "home" / "b").write_text("home")
    with _start_databases(folder) as given:
        host = given["PGHOST"]
        for role, database in (
            ("ventral", "ventral"),
            ("mlflow", "mlflow"),
            ("mlflow", "mlflow_accounts"),
        ):
            _connect(folder, host, role, database)
            with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                _connect(folder, host, role, database, "wrong")
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            _connect(folder, host, "mlflow", "ventral")
        _execute(folder, host, "CREATE TABLE kept AS SELECT 7 AS number")
        done = _run(folder, "backup.sh", **given, **places)
        assert done.returncode == 0, done.stderr
    backup = Path(done.stdout.strip())
    assert {file.name for file in backup.iterdir()} == {
        *("ventral.dump", "mlflow.dump", "mlflow_accounts.dump", "files.tar.gz", "SHA256SUMS"),
    }
    assert backup.stat().st_mode & 0o077 == 0
    with _start_databases(folder) as given:
        refused = _run(folder, "restore.sh", backup.name, **given, **places)
        assert refused.returncode == 2
        assert "restore into an empty set" in refused.stderr
        for file in ("objects/a", "home/b"):
            (folder / "data" / file).unlink()
        done = _run(folder, "restore.sh", backup.name, **given, **places)
        assert done.returncode == 0, done.stderr
        assert _execute(folder, given["PGHOST"], "SELECT number FROM kept") == [(7,)]
        assert (folder / "data" / "objects" / "a").read_text() == "object"
        damaged = backup / "files.tar.gz"
        damaged.write_bytes(damaged.read_bytes()[:-1])
        assert _run(folder, "restore.sh", backup.name, **given, **places).returncode != 0


def _execute(folder: Path, host: str, statement: str) -> list[tuple[object, ...]]:
    import psycopg

    password = (folder / "secrets" / "ventral_password").read_text()
    with psycopg.connect(host=host, user="ventral", dbname="ventral", password=password) as one:
        cursor = one.execute(statement.encode())
        return list(cursor.fetchall()) if cursor.description else []


BOTO3 = """
import json, os, pathlib
class Client:
    def list_buckets(self): return {"Buckets": []}
    def create_bucket(self, Bucket): pathlib.Path(os.environ["BUCKETS"]).write_text(Bucket)
def client(name): return Client()
"""
"""In place of boto3, which the image has: it notes the bucket that is made."""


@pytest.mark.slow
@requires_postgres
@pytest.mark.skipif(
    importlib.util.find_spec("flask_wtf") is None,
    reason="MLflow's accounts are not installed (pip install -c constraints.txt -e '.[cluster]')",
)
def test_mlflow_asks_everybody_for_an_account(folder: Path) -> None:
    secrets = folder / "secrets"
    (folder / "python").mkdir()
    (folder / "python" / "boto3.py").write_text(BOTO3)
    port = free_port()
    script = (folder / "mlflow.sh").read_text()
    assert "--host 0.0.0.0 --port 5000" in script
    (folder / "mlflow.sh").write_text(
        script.replace("--host 0.0.0.0 --port 5000", f"--host 127.0.0.1 --port {port}")
    )
    with _start_databases(folder) as given:
        for name in ("mlflow_store", "mlflow_accounts"):
            text = (secrets / name).read_text()
            text = re.sub(r"@database:5432/(\w+)", rf"@/\1?host={given['PGHOST']}", text)
            (secrets / name).write_text(text)
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(folder),
            "PYTHONPATH": str(folder / "python"),
            "BUCKETS": str(folder / "bucket"),
            "VENTRAL_BUCKET": "ventral-artifacts",
            "MLFLOW_BACKEND_STORE_URI_FILE": str(secrets / "mlflow_store"),
            "MLFLOW_AUTH_CONFIG_PATH": str(secrets / "mlflow_accounts"),
            "MLFLOW_AUTH_ADMIN_PASSWORD_FILE": str(secrets / "mlflow_admin_password"),
            "MLFLOW_FLASK_SERVER_SECRET_KEY_FILE": str(secrets / "mlflow_session_key"),
        }
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                ["bash", "entrypoint.sh", "bash", "mlflow.sh"],
                cwd=folder,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            base = f"http://127.0.0.1:{port}"
            wait_until(lambda: _answers(f"{base}/health", process, folder / "log"), pause=0.5)
            path = f"{base}/api/2.0/mlflow/experiments/search?max_results=1"
            assert _ask(path) == 401
            assert _ask(path, "admin", "password") == 401
            password = (secrets / "mlflow_admin_password").read_text()
            assert _ask(path, "admin", password) == 200
            assert (folder / "bucket").read_text() == "ventral-artifacts"
            listed = subprocess.run(
                ["ps", "-ww", "-o", "args=", "--sid", str(process.pid)],
                capture_output=True,
                text=True,
                check=False,
            ).stdout
            assert "mlflow" in listed
            for name in ("mlflow_password", "mlflow_admin_password", "mlflow_session_key"):
                assert (secrets / name).read_text() not in listed
        finally:
            with suppress(ProcessLookupError):  # one that has ended already is a failure above
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)


def _ask(path: str, user: str = "", password: str = "") -> int:
    """The status with which a request is answered."""
    request = urllib.request.Request(path)
    if user:
        coded = b64encode(f"{user}:{password}".encode()).decode()
        request.add_header("Authorization", f"Basic {coded}")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            json.load(answer)
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def _answers(path: str, process: subprocess.Popen[bytes], log: Path) -> bool:
    """Whether a server answers already; one that has ended is a failure, with its log."""
    assert process.poll() is None, log.read_text()
    try:
        urllib.request.urlopen(path, timeout=5).close()
    except OSError:
        return False
    return True
