"""A secret that is given by environment or file stays there: nothing writes or shows it."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import postgres
from tests.support.waiting import GUARD
from tests.ventral.conftest import COMMAND, TINY, Shell

CANARY = "c4n4ry-51a0"
SECRETS = {
    "RAY_AUTH_TOKEN": f"{CANARY}-ray",
    "MLFLOW_TRACKING_USERNAME": "someone",
    "MLFLOW_TRACKING_PASSWORD": f"{CANARY}-mlflow",
    "AWS_ACCESS_KEY_ID": f"{CANARY}-s3-id",
    "AWS_SECRET_ACCESS_KEY": f"{CANARY}-s3",
    "PGPASSWORD": f"{CANARY}-pg",
}


class CommandLines(threading.Thread):
    """Looks again and again at the command lines of all processes of the machine."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.over, self.showing, self.seen = threading.Event(), set[str](), set[str]()

    def run(self) -> None:
        while not self.over.wait(0.05):
            for file in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    words = file.read_bytes().decode(errors="replace")
                except OSError:
                    continue
                self.seen.add(words.partition("\0")[0].rpartition("/")[2])
                if CANARY in words:
                    self.showing.add(words.replace("\0", " "))


def holding(folder: Path) -> list[str]:
    """The files below a folder that hold a secret, names included."""
    return [
        str(path)
        for path in folder.rglob("*")
        if CANARY in path.name or (path.is_file() and CANARY.encode() in path.read_bytes())
    ]


def run(shell: Shell, *words: str, store: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *words],
        cwd=shell.folder,
        env=shell.environment() | SECRETS | {"VENTRAL_STORE": store},
        capture_output=True,
        text=True,
        timeout=GUARD,
        stdin=subprocess.DEVNULL,
        check=False,
    )


@pytest.mark.parametrize(
    "store",
    [
        f"postgresql://someone:{CANARY}-store@127.0.0.1:1/ventral",
        f"postgresql://someone:{CANARY}-store@no.such.host.invalid:notaport/ventral",
        f"oracle://someone:{CANARY}-store@host/ventral",
        f"postgresql://127.0.0.1:1/ventral?user=someone&password={CANARY}-store",
    ],
)
def test_no_error_shows_the_password_of_a_store(tmp_path: Path, store: str) -> None:
    done = run(Shell(tmp_path), "list", store=store)
    assert done.returncode in (1, 2)
    assert len(done.stderr.strip().splitlines()) <= 3
    assert CANARY not in done.stdout + done.stderr
    assert holding(tmp_path) == []


@pytest.fixture(scope="module")
def database() -> Iterator[postgres.Server]:
    if (reason := postgres.why_not()) is not None:
        pytest.skip(reason)
    with postgres.server() as server:
        yield server


@pytest.mark.slow
def test_a_campaign_writes_no_secret_anywhere(tmp_path: Path, database: postgres.Server) -> None:
    """Into its home (logs, MLflow's database, checkpoints), its store, or a command line."""
    shell = Shell(tmp_path)
    address = database.database()
    store = address.replace("@/", f":{CANARY}-store@/")
    assert store != address
    (tmp_path / "tiny.yaml").write_text(TINY)
    watch = CommandLines()
    watch.start()
    done = run(shell, "submit", "tiny.yaml", store=store)
    listed = run(shell, "status", "tiny", "-o", "json", store=store)
    watch.over.set()
    watch.join()
    assert done.returncode == 0, done.stderr
    assert listed.returncode == 0, listed.stderr
    assert watch.showing == set()
    assert {"raylet", "gcs_server"} <= watch.seen, "it looked at the processes of the campaign"
    texts = done.stdout + done.stderr + listed.stdout + listed.stderr
    assert CANARY not in texts
    assert (shell.home / "mlflow.db").exists()
    assert holding(tmp_path) == []
    name = address.partition("@/")[2].partition("?")[0]
    dump = subprocess.run(
        [str(postgres.program("pg_dump")), "-h", database.folder, "-U", database.user, name],
        capture_output=True,
        check=True,
        timeout=GUARD,
    ).stdout
    assert b"tiny" in dump
    assert CANARY.encode() not in dump
