"""A run is built once, from parts that are passed in, and none of them is changed afterwards."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from search.assign.records import Records
from search.assign.stopping import Stop
from search.run import Run, build_run
from search.tune.rungs import Rungs
from tests.support.runs import Bench


def attributes_of(run: Run) -> dict[str, set[str]]:
    """The names of each part's attributes."""
    return {name: set(vars(part)) for name, part in parts_of(run).items()}


def parts_of(run: Run) -> dict[str, Any]:
    return {
        name: getattr(run, name)
        for name in ("pulse", "judge", "source", "records", "queue", "stop")
    }


def test_no_part_gets_an_attribute_after_it_was_made(tmp_path: Path) -> None:
    bench = Bench(tmp_path, scheduler={"name": "asha"})
    run = bench.begin()
    before = attributes_of(run)
    while (assignment := run.queue.next()) is not None:
        run.records.start(assignment.number)
        run.records.end(assignment.number, "pruned")
    assert attributes_of(run) == before


def test_no_part_knows_one_that_knows_it(tmp_path: Path) -> None:
    parts = parts_of(Bench(tmp_path).begin())
    known = {
        name: {other for other, it in parts.items() if any(it is v for v in vars(part).values())}
        for name, part in parts.items()
    }
    assert known == {
        "stop": set(),
        "judge": set(),
        "source": set(),
        "pulse": {"stop"},
        "records": {"source"},
        "queue": {"source", "records", "judge", "pulse"},
    }


def test_a_run_that_cannot_be_built_leaves_no_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, before = Bench(tmp_path), threading.active_count()

    def broken(*_: Any) -> None:
        raise OSError("no folder")

    monkeypatch.setattr(Records, "__init__", broken)
    with pytest.raises(OSError, match="no folder"):
        build_run(bench.setting, Stop(), Rungs, ahead=True)
    assert threading.active_count() == before
