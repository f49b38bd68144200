"""The tables as the code has them, and as the migrations make them."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from search.store import Store, migrations
from search.store.engine import SCHEMA, SCHEMA_TABLE
from search.store.tables import METADATA
from tests.support.tables import engine_of


def test_migrations_and_tables_agree(store: Store) -> None:
    assert migrations.revisions()[-1] == SCHEMA
    with engine_of(store).connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": SCHEMA_TABLE, "compare_type": True}
        )
        assert compare_metadata(context, METADATA) == []
