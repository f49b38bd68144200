"""Failed trials once more: as they are where that may help, else only changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search.campaign import Campaign
from search.campaign.limits import memory_to_train
from search.replay import replay
from search.run import Run
from search.store import RETRY, SEARCHED, Store, Trial
from search.upkeep import retries
from space.errors import CampaignError, GenomeError, StoreError
from tests.support import toys
from tests.support.bench import Bench
from workers.job import DETERMINISTIC, Failure


def failing(bench: Bench, *kinds: str, **changes: Any) -> tuple[str, Run]:
    """A finished campaign whose trials failed in these ways, one after another."""
    campaign_id, run = bench.begin(budget={"trials": len(kinds)}, controls=[], **changes)
    for kind in kinds:
        assignment = run.queue.next()
        assert assignment is not None
        run.records.start(assignment.number)
        failure: Any = {"kind": kind, "reason": "it broke"}
        run.records.end(assignment.number, "failed", Failure.model_validate(failure))
    bench.store.campaigns.set_state(campaign_id, "finished")
    return campaign_id, run


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def trials(store: Store, campaign_id: str) -> list[Trial]:
    return store.results.find(campaign_id, statuses=["failed"], genomes=True)


def test_what_may_go_well_is_tried_again_as_it_is(bench: Bench) -> None:
    campaign_id, _ = failing(bench, "error", "data", "corrupt-checkpoint")
    left = bench.home.trial(campaign_id, 2) / "checkpoint"
    left.mkdir(parents=True)
    record = bench.store.campaigns.get(campaign_id)
    retries.requeue(bench.store, bench.home, record, trials(bench.store, campaign_id))
    assert not left.exists(), "a damaged checkpoint would fail it again"
    assert bench.store.campaigns.get(campaign_id).state == "stopped"
    assert bench.go_on(campaign_id) == [0, 1, 2]
    assert bench.store.results.counts(campaign_id)["finished"] == 3
    events = [
        one.detail["trial"]
        for one in bench.store.campaigns.events(campaign_id)
        if one.kind == "retry"
    ]
    assert events == [0, 1, 2]
    assert replay(bench.store, campaign_id).difference is None


@pytest.mark.parametrize("kind", DETERMINISTIC)
def test_what_failed_by_itself_is_not_tried_unchanged(bench: Bench, kind: str) -> None:
    campaign_id, _ = failing(bench, "error", kind)
    record = bench.store.campaigns.get(campaign_id)
    with pytest.raises(CampaignError, match=r"trial 1.*failed by itself.*--set recipe"):
        retries.requeue(bench.store, bench.home, record, trials(bench.store, campaign_id))
    assert bench.store.results.counts(campaign_id)["failed"] == 2, "and so is none of the others"


def test_changed_it_is_a_new_trial_for_which_the_budget_grows(bench: Bench) -> None:
    campaign_id, _ = failing(bench, "diverged", "diverged")
    record = bench.store.campaigns.get(campaign_id)
    old = trials(bench.store, campaign_id)
    made = retries.add_changed(
        bench.store, bench.home, record, old, ["recipe.learning_rate=0.0001"]
    )
    assert made == [2, 3]
    new = bench.store.results.get(campaign_id, 2)
    assert (new.digest, new.origin, new.status) == (old[0].digest, RETRY, "waiting")
    assert new.recipe == {"learning_rate": 0.0001}
    assert bench.store.campaigns.get(campaign_id).document["budget"]["trials"] == 4
    assert bench.go_on(campaign_id) == [2, 3]
    counts = bench.store.results.counts(campaign_id)
    assert (counts["finished"], counts["failed"]) == (2, 2)
    # And a driver after that knows them all.
    assert bench.go_on(campaign_id) == []
    assert replay(bench.store, campaign_id).difference is None


def test_the_same_change_twice_is_refused(bench: Bench) -> None:
    campaign_id, _ = failing(bench, "diverged")
    record, override = bench.store.campaigns.get(campaign_id), ["recipe.learning_rate=0.0001"]
    old = trials(bench.store, campaign_id)
    retries.add_changed(bench.store, bench.home, record, old, override)
    with pytest.raises(CampaignError, match="is trial 1, which is on record already"):
        retries.add_changed(bench.store, bench.home, record, old, override)
    assert len(bench.store.results.find(campaign_id)) == 2


def test_with_room_in_the_budget_it_does_not_grow(bench: Bench) -> None:
    campaign_id, run = bench.begin(budget={"trials": 5}, controls=[])
    assignment = run.queue.next()
    assert assignment is not None
    run.records.start(0)
    run.records.end(0, "failed", Failure(kind="diverged", reason="nan"))
    bench.store.campaigns.set_state(campaign_id, "stopped")
    record = bench.store.campaigns.get(campaign_id)
    old = trials(bench.store, campaign_id)
    assert retries.add_changed(bench.store, bench.home, record, old, ["recipe.batch_size=8"]) == [
        1
    ]
    assert bench.store.campaigns.get(campaign_id).document["budget"]["trials"] == 5
    assert bench.go_on(campaign_id) == [1, 2, 3, 4]
    assert replay(bench.store, campaign_id).difference is None


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("recipe.learning_rate=-1", "recipe.learning_rate"),
        ("recipe.lerning_rate=1", "unknown key"),
        ("budget.trials=9", "does not change the trial's recipe"),
        ("recipe.epochs=9", "have the same epochs"),
        ("recipe.optimiser=adamw", "has that recipe already"),
        ("recipe.score_on=test", "score_on: is the same for all trials of a campaign"),
    ],
)
def test_other_changes_are_refused(bench: Bench, override: str, words: str) -> None:
    campaign_id, _ = failing(bench, "diverged")
    record = bench.store.campaigns.get(campaign_id)
    with pytest.raises(CampaignError, match=words):
        retries.add_changed(
            bench.store, bench.home, record, trials(bench.store, campaign_id), [override]
        )
    assert len(bench.store.results.find(campaign_id)) == 1


def test_a_network_that_cannot_be_read_is_not_tried_again(bench: Bench) -> None:
    campaign_id, _ = failing(bench, "diverged", "diverged")
    record, [one, other] = bench.store.campaigns.get(campaign_id), trials(bench.store, campaign_id)
    old = [one, replace(other, document={**(other.document or {}), "petals": 5})]
    with pytest.raises(GenomeError, match=r'^trial 1: unknown key "petals"'):
        retries.add_changed(bench.store, bench.home, record, old, ["recipe.batch_size=5"])
    assert len(bench.store.results.find(campaign_id)) == 2


def test_a_change_that_is_over_a_limit_puts_nothing_on_record(
    bench: Bench, tmp_path: Path
) -> None:
    """Of two networks the larger one takes a byte too much with a larger batch."""
    recipe = {"epochs": 3, "batch_size": 2, "evaluation_batch_size": 1}
    other = Bench(tmp_path / "unlimited")
    unlimited, _ = failing(other, "diverged", "diverged", recipe=recipe)
    campaign = Campaign.parse(other.store.campaigns.get(unlimited).document)
    larger_batch = campaign.recipe.overlaid({"batch_size": 64})
    small, large = sorted(
        memory_to_train(campaign, larger_batch, trial.read_genome())
        for trial in trials(other.store, unlimited)
    )
    assert small < large
    limits = {"memory": large - 1}
    campaign_id, _ = failing(bench, "diverged", "diverged", recipe=recipe, limits=limits)
    record, old = bench.store.campaigns.get(campaign_id), trials(bench.store, campaign_id)
    with pytest.raises(CampaignError) as refused:
        retries.add_changed(bench.store, bench.home, record, old, ["recipe.batch_size=64"])
    [over] = [
        trial.number
        for trial in old
        if memory_to_train(campaign, larger_batch, trial.read_genome()) == large
    ]
    assert refused.value.where == f"trial {over}"
    assert refused.value.problem == (
        f"{large:,} bytes to train in exceed limits.memory: {large - 1:,}"
    )
    assert "lower recipe.batch_size" in refused.value.cure
    assert [trial.number for trial in bench.store.results.find(campaign_id)] == [0, 1]
    assert bench.store.campaigns.get(campaign_id).document == record.document
    assert all(event.kind != "retry" for event in bench.store.campaigns.events(campaign_id))
    fits = [trial for trial in old if trial.number != over]
    assert retries.add_changed(
        bench.store, bench.home, record, fits, ["recipe.batch_size=64"]
    ) == [2]


def test_only_failed_trials_of_a_resting_campaign(bench: Bench) -> None:
    campaign_id, _ = bench.run(budget={"trials": 1})
    record, done = bench.store.campaigns.get(campaign_id), bench.store.results.find(campaign_id)
    with pytest.raises(CampaignError, match="has not failed: it is finished"):
        retries.requeue(bench.store, bench.home, record, done)
    failed, _ = failing(bench, "error")
    bench.store.campaigns.set_state(failed, "running")
    record = bench.store.campaigns.get(failed)
    with pytest.raises(StoreError, match="is running"):
        retries.requeue(bench.store, bench.home, record, trials(bench.store, failed))
    with pytest.raises(StoreError, match="is running"):
        retries.add_changed(
            bench.store, bench.home, record, trials(bench.store, failed), ["recipe.batch_size=8"]
        )


def test_a_searched_control_that_is_tried_again_is_still_one(bench: Bench) -> None:
    more: dict[str, Any] = {"space": toys.LOOPS, "controls": {"names": [], "search": 0.5}}
    campaign_id, run = bench.begin(budget={"trials": 2}, **more)
    for _ in range(2):
        assignment = run.queue.next()
        assert assignment is not None
        run.records.start(assignment.number)
        failure = Failure(kind="diverged", reason="it broke")
        run.records.end(assignment.number, "failed", failure)
    bench.store.campaigns.set_state(campaign_id, "finished")
    record, failed = bench.store.campaigns.get(campaign_id), trials(bench.store, campaign_id)
    changes = ["recipe.learning_rate=0.002"]
    numbers = retries.add_changed(bench.store, bench.home, record, failed, changes)
    families = [bench.store.results.get(campaign_id, number).family for number in (0, 1, *numbers)]
    assert families == [None, SEARCHED, None, SEARCHED]
    assert replay(bench.store, campaign_id).difference is None
