"""What a new driver makes of its campaign's record."""

from __future__ import annotations

from pathlib import Path

from search.assign.past import recover
from search.early_stopping.judging import Judge
from tests.support import toys
from tests.support.runs import Bench, train
from workers.job import Report


def test_a_new_driver_knows_what_the_last_one_did(tmp_path: Path) -> None:
    bench = Bench(tmp_path, limits={"parameters": 250}, budget={"trials": 4})
    run = bench.begin()
    first, second = run.queue.next(), run.queue.next()
    assert first is not None
    assert second is not None
    train(run, first)
    run.records.start(second.number)
    run.records.add_report(second.number, Report.model_validate(toys.report(1, 0.5)))
    trials = bench.store.results.find(bench.id)
    assert [trial.status for trial in trials].count("infeasible") > 0
    past = recover(bench.setting, Judge(None, bench.setting.epochs))
    assert past.trained == 2, "what is infeasible does not count"
    assert {number: len(own) for number, own in past.reports.items()} == {second.number: 1}
    assert [trial.number for trial in past.unfinished] == [second.number]
    assert past.stopped == set()
    again = run.source.suggest()
    assert again is not None
    suggested = past.suggester.suggest()
    assert suggested is not None
    assert (suggested.number, suggested.choices) == (again.number, again.choices)


def test_a_campaign_without_trials_has_none(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    past = recover(bench.setting, Judge(None, bench.setting.epochs))
    assert (past.trained, dict(past.reports), list(past.unfinished)) == (0, {}, [])
