"""Effort as counts, which are the same on a busy machine: calls, SQL statements, Ray's starts."""

from __future__ import annotations

import cProfile
import pstats
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa


def count_calls(function: Callable[[], object]) -> int:
    """How many calls of Python and C functions running `function` makes, its own included."""
    profile = cProfile.Profile()
    profile.runcall(function)
    return int(pstats.Stats(profile).total_calls)  # type: ignore[attr-defined]


@contextmanager
def record_statements(engine: sa.Engine) -> Iterator[list[str]]:
    """The SQL statements that are executed within the block, with their values in them."""
    found: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        found.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


def refuse_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on whoever starts Ray, or joins a cluster, fails the test."""
    monkeypatch.setattr("ray.init", lambda *_, **__: pytest.fail("Ray was started"))
