"""No work twice: what a campaign takes over from those before it, and what it does not."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from search.assign import reuse
from search.assign.queue import Assignment
from search.run import Run
from search.store import Store, Trial
from tests.support import large, toys
from tests.support.bench import DATA, Bench
from tests.support.effort import record_statements
from tests.support.tables import engine_of
from workers.data.packing import pack
from workers.data.specs import DigitsOccluded
from workers.job import CHECKPOINT, Failure, PackRef, Report

CONSTANT = {"schedule": "constant"}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_the_same_campaign_again_is_answered_from_the_store(bench: Bench) -> None:
    first, trained = bench.run()
    assert len(trained) == 6
    bench.happenings.clear()
    second, trained = bench.run(name="again")
    assert trained == []
    assert bench.results(second) == bench.results(first)
    trials = bench.store.results.find(second)
    assert [trial.source for trial in trials] == [f"{first}/{n}" for n in range(6)]
    assert {(trial.source_epochs, trial.attempts) for trial in trials} == {(3, 0)}
    ledger = bench.store.campaigns.ledger(second)
    assert (ledger.trials, ledger.reused, ledger.attempts) == (6, 6, 0)
    assert (ledger.device_seconds, ledger.epochs) == (0, 0)
    assert len(bench.store.results.all_reports(second)) == 18
    assert [entry.number for entry in bench.store.outbox.pending(second)] == list(range(6))
    ended = [one for one in bench.happenings if one.kind == "finished"]
    assert [one.detail["source"] for one in ended] == [f"{first}/{n}" for n in range(6)]


def test_the_first_origin_is_named_whoever_handed_it_on(bench: Bench) -> None:
    first, _ = bench.run()
    bench.run(name="second")
    third, _ = bench.run(name="third")
    assert {trial.source for trial in bench.store.results.find(third)} == {
        f"{first}/{n}" for n in range(6)
    }


def test_answers_count_in_the_budget_and_the_sampler_hears_of_them(bench: Bench) -> None:
    bench.run()
    campaign_id, trained = bench.run(name="more", budget={"trials": 9})
    assert [assignment.number for assignment in trained] == [6, 7, 8]
    assert bench.store.campaigns.ledger(campaign_id).trials == 9
    results = bench.store.results.ended(campaign_id)
    assert [trial.number for trial in results] == list(range(9))
    again = bench.store.campaigns.get(campaign_id)
    assert len({trial.digest + str(trial.recipe) for trial in results}) == 9, again.id


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 2},
        {"recipe": {"epochs": 3, "batch_size": 32}},
        {"data": PackRef(path="/nowhere", checksum="d" * 64)},
        {"reuse": False},
    ],
)
def test_another_work_is_done(bench: Bench, other: dict[str, Any]) -> None:
    """Another seed (of the trainings and of the sampler), recipe or data, or no wish to reuse."""
    bench.run()
    data = other.pop("data", DATA)
    campaign_id, run = bench.begin(data=data, name="other", **other)
    trained = []
    while (assignment := run.queue.next()) is not None:
        trained.append(assignment)
        bench.train(run, assignment)
    assert len(trained) == 6
    assert {trial.source for trial in bench.store.results.find(campaign_id)} == {None}


def test_a_longer_training_answers_a_shorter_one_unless_the_schedule_looks_ahead(
    bench: Bench,
) -> None:
    bench.run(recipe={"epochs": 5} | CONSTANT)
    short, trained = bench.run(name="short", recipe={"epochs": 3} | CONSTANT)
    assert trained == []
    assert {(trial.status, trial.epochs) for trial in bench.store.results.find(short)} == {
        ("finished", 3)
    }
    bench.run(name="cosine", recipe={"epochs": 5})
    assert len(bench.run(name="cosine, short", recipe={"epochs": 3})[1]) == 6
    assert len(bench.run(name="longer", recipe={"epochs": 8} | CONSTANT)[1]) == 6


def test_what_was_pruned_is_answered_only_by_the_same_rule(bench: Bench) -> None:
    asha = {"name": "asha", "grace_epochs": 1, "reduction_factor": 2}
    bench.run(scheduler=asha, stop_at=1)
    same, trained = bench.run(name="same", scheduler=asha)
    assert trained == []
    assert {trial.status for trial in bench.store.results.find(same)} == {"pruned"}
    _, trained = bench.run(name="other", scheduler={"name": "fifo"})
    assert len(trained) == 6, "their checkpoints are gone"


def test_a_divergence_is_remembered_and_a_lost_worker_is_not(bench: Bench) -> None:
    _, run = bench.begin(budget={"trials": 2})
    for kind in ("diverged", "error"):
        assignment = run.queue.next()
        assert assignment is not None
        run.records.start(assignment.number)
        failure: Any = {"kind": kind, "reason": "it broke", "detail": "a traceback"}
        run.records.end(assignment.number, "failed", Failure.model_validate(failure))
    campaign_id, trained = bench.run(name="again", budget={"trials": 2})
    assert [assignment.number for assignment in trained] == [1]
    diverged = bench.store.results.get(campaign_id, 0)
    assert (diverged.status, diverged.reason) == ("failed", "diverged: it broke")
    assert diverged.detail == "a traceback"


# ---------------------------------------------------------------------- with real checkpoints


@pytest.fixture
def data(tmp_path: Path) -> PackRef:
    spec = DigitsOccluded(size=8, train_images=64, test_images=32)
    return pack(spec, tmp_path / "packs").ref


def trained_for(run: Run, epochs: int) -> tuple[Assignment, list[Any]]:
    """Train the run's next trial for so many epochs, as a worker does; its reports."""
    from workers.training import Trainer

    assignment = run.queue.next()
    assert assignment is not None
    trainer, own = Trainer(assignment.job, "cpu"), Path(assignment.job.folder) / "checkpoint"
    if own.exists():
        trainer.load(own)
    run.records.start(assignment.number)
    for report in trainer.reports:
        run.records.add_report(assignment.number, report, trained=False)
    while trainer.epoch < epochs:
        run.records.add_report(assignment.number, trainer.run_epoch())
        trainer.save(own)
    run.records.end(assignment.number, "finished" if trainer.finished else "pruned")
    reports = [(one.epoch, one.top1, one.loss, one.train_loss) for one in trainer.reports]
    return assignment, reports


