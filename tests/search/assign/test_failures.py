"""Which failures stop a run: those of the place, and too many in a row."""

from __future__ import annotations

import pytest

from search.assign.failures import CURES, FAILURES_IN_A_ROW, Failures
from search.assign.stopping import Halted
from workers.job import ENVIRONMENT, Failure

ERROR = Failure(kind="error", reason="it broke")
DIVERGED = Failure(kind="diverged", reason="loss is nan")


def fail(failures: Failures, failure: Failure, times: int = FAILURES_IN_A_ROW) -> None:
    for number in range(times):
        failures.add(number, failure)


def test_too_many_in_a_row_stop_the_run() -> None:
    failures = Failures("c1", any_score=True)
    fail(failures, ERROR, FAILURES_IN_A_ROW - 1)
    failures.note_score()
    fail(failures, ERROR, FAILURES_IN_A_ROW - 1)
    with pytest.raises(Halted, match=r"the last of them trial 7 \(error: it broke\)"):
        failures.add(7, ERROR)


@pytest.mark.parametrize("any_score", [True, False])
def test_divergences_count_only_where_nothing_ever_had_a_score(any_score: bool) -> None:
    failures = Failures("c1", any_score=any_score)
    if any_score:
        fail(failures, DIVERGED)
    else:
        with pytest.raises(Halted):
            fail(failures, DIVERGED)


@pytest.mark.parametrize("kind", ENVIRONMENT)
def test_a_failure_of_the_place_comes_with_its_cure(kind: str) -> None:
    failure = Failure.model_validate({"kind": kind, "reason": "it is away"})
    words = str(Failures("c1", any_score=True).halted_by(3, failure))
    assert "trial 3 is put back" in words
    assert CURES[kind] in words
    assert "ventral resume c1" in words
