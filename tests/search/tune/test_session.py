"""What every use of Ray has in common: one at a time, with our code, and an end to waiting."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import ray

from search.tune import session
from space.errors import VentralError
from tests.support.waiting import GUARD


def test_a_process_uses_ray_once_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    session.refuse_second()
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    with pytest.raises(VentralError, match=r"is connected to Ray already; call ray\.shutdown"):
        session.refuse_second()


def test_workers_get_the_variables_and_load_our_packages_first() -> None:
    variables = {"OMP_NUM_THREADS": "1"}
    given: dict[str, Any] = session.arguments(variables)
    runtime = given["runtime_env"]
    assert runtime["env_vars"] == variables
    assert runtime["env_vars"] is not variables, "Ray adds its own"
    assert runtime["worker_process_setup_hook"].__name__ == "pin"
    assert given["log_to_driver"] is False
    assert set(session.FOR_WORKERS) <= session.SETTINGS.keys()


def test_a_cluster_that_is_gone_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    left, returned = threading.Event(), threading.Event()

    def shut_down() -> None:
        left.set()
        returned.wait(GUARD)

    monkeypatch.setattr(ray, "shutdown", shut_down)
    monkeypatch.setattr(session, "SHUTDOWN_PATIENCE", 0.01)
    session.disconnect()
    assert left.wait(GUARD)
    assert not returned.is_set()
    returned.set()


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (RuntimeError("\n the head is away \n at 1.2.3.4"), "the head is away "),
        (RuntimeError(), "RuntimeError"),
        (ValueError("  "), "ValueError"),
    ],
)
def test_an_exception_is_told_in_one_line(error: Exception, line: str) -> None:
    assert session.first_line(error) == line
