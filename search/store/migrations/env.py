"""Run by Alembic: applies revisions on the connection that `migrations.upgrade` gives."""

from alembic import context

from search.store.engine import SCHEMA_TABLE
from search.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=SCHEMA_TABLE,
    # The caller's transaction holds all revisions: a failure leaves the old schema whole.
    transactional_ddl=False,
)
context.run_migrations()
