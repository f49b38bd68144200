"""What becomes of trials: on record, to the sampler, to the listener."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.assign.records import Records
from search.store.ledger import Meter
from tests.support import toys
from tests.support.runs import Bench
from workers.job import Failure, Report


def report(epoch: int, top1: float = 0.5) -> Report:
    return Report.model_validate(toys.report(epoch, top1))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_what_arrives_together_is_late_but_for_the_last(bench: Bench) -> None:
    """And the epoch that a worker was resumed at is not one that it trained."""
    run = bench.begin()
    assert run.queue.prepare()
    run.records.start(0)
    run.records.receive(0, [report(1)], report(2))
    run.records.receive(0, [report(1), report(2)], report(2))
    reports = bench.store.results.reports(bench.id, 0)
    assert [(one.report.epoch, one.late) for one in reports] == [(1, True), (2, False)]
    ledger = bench.store.campaigns.ledger(bench.id)
    assert (ledger.epochs, ledger.repeated) == (2, 0)


def test_a_lost_trial_goes_on_before_any_other_until_it_was_lost_too_often(tmp_path: Path) -> None:
    bench = Bench(tmp_path, retries=1)
    run = bench.begin()
    for again in (False, True):
        assignment = run.queue.next()
        assert assignment is not None
        assert (assignment.number, assignment.again) == (0, again)
        run.records.start(0)
        run.records.lose(0, "", silent=False)
    assert list(run.records.lost) == []
    trial = bench.store.results.get(bench.id, 0)
    assert (trial.status, trial.reason) == ("failed", "lost: its worker died 2 times")
    assert bench.kinds() == ["started", "retry", "started", "failed"]


def test_every_end_is_told_to_the_mirror_once(bench: Bench) -> None:
    run, ends = bench.begin(), list[int]()
    meter = Meter(bench.store, bench.id, bench.campaign.budget)
    records = Records(bench.setting, run.source, {}, meter, lambda: ends.append(1))
    for failure in (None, Failure(kind="diverged", reason="loss is nan")):
        assignment = run.queue.next()
        assert assignment is not None
        records.start(assignment.number)
        if failure is None:
            records.end(assignment.number, "finished")
        else:
            records.fail(assignment.number, failure)
    assert len(ends) == 2
    assert bench.kinds() == ["started", "finished", "started", "failed"]