def one(**recipe: Any) -> dict[str, Any]:
    return {"budget": {"trials": 1}, "recipe": {"batch_size": 16} | recipe}


def test_a_training_goes_on_from_another_campaign_s_checkpoint(
    bench: Bench, data: PackRef
) -> None:
    first, run = bench.begin(data, **one(epochs=2, schedule="constant"))
    trained_for(run, 2)
    second, run = bench.begin(data, name="longer", **one(epochs=5, schedule="constant"))
    _, continued = trained_for(run, 5)
    trial = bench.store.results.get(second, 0)
    assert (trial.status, trial.source, trial.source_epochs) == ("finished", f"{first}/0", 2)
    ledger = bench.store.campaigns.ledger(second)
    assert (ledger.epochs, ledger.repeated, ledger.reused) == (3, 0, 0), "two were taken over"
    third, run = bench.begin(data, name="fresh", reuse=False, **one(epochs=5, schedule="constant"))
    _, fresh = trained_for(run, 5)
    assert continued == fresh, "the numbers are those of a training that was never interrupted"
    assert bench.store.results.get(third, 0).source is None


def test_a_pruned_trial_goes_on_whatever_the_schedule_if_the_epochs_are_the_same(
    bench: Bench, data: PackRef
) -> None:
    first, run = bench.begin(data, **one(epochs=4))
    trained_for(run, 2)
    asha = {"name": "asha", "grace_epochs": 1, "reduction_factor": 2}
    second, run = bench.begin(data, name="other rule", scheduler=asha, **one(epochs=4))
    _, reports = trained_for(run, 4)
    assert len(reports) == 4
    trial = bench.store.results.get(second, 0)
    assert (trial.source, trial.source_epochs, trial.epochs) == (f"{first}/0", 2, 4)


