"""Homes and stores for the tests of the search: SQLite files, and a real PostgreSQL server's."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from search.host.home import Home
from search.store import Store
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


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with its folders."""
    home = Home.at(tmp_path / "home", {})
    home.ensure()
    return home


@pytest.fixture
def store(home: Home) -> Iterator[Store]:
    """The store of the home."""
    opened = Store.open(home.store_url)
    yield opened
    opened.close()
