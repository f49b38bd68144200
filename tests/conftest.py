"""What holds for all tests: threads, examples, and which of them share a worker of pytest-xdist.

Tests that start Ray or the command line have the mark `process` and come first. Each goes to
whichever worker is free, by itself unless it shares something with others; the tests of any other
file stay together.
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

TESTS = Path(__file__).parent
PROCESSES = (
    "test_readme.py",
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
SHARED = ("tour", "campaign")
"""Fixtures that are made once for all tests that use them, of whatever file."""


def _rank(item: pytest.Item) -> int:
    """Where in PROCESSES a test is found; behind them all if it is not."""
    path = item.path.relative_to(TESTS)
    named = (rank for rank, name in enumerate(PROCESSES) if path.is_relative_to(name))
    return next(named, len(PROCESSES))


def _group(item: pytest.Item) -> str | None:
    """The name of those that run in one worker with a test; None for a test by itself."""
    fixtures = getattr(item, "_fixtureinfo").name2fixturedefs  # noqa: B009
    for name in SHARED:
        if name in fixtures:
            return name
    scopes = {fixture.scope for found in fixtures.values() for fixture in found}
    alone = _rank(item) < len(PROCESSES) and not scopes & {"class", "module"}
    return None if alone else item.path.stem


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _rank(item) < len(PROCESSES):
            item.add_marker("process")
        if (group := _group(item)) is not None:
            item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=_rank)