def test_without_its_checkpoint_it_is_trained_anew(bench: Bench, data: PackRef) -> None:
    _, run = bench.begin(data, **one(epochs=4))
    assignment, _ = trained_for(run, 2)
    shutil.rmtree(assignment.job.folder)
    second, run = bench.begin(data, name="again", scheduler={"name": "asha"}, **one(epochs=4))
    trained_for(run, 4)
    trial = bench.store.results.get(second, 0)
    assert (trial.source, trial.source_epochs) == (None, 0)
    assert bench.store.campaigns.ledger(second).epochs == 4


def test_an_answered_trial_keeps_its_weights_for_an_export(bench: Bench, data: PackRef) -> None:
    """In hard links: they cost nothing, and outlive the first campaign's."""
    from workers import checkpoint

    _, run = bench.begin(data, **one(epochs=2))
    donor, _ = trained_for(run, 2)
    second, run = bench.begin(data, name="again", **one(epochs=2))
    assert run.queue.next() is None
    own = bench.home.trial(second, 0) / "checkpoint"
    source = Path(donor.job.folder) / "checkpoint"
    tensors = "tensors.safetensors"
    newest, first = (Path(checkpoint.versions(place)[0], tensors) for place in (own, source))
    assert newest.stat().st_ino == first.stat().st_ino
    shutil.rmtree(donor.job.folder)
    assert checkpoint.load(own)[1]["epoch"] == 2


# ---------------------------------------------------------------------- at length


def test_a_work_is_found_at_once_among_many(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/store.db")
    large.campaign(store, 5_000)
    for number in range(0, 5_000, 500):
        found = store.results.donors(f"large-{number}")
        assert [donor.trial.number for donor in found] == [number]
        assert store.results.donors(f"nobody-{number}") == []
    with record_statements(engine_of(store)) as asked:
        store.results.donors("large-7")
    with engine_of(store).connect() as connection:
        for statement in asked:
            values = ("?",) * statement.count("?")
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
            assert not [row for row in plan if row.detail.startswith("SCAN")], statement


def test_a_work_has_one_name_however_it_is_written() -> None:
    recipe = toys.campaign().recipe
    name = reuse.work_of("d", recipe, "c", 1)
    assert reuse.work_of("d", recipe.overlaid({"epochs": 9}), "c", 1) == name
    whole = recipe.overlaid({"clip": {"norm": 1}})
    assert reuse.work_of("d", whole, "c", 1) == reuse.work_of(
        "d", recipe.overlaid({"clip": {"norm": 1.0}}), "c", 1
    )
    others = [
        reuse.work_of("e", recipe, "c", 1),
        reuse.work_of("d", whole, "c", 1),
        reuse.work_of("d", recipe, "x", 1),
        reuse.work_of("d", recipe, "c", 2),
    ]
    assert len({name, *others}) == 5


def test_a_running_trial_is_nobody_s_answer(bench: Bench) -> None:
    _, run = bench.begin(budget={"trials": 1})
    assignment = run.queue.next()
    assert assignment is not None
    run.records.start(assignment.number)
    run.records.add_report(assignment.number, Report.model_validate(toys.report(1, 0.5)))
    _, other = bench.begin(name="beside", budget={"trials": 1})
    found = other.queue.next()
    assert found is not None
    trial: Trial = bench.store.results.find(bench.store.campaigns.get("beside").id)[0]
    assert (trial.source, trial.epochs) == (None, 0)


def test_what_was_linked_for_a_point_that_never_was_on_record_is_gone(bench: Bench) -> None:
    """A driver links a checkpoint, and dies before the trial is on record."""
    campaign_id, run = bench.begin(controls=[])
    left = bench.home.trial(campaign_id, 0) / CHECKPOINT
    left.mkdir(parents=True)
    assignment = run.queue.next()
    assert assignment is not None
    assert assignment.number == 0
    assert not left.exists()


def test_between_answered_trials_the_driver_is_asked_whether_to_go_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.run(controls=[], budget={"trials": 5})
    campaign_id, run = bench.begin(controls=[], budget={"trials": 5})
    answers = iter([False, False, True])
    with monkeypatch.context() as patch:
        patch.setattr(run.pulse, "check", lambda: next(answers))
        assert run.queue.next() is None
    assert bench.store.results.counts(campaign_id)["finished"] == 2
    assert run.queue.next() is None
    assert bench.store.results.counts(campaign_id)["finished"] == 5
