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

from search.host.home import Process
from search.store.rows import lives
from space.errors import StoreError


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


def refuse_if_driven(connection: sa.Connection) -> None:
    """Leave a store alone of which a driver of an earlier version is at work: it writes the tables
    as it knows them. Raises StoreError.
    """
    campaigns = sa.table("campaigns", *map(sa.column, ("id", "state", "driver", "heartbeat")))
    columns = (campaigns.c.id, campaigns.c.driver, campaigns.c.heartbeat)
    running = sa.select(*columns).where(campaigns.c.state == "running")
    for key, written, heartbeat in connection.execute(running):
        try:
            driver = Process.parse(written)
        except (ValueError, AttributeError):  # damaged, or none
            continue
        if lives(driver, heartbeat if isinstance(heartbeat, int | float) else None):
            raise StoreError(
                f"campaign {key}",
                f"is being run by an earlier version (process {driver.pid} on {driver.machine}), "
                "for which this one would change the store",
                "stop it with that version, or wait",
            )


def upgrade(connection: sa.Connection, to: str = "head") -> None:
    """Bring the database to revision `to`, inside the transaction that `connection` is in."""
    config = _config()
    config.attributes["connection"] = connection
    # Its announcements would appear among a command's own output.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    command.upgrade(config, to)
