"""`ventral drill`: its exit code, and which faults there are."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from search.drill import faults as drill
from search.drill.verdict import Verdict
from ventral.cli import app


def outcome(lost: int, *problems: str) -> drill.FaultResult:
    verdict = Verdict(lost=lost, repeated=0, problems=problems)
    return drill.FaultResult(fault="driver", injected=2, verdict=verdict, recovered=(1.0, None))


@pytest.mark.parametrize(
    ("found", "code"), [(outcome(0), 0), (outcome(1), 1), (outcome(0, "a run is left"), 1)]
)
def test_the_drill_fails_if_anything_was_lost(
    found: drill.FaultResult, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drill, "rehearse", lambda *_args, **_named: iter([found]))
    done = CliRunner().invoke(app, ["drill", "-o", "json"])
    assert done.exit_code == code
    (row,) = json.loads(done.stdout)
    assert (row["lost"], row["recovered"], row["slowest"]) == (found.verdict.lost, 1.0, 1.0)


def test_a_fault_that_is_none_is_refused() -> None:
    done = CliRunner().invoke(app, ["drill", "--fault", "earthquake"])
    assert "earthquake is not a fault of a drill" in str(done.exception)
    done = CliRunner().invoke(app, ["drill", "--address", "auto", "--fault", "node"])
    assert "node is not a fault of a drill on a cluster" in str(done.exception)
