"""A stand-in for a cluster's job API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from search.remote import jobs, sending
from search.remote.jobs import JobApi
from tests.support.job_apis import FakeCluster, serve_jobs


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCluster]:
    monkeypatch.setattr(sending, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(jobs, "RETRY_SECONDS", 0.02)
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    with serve_jobs() as served:
        yield served


@pytest.fixture
def api(fake: FakeCluster, tmp_path: Path) -> JobApi:
    return JobApi(fake.named(tmp_path))
