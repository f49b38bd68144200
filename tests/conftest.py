"""What holds for all tests: threads, examples, and their order.

With pytest-xdist the tests of a file share a worker, and with it what they share. Those that start
Ray or the command line have the mark `process` and come first, so that short ones fill the gaps.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Before torch and NumPy are loaded: tests run beside each other, one a core.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The same examples in every run; `make test-slow` draws others.
settings.register_profile("default", deadline=None, derandomize=True)
settings.register_profile("thorough", deadline=None)
settings.load_profile("default")


@pytest.fixture(scope="session")
def empty_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's database without a run: making one takes MLflow seconds."""
    from mlflow.tracking import MlflowClient

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()
    return path


TESTS = Path(__file__).parent
PROCESSES = (
    "test_readme.py",
    "ventral/test_campaign.py",  # makes a campaign that others in the folder use as well
    "ventral",
    "faults",
    "search/test_driver.py",
    "search/test_loop.py",
    "search/test_budgets.py",
    "search/test_shares.py",
    "search/test_mirroring.py",
    "search/test_tracking.py",
    "search/test_estimate.py",
    "benchmarks",
    "workers/test_compiling.py",
    "workers/test_job.py",
    "workers/test_networks.py",
    "workers/test_pack.py",
)
"""Files and folders of tests that start Ray, or other processes that take long."""


def _rank(item: pytest.Item) -> int:
    """Where in PROCESSES a test is found; behind them all if it is not."""
    path = item.path.relative_to(TESTS)
    named = (rank for rank, name in enumerate(PROCESSES) if path.is_relative_to(name))
    return next(named, len(PROCESSES))


def pytest_itemcollected(item: pytest.Item) -> None:
    if _rank(item) < len(PROCESSES):
        item.add_marker("process")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_rank)
