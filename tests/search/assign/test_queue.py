"""What is trained next, against a real store."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from search.assign import suggesting
from search.assign.outcomes import outcome_of
from search.assign.queue import Assignment
from search.assign.stopping import Stop
from search.run import Run, build_run
from search.samplers.protocol import key
from search.store import CONTROL
from search.store.tables import GENOMES
from search.tune.rungs import Rungs
from space.errors import CampaignError
from tests.support import toys
from tests.support.runs import Bench, sampler_of, train
from tests.support.tables import engine_of
from workers.job import Failure, Report


def exhaust(run: Run) -> list[Assignment]:
    """All that the queue has, each trained before the next is asked for."""
    found = []
    while (assignment := run.queue.next()) is not None:
        train(run, assignment)
        found.append(assignment)
    return found


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_controls_come_first_and_count(bench: Bench) -> None:
    found = exhaust(bench.begin())
    assert [assignment.number for assignment in found] == list(range(6))
    trials = bench.store.results.find(bench.id)
    assert [trial.origin for trial in trials] == [CONTROL] + ["random"] * 5
    assert {trial.status for trial in trials} == {"finished"}
    assert {trial.seed for trial in trials} == {1}, "all trials have the campaign's seed"


def test_no_controls_if_none_are_named(tmp_path: Path) -> None:
    bench = Bench(tmp_path, controls=[])
    exhaust(bench.begin())
    assert CONTROL not in {trial.origin for trial in bench.store.results.find(bench.id)}


TWINS = {"wide": toys.SPACE["controls"]["wide"], "twin": toys.SPACE["controls"]["wide"]}


@pytest.mark.parametrize(
    ("changes", "trained"),
    [
        ({"recipe": {"epochs": 3, "score_on": "test"}}, 1),  # and a budget for more
        ({"recipe": {"epochs": 3, "score_on": "test"}, "budget": {"trials": 1}}, 1),
        ({"space": toys.SPACE | {"controls": TWINS}, "budget": {"trials": 2}}, 1),
        ({"limits": {"parameters": 10}, "budget": {"trials": 1}}, 0),
        ({}, 6),  # a search of before there was a validation split
    ],
)
@pytest.mark.parametrize("ahead", [False, True])
def test_what_is_scored_on_test_is_no_search(
    tmp_path: Path, changes: dict[str, Any], trained: int, ahead: bool
) -> None:
    bench = Bench(tmp_path, **changes)
    assert bench.setting.split == "test"
    run = bench.begin(ahead=ahead)
    assert len(exhaust(run)) == trained
    assert run.queue.ready()
    origins = [trial.origin for trial in bench.store.results.find(bench.id)]
    assert origins.count(CONTROL) == 1
    assert len(origins) == max(1, trained)
    run.close()


@pytest.mark.parametrize("certifies", [None, "abcdefgh"])
def test_a_control_s_name_says_its_lineage_only_where_networks_are_certified(
    tmp_path: Path, certifies: str | None
) -> None:
    control = toys.SPACE["controls"]["wide"]
    other = {"genome": {"stages[0].convolution.width": 31}}
    named = {"wide": control, "trial-3-depth": other}
    bench = Bench(tmp_path, space=toys.SPACE | {"controls": named}, budget={"trials": 2})
    bench.store.campaigns.set_state(bench.id, "running")
    exhaust(build_run(replace(bench.setting, certifies=certifies), Stop(), Rungs))
    matched = ("control", None) if certifies is None else ("depth", "trial-3")
    assert [
        (one.control, one.family, one.winner) for one in bench.store.results.find(bench.id)
    ] == [("wide", "control", None), ("trial-3-depth", *matched)]


def test_a_trial_is_on_record_before_it_is_handed_out(bench: Bench) -> None:
    run = bench.begin()
    run.queue.next()
    assignment = run.queue.next()
    assert assignment is not None
    trial = bench.store.results.get(bench.id, assignment.number)
    assert trial.status == "waiting"
    job = assignment.job
    assert job.genome == trial.read_genome()
    assert job.genome.document() == trial.document
    assert job.recipe.learning_rate == trial.recipe["learning_rate"]
    assert job.recipe.learning_rate == trial.choices["recipe.learning_rate"]
    assert job.recipe.epochs == 3, "the campaign's, under the sample's"
    assert job.folder == str(bench.home.trial(bench.id, assignment.number)) == trial.folder
    assert (trial.parameters or 0) > 0
    assert (trial.macs or 0) > 0


def test_nothing_is_trained_twice(tmp_path: Path) -> None:
    """36 networks and a control, and more trials are asked for: all different, then no more."""
    space = {**toys.SPACE, "recipe": {}}
    bench = Bench(tmp_path, space=space, budget={"trials": 100})
    run = bench.begin()
    exhaust(run)
    trials = bench.store.results.find(bench.id)
    digests = [trial.digest for trial in trials]
    assert len(set(digests)) == len(digests) == 37
    assert run.queue.exhausted
    assert run.queue.error is None
    assert bench.kinds()[-1] == "exhausted"
    assert bench.store.campaigns.events(bench.id)[-1].kind == "space exhausted"


def test_a_known_point_is_told_again_not_trained(bench: Bench, monkeypatch: Any) -> None:
    run = bench.begin()
    exhaust(run)
    first = bench.store.results.find(bench.id)[1]
    bench.campaign = bench.campaign.model_copy(
        update={"budget": bench.campaign.budget.model_copy(update={"trials": 7})}
    )
    run = bench.begin()
    sampler = sampler_of(run)
    told = []
    ask = sampler.ask
    answers = iter([first.choices])
    monkeypatch.setattr(sampler, "ask", lambda: next(answers, None) or ask())
    monkeypatch.setattr(sampler, "tell", lambda c, o: told.append((key(c), o.score)))
    assignment = run.queue.next()
    assert assignment is not None
    assert told == [(key(first.choices), first.top1)]
    assert assignment.number == 6


def test_over_the_limit_is_infeasible_and_costs_no_budget(
    tmp_path: Path, monkeypatch: Any
) -> None:
    bench = Bench(tmp_path, limits={"parameters": 150})
    run = bench.begin()
    told: list[Any] = []
    monkeypatch.setattr(sampler_of(run), "tell", lambda _choices, outcome: told.append(outcome))
    handed = exhaust(run)
    trials = bench.store.results.find(bench.id)
    infeasible = [trial for trial in trials if trial.status == "infeasible"]
    assert len(handed) == 6, "the budget counts what is trained"
    assert infeasible
    assert all((trial.parameters or 0) > 150 for trial in infeasible)
    assert all((job.number not in {t.number for t in infeasible}) for job in handed)
    assert infeasible[0].origin == CONTROL
    assert infeasible[0].reason == (
        f"{infeasible[0].parameters:,} parameters exceed limits.parameters: 150"
    )
    reasons = [outcome.reason for outcome in told if outcome.reason]
    assert reasons == ["infeasible"] * (len(infeasible) - 1), "a control is no sampler's"
    assert bench.kinds().count("infeasible") == len(infeasible)


def test_a_limit_that_nothing_meets_ends_the_campaign(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(suggesting, "INFEASIBLE_IN_A_ROW", 20)
    bench = Bench(tmp_path, limits={"macs": 10})
    run = bench.begin()
    assert run.queue.next() is None
    assert isinstance(run.queue.error, CampaignError)
    assert run.queue.error.where == "limits.macs"
    assert "20 samples in a row" in run.queue.error.problem
    assert run.queue.next() is None, "it stays ended"


def test_choices_that_make_no_genome_are_infeasible(tmp_path: Path) -> None:
    """A kernel of 0 among the options is a fault of the space that the campaign survives."""
    broken = copy.deepcopy(toys.SPACE)
    broken["genome"]["stages"][0]["convolution"]["kernel"]["choice"] = [1, 3, 0]
    bench = Bench(tmp_path, space=broken, budget={"trials": 12})
    assert len(exhaust(bench.begin())) == 12
    infeasible = bench.store.results.find(bench.id, statuses=["infeasible"])
    assert infeasible
    assert all(trial.choices["kernel"] == 0 for trial in infeasible)
    assert all("kernel: 0" in (trial.reason or "") for trial in infeasible)


def test_failures_are_told_and_kept(bench: Bench) -> None:
    run = bench.begin()
    assignment = run.queue.next()
    assert assignment is not None
    run.records.start(assignment.number)
    failure = Failure(kind="diverged", reason="loss is nan at epoch 1", detail="trace")
    trial = run.records.end(assignment.number, "failed", failure)
    assert (trial.status, trial.reason) == ("failed", "diverged: loss is nan at epoch 1")
    assert trial.detail == "trace"
    outcome = outcome_of(trial, 3)
    assert outcome is not None
    assert outcome.reason == "diverged"


def test_what_cannot_be_looked_at_cheaply_is_infeasible(tmp_path: Path) -> None:
    """A network whose weights would be other ones at fewer steps is recorded, and not trained."""
    space = copy.deepcopy(toys.SPACE)
    space["genome"]["clock"]["steps"] = 4
    forms = ["last", {"form": "w_avg_t"}]
    space["genome"]["decoder"] = {"choice": forms, "name": "decoder"}
    recipe = {"epochs": 3, "fidelity": [{"until": 1, "steps": 3}]}
    bench = Bench(tmp_path, space=space, recipe=recipe, controls=[], budget={"trials": 6})
    assert len(exhaust(bench.begin())) == 6
    infeasible = bench.store.results.find(bench.id, statuses=["infeasible"])
    assert infeasible
    assert all("decoder.weights: has other weights at" in (t.reason or "") for t in infeasible)


def test_who_only_guesses_is_told_as_such(tmp_path: Path) -> None:
    """Which class a network that learned nothing happens to name says nothing of its cell."""
    bench = Bench(tmp_path)
    run = bench.begin()
    first, second = run.queue.next(), run.queue.next()
    assert first is not None
    assert second is not None
    for assignment, epochs in ((first, 1), (second, 3)):
        train(run, assignment, epochs=epochs, status="pruned" if epochs < 3 else "finished")
    trials = [bench.store.results.get(bench.id, one.number) for one in (first, second)]
    scores = [trial.top1 or 0.0 for trial in trials]
    between = sum(scores) / 2
    told = [outcome_of(trial, 3, guess=between) for trial in trials]
    assert [one.score for one in told if one] == [max(score, between) for score in scores]
    assert [one.score for one in (outcome_of(t, 3) for t in trials) if one] == scores


def test_a_stopped_training_is_told_with_its_fidelity(bench: Bench, monkeypatch: Any) -> None:
    run = bench.begin()
    run.queue.next()
    assignment = run.queue.next()
    assert assignment is not None
    told: list[Any] = []
    monkeypatch.setattr(sampler_of(run), "tell", lambda _choices, outcome: told.append(outcome))
    train(run, assignment, epochs=1, status="pruned")
    assert told[0].fidelity == pytest.approx(1 / 3)
    assert told[0].score == pytest.approx(toys.score(assignment.number, 1, 3))
    assert not told[0].final


@pytest.mark.parametrize("name", ["random", "optuna"])
def test_a_new_driver_goes_on_where_the_last_one_was(tmp_path: Path, name: str) -> None:
    """Killed between any two calls, with two trials open: the same campaign in the end."""
    sampler = {"name": name, "options": {} if name == "random" else {"startup": 3}}
    whole = Bench(tmp_path / "whole", sampler=sampler, budget={"trials": 10})
    exhaust(whole.begin())
    broken = Bench(tmp_path / "broken", sampler=sampler, budget={"trials": 10})
    handed = []
    for _ in range(30):
        run = broken.begin()
        if (assignment := run.queue.next()) is None:
            break
        handed.append(assignment.number)
        if handed.count(assignment.number) > 1:  # the first time it is lost before its end
            train(run, assignment)
    assert handed == [number for number in range(10) for _ in range(2)]
    choices = [
        [t.choices for t in bench.store.results.find(bench.id)] for bench in (whole, broken)
    ]
    assert choices[0] == choices[1]


def test_interrupted_trials_come_before_new_ones(bench: Bench) -> None:
    run = bench.begin()
    first, second, third = run.queue.next(), run.queue.next(), run.queue.next()
    assert first is not None
    assert second is not None
    assert third is not None
    train(run, first)
    run.records.start(third.number)
    run.records.add_report(third.number, Report.model_validate(toys.report(1, 0.1)))
    again = bench.begin()
    assert again.queue.unfinished == 2
    assert again.queue.next() == third, "the one that had begun"
    assert again.queue.next() == second
    new = again.queue.next()
    assert new is not None
    assert new.number == 3


def test_a_genome_that_cannot_be_read_fails_its_own_trial(bench: Bench) -> None:
    run = bench.begin()
    numbers = [assignment.number for _ in range(2) if (assignment := run.queue.next())]
    [bad, good] = (bench.store.results.get(bench.id, number) for number in numbers)
    with engine_of(bench.store).begin() as connection:
        mine = GENOMES.c.digest == bad.digest
        other = {**(bad.document or {}), "petals": 5}
        connection.execute(sa.update(GENOMES).where(mine).values(document=other))
    assignment = bench.begin().queue.next()
    assert assignment is not None
    assert assignment.number == good.number
    assert assignment.job.genome == good.read_genome()
    failed = bench.store.results.get(bench.id, bad.number)
    assert failed.status == "failed"
    assert str(failed.reason).startswith(f'input: trial {bad.number}: unknown key "petals"')


def test_a_trial_that_only_lacks_its_end_is_ended(bench: Bench) -> None:
    run = bench.begin()
    assignment = run.queue.next()
    assert assignment is not None
    run.records.start(assignment.number)
    for epoch in (1, 2, 3):
        report = Report.model_validate(toys.report(epoch, 0.2 * epoch))
        run.records.add_report(assignment.number, report)
    following = bench.begin().queue.next()
    assert following is not None
    assert following.number == 1
    assert bench.store.results.get(bench.id, 0).status == "finished"


def test_a_trial_that_was_to_stop_ends_where_it_is(tmp_path: Path) -> None:
    """Its driver was killed between the judge's word and writing down the end."""
    bench = Bench(tmp_path, scheduler={"name": "asha", "grace_epochs": 1, "reduction_factor": 3})
    run = bench.begin()
    for top1 in (0.9, 0.1):
        assignment = run.queue.next()
        assert assignment is not None
        run.records.start(assignment.number)
        run.records.add_report(assignment.number, Report.model_validate(toys.report(1, top1)))
    again = bench.begin()
    ended = bench.store.results.ended(bench.id)
    assert [(trial.number, trial.status, trial.epochs) for trial in ended] == [(1, "pruned", 1)]
    assert bench.kinds()[-1] == "pruned"
    assert again.queue.unfinished == 1
    following = [again.queue.next(), again.queue.next()]
    assert [found.number for found in following if found is not None] == [0, 2]


def test_what_is_prepared_is_given_once(bench: Bench) -> None:
    queue = bench.begin().queue
    assert queue.prepare()
    assert queue.prepare(), "asked twice, it prepares once"
    assert queue.ready()
    given = [queue.next() for _ in range(7)]
    assert [one.number for one in given if one is not None] == list(range(6))
    assert not queue.prepare()
