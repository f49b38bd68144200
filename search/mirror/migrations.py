"""Whether MLflow's database has the schema of the MLflow that is installed here.

MLflow migrates a database that lacks a table of its own as soon as it is opened, whoever else
writes to it then, and its migration is not one transaction everywhere. So a database that Ventral
writes to directly, an SQLite file or one at a server, is looked at before it is opened and before
every batch: while its migration is due, or was made for a newer MLflow, nothing is written to it.
An MLflow server looks at its database itself when it starts.
"""

import sqlalchemy as sa

from search.host.home import is_server, safe_address, sqlite_file
from search.mirror.database import revisions
from search.store.looking import find_mlflow_revision
from space.errors import VentralError


class MigrationDue(VentralError):
    """MLflow's database has another schema than the MLflow that would write to it."""


def refuse_other_schema(tracking: str) -> None:
    """Raises MigrationDue unless the database at an address has the newest schema, or is empty.

    Of a server that stands before its database nothing is asked. Raises SQLAlchemy's errors if
    the database cannot be read.
    """
    if is_server(tracking) or "://" not in tracking:
        return
    file = sqlite_file(tracking)
    if file is not None and not file.exists():
        return  # to look into it would make it
    engine = sa.create_engine(tracking, poolclass=sa.NullPool)
    try:
        with engine.connect() as connection:
            written = find_mlflow_revision(connection)
    finally:
        engine.dispose()
    newest, known = revisions()
    if written in (None, newest):
        return
    where = safe_address(tracking)
    if written in known:
        raise MigrationDue(
            f"MLflow's database {where} waits for its migration (schema {written}, {newest} is "
            "due), so nothing is written to it; stop all that writes to it, back it up, and run "
            "`mlflow db upgrade` with its address"
        )
    raise MigrationDue(
        f"MLflow's database {where} was migrated by a newer MLflow (schema {written}), so nothing "
        "is written to it; upgrade MLflow here"
    )
