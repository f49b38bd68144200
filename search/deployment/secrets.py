"""The secrets of a compose set: files that only their user reads, made once.

Nothing has a default password: the set does not start until these files exist. What stands in
several files (a database's password and the address that contains it) is made together.
"""

import json
import os
import secrets
from pathlib import Path

from search.deployment.compose import FOLDERS, SECRETS
from space.errors import InputError

FILE_MODE, FOLDER_MODE = 0o600, 0o700
ROOTLESS = 10001
"""Whose files they are, and as whom the containers run, where root makes them."""

BYTES = 32
"""The length of each secret: 256 bits."""


def make_secrets(folder: Path) -> list[Path]:
    """Make the secrets of the set in `folder`, its folders of data and its `.env`.

    Returns the files that were written: none if all are there. Raises InputError if only some of
    the secrets are there: a new password would not be that of the database.
    """
    if not folder.is_dir():
        cure = f"run ventral deploy render --to compose --out {folder}"
        raise InputError(str(folder), "is no folder", cure)
    user, group = _choose_user()
    for name in ("secrets", "data", *(f"data/{part}" for part in FOLDERS)):
        _make_folder(folder / name, user, group)
    place = folder / "secrets"
    missing = [name for name in SECRETS if not (place / name).exists()]
    written = []
    if missing:
        if len(missing) < len(SECRETS):
            raise InputError(
                str(place),
                f"lacks {', '.join(missing)}",
                "restore it from a copy, or remove secrets/ and data/ to begin anew",
            )
        for name, text in draw_secrets().items():
            written.append(_write_private(place / name, text, user, group))
    environment = folder / ".env"
    if not environment.exists():
        text = f"VENTRAL_UID={user}\nVENTRAL_GID={group}\n"
        written.append(_write_private(environment, text, user, group))
    return written


def draw_secrets() -> dict[str, str]:
    """New secrets by file name, of letters that need no quoting in any of their places."""
    drawn = {name: secrets.token_hex(BYTES) for name in SECRETS}
    drawn["s3_access_key"] = drawn["s3_access_key"][:20]
    ventral, mlflow = drawn["ventral_password"], drawn["mlflow_password"]
    host = "database:5432"
    drawn["ventral_store"] = f"postgresql+psycopg://ventral:{ventral}@{host}/ventral"
    drawn["mlflow_store"] = f"postgresql+psycopg://mlflow:{mlflow}@{host}/mlflow"
    drawn["mlflow_accounts"] = (
        "[mlflow]\n"
        "default_permission = NO_PERMISSIONS\n"
        f"database_uri = postgresql+psycopg://mlflow:{mlflow}@{host}/mlflow_accounts\n"
        "admin_username = admin\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    identity = {
        "name": "ventral",
        "credentials": [
            {"accessKey": drawn["s3_access_key"], "secretKey": drawn["s3_secret_key"]}
        ],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    drawn["s3_identities"] = json.dumps({"identities": [identity]}, indent=1) + "\n"
    return drawn


def _choose_user() -> tuple[int, int]:
    """The user as whom the containers run: who calls this, unless it is root."""
    return (os.getuid(), os.getgid()) if os.getuid() else (ROOTLESS, ROOTLESS)


def _make_folder(folder: Path, user: int, group: int) -> None:
    folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
    folder.chmod(FOLDER_MODE)
    _give(folder, user, group)


def _write_private(file: Path, text: str, user: int, group: int) -> Path:
    """Write a new file that was never readable by others."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        os.fchmod(stream.fileno(), FILE_MODE)
        stream.write(text)
    _give(file, user, group)
    return file


def _give(path: Path, user: int, group: int) -> None:
    if os.getuid() == 0:
        os.chown(path, user, group)
