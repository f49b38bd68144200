"""A real PostgreSQL server of the tests' own: in a temporary folder, on a socket of that folder.

It needs PostgreSQL's programs (Debian: `apt-get install postgresql`), found on the PATH or where
Debian puts them; psycopg comes with the development tools. `why_not` says what is missing.
PostgreSQL refuses to run as root: then it runs as the user `postgres`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

USER = "ventral"


def program(name: str) -> str | None:
    """Where a program of PostgreSQL is: on the PATH, else the newest of Debian's."""
    if found := shutil.which(name):
        return found
    installed = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    return max(map(str, installed), key=lambda path: int(Path(path).parts[4]), default=None)


def why_not() -> str | None:
    """Why no server can be started here; None if one can."""
    if program("initdb") is None or program("postgres") is None:
        return "PostgreSQL's programs are not installed (apt-get install postgresql)"
    if os.getuid() == 0 and not _accounts():
        return "PostgreSQL does not run as root, and no user is `postgres` (useradd postgres)"
    return None


def _accounts() -> list[str]:
    return [entry.pw_name for entry in pwd.getpwall() if entry.pw_name == "postgres"]


@dataclass(frozen=True)
class Server:
    """A running server."""

    folder: Path
    numbers: Iterator[int]
    user: str = USER

    def database(self) -> str:
        """The address of a new, empty database, as VENTRAL_STORE takes it."""
        name = f"store{next(self.numbers)}"
        self.sql(f"CREATE DATABASE {name}")
        return f"postgresql://{self.user}@/{name}?host={self.folder}"

    def sql(self, statement: str, database: str = "postgres") -> None:
        """Run a statement that no transaction may hold."""
        import psycopg

        address = f"host={self.folder} user={self.user} dbname={database}"
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def server(user: str = USER) -> Iterator[Server]:
    """A new server that belongs to `user`, gone with its folder at the end of the block."""
    folder = Path(tempfile.mkdtemp(prefix="ventral-pg-"))
    account: dict[str, Any] = {}
    if os.getuid() == 0:
        account = {"user": "postgres", "group": "postgres", "extra_groups": []}
        shutil.chown(folder, "postgres", "postgres")
    initdb = [program("initdb"), "--no-sync", "-D", folder / "data", "-U", user, "-A", "trust"]
    try:
        _run([*initdb, "-E", "UTF8", "--locale", "C"], cwd=folder, **account)
        options = ("listen_addresses=", f"unix_socket_directories={folder}", "fsync=off")
        process = subprocess.Popen(
            [str(program("postgres")), "-D", folder / "data", *_settings(options)],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=(folder / "log").open("wb"),
            start_new_session=True,
            **account,
        )
        try:
            _wait(folder, process, user)
            yield Server(folder, count(), user)
        finally:
            process.send_signal(2)  # SIGINT: end now, whoever is connected
            process.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _settings(options: tuple[str, ...]) -> list[str]:
    return [word for option in options for word in ("-c", option)]


def _run(command: list[Any], **options: Any) -> None:
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stderr


def _wait(
    folder: Path, process: subprocess.Popen[bytes], user: str, seconds: float = 30.0
) -> None:
    import time

    import psycopg

    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        try:
            psycopg.connect(f"host={folder} user={user} dbname=postgres").close()
            return
        except psycopg.OperationalError:
            time.sleep(0.05)
    raise RuntimeError(f"PostgreSQL did not start: {(folder / 'log').read_text()}")
