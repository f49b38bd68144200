"""A store's tables, looked at and changed past its methods: what only tests and accidents do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from search.store import Store


def engine_of(store: Store) -> sa.Engine:
    """The engine by which a store reaches its database."""
    return store.database.engine


@contextmanager
def change_rows(store: Store) -> Iterator[sa.Connection]:
    """A connection of the store's that may change any row; committed at the block's end."""
    with engine_of(store).connect() as connection:
        writer = connection.execution_options(ventral_writes=True)
        with writer.begin():
            yield writer


def set_pragma(store: Store, pragma: str) -> None:
    """Have SQLite behave as `pragma` says on every connection from now on."""
    store.close()

    @sa.event.listens_for(engine_of(store), "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA {pragma}")
