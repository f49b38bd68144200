"""The store's schema through time: one file in versions/ for every schema ever committed.

Used by `search.store.engine` when a store is opened; nothing is run by hand. A new schema
is a new file (`NNNN_what.py`, `revision = "NNNN"`, `down_revision` the one before), the same
change in search/store/tables.py, and `search.store.engine.SCHEMA`.
"""

from __future__ import annotations

import logging
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory


def _config() -> Config:
    config = Config()
    # A `%` in the path would be read as an interpolation.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def revisions() -> tuple[str, ...]:
    """Every schema that this version knows, oldest first."""
    scripts = ScriptDirectory.from_config(_config())
    return tuple(script.revision for script in reversed(list(scripts.walk_revisions())))


def upgrade(connection: sa.Connection, to: str = "head") -> None:
    """Bring the database to revision `to`, inside the transaction that `connection` is in."""
    config = _config()
    config.attributes["connection"] = connection
    # Its announcements would appear among a command's own output.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    command.upgrade(config, to)
