"""What holds for all tests: threads, examples, marks, and their order.

With pytest-xdist the tests of a file share a worker, and with it what they share. Three marks say
what a test takes: `slow` (minutes; not in the default run), `process` (starts Ray or the command
line) and `long` (more than a second or two of a processor). The last two are given here, by the
lists of tests/support/marks.py; the fast loop leaves all three out. Those with processes come
first, so that short ones fill the gaps.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.support.marks import LONG, rank, starts_processes

if TYPE_CHECKING:
    from tests.support.s3_server import S3Server

# Before torch and NumPy are loaded: tests run beside each other, one a core.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# No test reads or fills the cache of whoever runs it.
os.environ["VENTRAL_CACHE"] = f"{tempfile.gettempdir()}/ventral-cache-of-tests-{os.getpid()}"

# The same examples in every run; `make test-slow` draws others.
settings.register_profile("default", deadline=None, derandomize=True)
settings.register_profile("thorough", deadline=None)
settings.load_profile("default")


TESTS = Path(__file__).parent


def pytest_itemcollected(item: pytest.Item) -> None:
    if starts_processes(item.path.relative_to(TESTS)) or "postgresql" in item.name:
        item.add_marker("process")
    if isinstance(item, pytest.Function) and item.originalname in LONG:
        item.add_marker("long")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: rank(item.path.relative_to(TESTS)))


@pytest.fixture(scope="session")
def empty_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's database without a run: making one takes MLflow seconds."""
    from mlflow.tracking import MlflowClient

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """An S3 server in a process of its own."""
    from tests.support.s3_server import run_s3_server

    with run_s3_server() as server:
        yield server


@pytest.fixture
def bucket(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty bucket, with what is needed to reach it in the environment."""
    for name, text in s3_server.variables.items():
        monkeypatch.setenv(name, text)
    return s3_server.make_bucket()
