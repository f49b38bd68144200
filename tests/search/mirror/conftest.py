"""A process that has MLflow loaded, for the tests that kill a mirror: loading it takes seconds."""

from collections.abc import Iterator

import pytest

from tests.support.forks import Scripts


@pytest.fixture(scope="session")
def scripts() -> Iterator[Scripts]:
    """Runs scripts that find our mirror and MLflow's store loaded."""
    with Scripts("search.mirror.tracking", "mlflow.store.tracking.sqlalchemy_store") as scripts:
        yield scripts
