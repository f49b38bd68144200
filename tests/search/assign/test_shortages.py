"""Trainings that ran out of memory: once again in less, on record, and then never."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.assign.losses import RETRIED
from search.assign.queue import Assignment
from search.assign.reuse import work_of
from search.assign.shortages import SHORTAGE, read_second_tries
from search.review.second_tries import find_second_tries
from search.run import Run
from tests.search.assign.test_losses import MEMORY
from tests.support.runs import Bench, train
from workers.job import Failure

OUT = Failure(kind="out-of-memory", reason="DefaultCPUAllocator: not enough memory")
LITERAL = {"epochs": 3, "batch_size": 64, "evaluation_batch_size": 1, "unroll": "literal"}


def take(run: Run) -> Assignment:
    assignment = run.queue.next()
    assert assignment is not None
    run.records.start(assignment.number)
    return assignment


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, retries=1, recipe=LITERAL)


def test_a_trial_is_tried_again_in_less_memory_and_scored_as_if_nothing_was(bench: Bench) -> None:
    run = bench.begin()
    first = take(run)
    known = bench.store.results.get(bench.id, first.number)
    run.records.fail(first.number, OUT)
    again = run.queue.next()
    assert again is not None
    assert (again.number, again.again) == (first.number, True)
    changes = find_second_tries(bench.store, bench.id)[first.number].changes
    assert again.job.recipe == first.job.recipe.overlaid(changes) != first.job.recipe
    assert again.job.recipe.deciding() == first.job.recipe.deciding()
    assert bench.kinds() == ["started", "retry"]
    assert bench.happenings[-1].detail["reason"] == (
        f"it ran out of memory; again with recipe.accumulate: {changes['accumulate']}"
    )
    train(run, again)
    trial = bench.store.results.get(bench.id, first.number)
    assert trial.status == "finished"
    assert (trial.recipe, trial.digest) == (known.recipe, known.digest)
    work = work_of(trial.digest, first.job.recipe, first.job.data.checksum, trial.seed)
    [donor] = bench.store.results.donors(work, but="another")
    assert donor.trial.number == first.number, "others take it over as if nothing had been"


def test_the_second_time_it_has_failed_also_for_the_next_driver(bench: Bench) -> None:
    run = bench.begin()
    first = take(run)
    run.records.fail(first.number, OUT)
    run.close()
    later = bench.begin()
    again = take(later)
    assert again.number == first.number
    assert again.job.recipe.accumulate > 1, "it stands in the store"
    later.records.fail(again.number, OUT)
    trial = bench.store.results.get(bench.id, again.number)
    assert trial.status == "failed"
    assert trial.reason == (
        "out-of-memory: DefaultCPUAllocator: not enough memory (again, with recipe.accumulate: "
        f"{again.job.recipe.accumulate})"
    )
    events = bench.store.campaigns.events(bench.id)
    assert [event.kind for event in events].count(SHORTAGE) == 1


def test_other_failures_are_not_tried_again(bench: Bench) -> None:
    run = bench.begin()
    first = take(run)
    run.records.fail(first.number, Failure(kind="diverged", reason="loss is nan"))
    assert bench.store.results.get(bench.id, first.number).status == "failed"
    assert find_second_tries(bench.store, bench.id) == {}


@pytest.mark.parametrize(
    ("retries", "changes"), [(0, {}), (1, {"batch_size": 1})], ids=["none allowed", "no less"]
)
def test_what_cannot_be_tried_again_has_failed(
    tmp_path: Path, retries: int, changes: dict[str, int]
) -> None:
    bench = Bench(tmp_path, retries=retries, recipe=LITERAL | changes)
    run = bench.begin()
    first = take(run)
    run.records.fail(first.number, OUT)
    trial = bench.store.results.get(bench.id, first.number)
    assert (trial.status, trial.reason) == ("failed", f"out-of-memory: {OUT.reason}")


def test_a_trial_that_a_user_tries_again_starts_as_it_was(bench: Bench) -> None:
    run = bench.begin()
    run.records.fail(take(run).number, OUT)
    assert find_second_tries(bench.store, bench.id)
    bench.store.campaigns.add_event(bench.id, RETRIED, {"trial": 0})
    assert read_second_tries(bench.store.campaigns.events(bench.id)) == {}


@pytest.mark.parametrize(("gpus", "spared"), [(0, True), (0.5, False)])
def test_a_worker_ended_for_the_machine_s_memory_starts_again_in_less(
    tmp_path: Path, gpus: float, spared: bool
) -> None:
    """Not a trial on a GPU: the machine's memory is not its own."""
    bench = Bench(tmp_path, retries=1, recipe=LITERAL, resources={"gpus": gpus})
    run = bench.begin()
    run.records.lose(take(run).number, MEMORY, silent=False)
    again = take(run)
    assert (again.job.recipe.accumulate > 1) == spared
    run.records.lose(again.number, MEMORY, silent=False)
    trial = bench.store.results.get(bench.id, again.number)
    assert (trial.status, (trial.reason or "")[:13]) == ("failed", "out-of-memory")
