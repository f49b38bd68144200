"""How fast this machine trains: an answer for every job that can be timed, null for the others."""

import io
import json
from collections.abc import Callable

import pytest

from tests.support.exports import genome
from workers import calibration
from workers.job import Job


@pytest.fixture
def real(job: Callable[..., Job]) -> Job:
    """A job of a network of one convolution."""
    return job().model_copy(update={"genome": genome()})


def test_a_job_is_timed_and_one_that_cannot_be_run_is_null(
    real: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = real.model_copy(update={"genome": genome().with_images(size=8, channels=1, classes=7)})
    jobs = [each.model_dump(mode="json") for each in (wrong, real)]
    answer = io.StringIO()
    monkeypatch.setattr(
        "sys.stdin", io.StringIO(json.dumps({"jobs": jobs, "seconds": 0, "limit": 60}))
    )
    monkeypatch.setattr("sys.stdout", answer)
    calibration.main()
    times = json.loads(answer.getvalue())["jobs"]
    assert [time is None for time in times] == [True, False]
    assert all(time.keys() == {"build", "epoch"} for time in times if time)
    assert all(value > 0 for time in times if time for value in time.values())


def test_no_job_is_begun_behind_the_limit(real: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Job] = []

    def build(job: Job) -> None:
        begun.append(job)
        now[0] += 6.0
        raise MemoryError

    now = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    monkeypatch.setattr(calibration, "Trainer", build)
    assert calibration.calibrate([real] * 4, 1.0, limit=10.0)["jobs"] == [None] * 4
    assert len(begun) == 2
