"""Stores for the tests of the search: SQLite files, and databases of a real PostgreSQL server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import postgres


@pytest.fixture(scope="session")
def postgresql() -> Iterator[postgres.Server]:
    """A PostgreSQL server; the test is skipped, with the reason, where none can be started."""
    if (reason := postgres.why_not()) is not None:
        pytest.skip(reason)
    with postgres.server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An address where no store is yet, on each of the two databases."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.db"
    server: postgres.Server = request.getfixturevalue("postgresql")
    return server.database()
