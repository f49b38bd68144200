"""The best cells again from other seeds: what is trained, once each, and what it amounts to."""

from __future__ import annotations

import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search.campaign import Campaign
from search.forecast.networks import draw_networks
from search.replay import replay
from search.review import ranking
from search.store import Store
from search.upkeep.certification import choose_winners, is_certified, plan_certification
from search.upkeep.retries import add_changed
from space.controls import match_controls
from space.errors import CampaignError
from space.recurrence import recurrence
from tests.support import toys
from tests.support.campaigns import add, new_campaign
from tests.support.campaigns import train as score
from tests.support.runs import Bench, train

SEEDS = 3


def finished(tmp_path: Path, **changes: Any) -> Bench:
    """A campaign of a control and five searched cells, all of them trained."""
    bench = Bench(tmp_path, **changes)
    drain(bench)
    return bench


def drain(bench: Bench, trials: int = 100) -> list[int]:
    """Train what the queue gives, at most so many trials; their numbers."""
    run, numbers = bench.begin(), list[int]()
    while len(numbers) < trials and (found := run.queue.next()) is not None:
        train(run, found)
        numbers.append(found.number)
    bench.store.campaigns.set_state(bench.id, "stopped")
    return numbers


def certified(bench: Bench, seeds: int = SEEDS, top: int = 2) -> Campaign:
    best = ranking.best(bench.store, bench.id, top)
    return plan_certification(bench.store.campaigns.get(bench.id), best, seeds)


def test_all_data_are_the_validation_images_too(tmp_path: Path) -> None:
    bench = finished(tmp_path)
    record, best = bench.store.campaigns.get(bench.id), ranking.best(bench.store, bench.id, 1)
    whole = plan_certification(record, best, 1, all_data=True)
    assert (whole.recipe.train_on, whole.recipe.score_on) == ("train+validation", "test")
    document = record.document | {"data": record.document["data"] | {"validation": 0}}
    before = replace(record, document=document)
    assert plan_certification(before, best, 1).recipe.score_on == "validation", "there is none"
    with pytest.raises(CampaignError, match="has no validation images"):
        plan_certification(before, best, 1, all_data=True)


def test_every_control_is_trained_with_every_seed_before_anything_else(tmp_path: Path) -> None:
    bench = finished(tmp_path, control_seeds=SEEDS)
    trials = bench.store.results.find(bench.id)
    first = trials[:SEEDS]
    assert [trial.origin for trial in first] == ["control"] * SEEDS
    assert len({trial.seed for trial in first}) == SEEDS
    assert first[0].seed == bench.campaign.seed
    assert len({trial.digest for trial in first}) == 1
    assert {trial.seed for trial in trials[SEEDS:]} == {bench.campaign.seed}
    assert replay(bench.store, bench.id).difference is None


def test_a_new_driver_trains_no_seed_twice(tmp_path: Path) -> None:
    whole = finished(tmp_path / "whole", control_seeds=SEEDS)
    bench = Bench(tmp_path / "parts", control_seeds=SEEDS)
    assert drain(bench, 2) == [0, 1]
    assert drain(bench) == [2, 3, 4, 5]
    seeds = [trial.seed for trial in bench.store.results.find(bench.id)]
    assert seeds == [trial.seed for trial in whole.store.results.find(whole.id)]


def test_the_best_cells_and_the_controls_are_trained_from_other_seeds(tmp_path: Path) -> None:
    bench = finished(tmp_path)
    best = ranking.best(bench.store, bench.id, 2)
    campaign = certified(bench)
    assert campaign.controls == ("wide", *(f"trial-{trial.number}" for trial in best))
    assert (campaign.scheduler.name, campaign.objectives) == ("fifo", ())
    assert campaign.budget.trials == 3 * SEEDS
    other = bench.beside(campaign)
    assert len(drain(other)) == 3 * SEEDS
    trials = other.store.results.find(other.id)
    assert {trial.origin for trial in trials} == {"control"}
    assert bench.campaign.seed not in {trial.seed for trial in trials}
    scored = {"score_on": "test", "train_on": "train"}
    assert campaign.recipe.model_dump(include={*scored}) == scored
    by_network: dict[str, set[int]] = {}
    for trial in trials:
        by_network.setdefault(trial.digest, set()).add(trial.seed)
    wide = bench.store.results.get(bench.id, 0)
    assert set(by_network) == {wide.digest, *(trial.digest for trial in best)}
    assert {len(seeds) for seeds in by_network.values()} == {SEEDS}
    rates = {trial.digest: trial.recipe for trial in trials}
    assert all(rates[trial.digest] == trial.recipe for trial in best)
    assert draw_networks(campaign, other.space), "what it will take can be said"


DERIVED = toys.LOOPS | {
    "controls": toys.LOOPS["controls"]
    | {
        "wider": {"match": "parameters", "recipe": {"weight_decay": 0.01}},
        "lesioned": {"without": ["self edges"]},
    }
}


def test_derived_controls_follow_from_the_best_recurrent_network(tmp_path: Path) -> None:
    bench = finished(tmp_path, space=DERIVED)
    assert {trial.control for trial in bench.store.results.find(bench.id)} == {None, "wide"}
    record = bench.store.campaigns.get(bench.id)
    winners = choose_winners(bench.store, record, top=5)
    winner = next(one for one in winners if one.recurrence != "none")
    campaign = plan_certification(record, winners, 1)
    names = ("wide", "wider", "lesioned")
    assert campaign.controls == (*names, *(f"trial-{one.number}" for one in winners))
    other = bench.beside(campaign)
    wider, lesioned = (other.space.control(name) for name in names[1:])
    whole = winner.read_genome()
    assert wider.genome.digest == match_controls(whole)["parameters"].digest
    assert wider.recipe == {**winner.recipe, "weight_decay": 0.01}
    assert recurrence(lesioned.genome) == "none" != recurrence(whole)
    assert lesioned.recipe == winner.recipe
    assert len(drain(other)) == len(names) + len(winners)
    families = {t.control: t.family for t in other.store.results.find(other.id)}
    assert {families[name] for name in names} == {"control"}


def test_a_control_that_cannot_be_derived_may_be_left_out(tmp_path: Path) -> None:
    controls = {"lesioned": {"without": ["feedback"]}, **toys.LOOPS["controls"]}
    bench = finished(tmp_path, space=toys.LOOPS | {"controls": controls})
    record = bench.store.campaigns.get(bench.id)
    winners = choose_winners(bench.store, record, top=1)
    with pytest.raises(CampaignError, match=r"has no feedback.*--trial.*--set") as raised:
        plan_certification(record, winners, 1)
    assert raised.value.where == "space.controls.lesioned"
    without = plan_certification(record, winners, 1, ["controls=[wide]", "recipe.epochs=4"])
    assert without.controls == ("wide", f"trial-{winners[0].number}")
    assert without.recipe.epochs == 4


def test_what_it_amounts_to_is_a_mean_over_seeds(tmp_path: Path) -> None:
    bench = finished(tmp_path)
    other = bench.beside(certified(bench))
    drain(other)
    trials = {trial.number: trial for trial in other.store.results.find(other.id)}
    found = ranking.references(other.store, other.store.campaigns.get(other.id))
    assert [one.top1 for one in found] == sorted((one.top1 for one in found), reverse=True)
    for place, name in enumerate(other.campaign.controls or ()):
        [reference] = [one for one in found if one.name == name]
        scores = [float(trials[place + 3 * seed].top1 or 0.0) for seed in range(SEEDS)]
        assert reference.top1 == pytest.approx(statistics.fmean(scores))
        assert reference.deviation == pytest.approx(statistics.stdev(scores))
        assert (reference.seeds, reference.failed) == (SEEDS, 0)
        assert reference.trial.top1 == max(scores)


def test_failed_seeds_are_counted_and_stopped_ones_are_not(tmp_path: Path) -> None:
    bench = Bench(tmp_path, control_seeds=4, budget={"trials": 4})
    run = bench.begin()
    ends = {0: (3, "finished"), 1: (1, "pruned"), 2: (2, "failed"), 3: (3, "finished")}
    while (found := run.queue.next()) is not None:
        train(run, found, *ends[found.number])
    [reference] = ranking.references(bench.store, bench.store.campaigns.get(bench.id))
    scores = [toys.score(0, 3, 3), toys.score(3, 3, 3)]
    assert reference.top1 == pytest.approx(statistics.fmean(scores))
    assert (reference.name, reference.seeds, reference.failed) == ("wide", 2, 1)


def test_a_campaign_that_cannot_be_read_any_more_shows_its_controls_all_the_same(
    tmp_path: Path,
) -> None:
    bench = finished(tmp_path)
    record = bench.store.campaigns.get(bench.id)
    [before] = ranking.references(bench.store, record)
    [after] = ranking.references(bench.store, replace(record, document={"name": "of old"}))
    assert after == before


def test_more_seeds_later_train_only_what_is_new(tmp_path: Path) -> None:
    bench = finished(tmp_path)
    first = bench.beside(certified(bench, seeds=2))
    drain(first)
    second = bench.beside(certified(bench, seeds=SEEDS))
    numbers = drain(second)
    assert len(numbers) == 3, "one more seed of three networks"
    trials = second.store.results.find(second.id)
    assert len(trials) == 3 * SEEDS
    assert sum(trial.source is not None for trial in trials) == 3 * 2


def test_a_cell_whose_recipe_was_changed_is_certified_with_that_recipe(tmp_path: Path) -> None:
    bench = Bench(tmp_path, controls=[], budget={"trials": 1})
    run = bench.begin()
    found = run.queue.next()
    assert found is not None
    train(run, found, 1, "failed")
    bench.store.campaigns.set_state(bench.id, "finished")
    record, failed = bench.store.campaigns.get(bench.id), bench.store.results.get(bench.id, 0)
    [again] = add_changed(bench.store, bench.home, record, [failed], ["recipe.learning_rate=0.02"])
    trial = bench.store.results.get(bench.id, again)
    other = bench.beside(plan_certification(bench.store.campaigns.get(bench.id), [trial], 1))
    sample = other.space.control(f"trial-{trial.number}")
    assert (sample.digest, sample.recipe) == (trial.digest, {"learning_rate": 0.02})


def test_equal_networks_are_certified_once(tmp_path: Path) -> None:
    twice = {"wide": toys.SPACE["controls"]["wide"], "same": toys.SPACE["controls"]["wide"]}
    bench = finished(tmp_path, space=toys.SPACE | {"controls": twice})
    campaign = certified(bench, top=1)
    best = ranking.best(bench.store, bench.id, 1)[0]
    assert campaign.controls == ("wide", f"trial-{best.number}")
    assert campaign.budget.trials == 2 * SEEDS


def test_a_control_over_a_limit_is_left_out(tmp_path: Path) -> None:
    """The budget would be filled with trials of the sampler's."""
    bench = finished(tmp_path, limits={"parameters": 250})
    assert bench.store.results.get(bench.id, 0).status == "infeasible"
    best = ranking.best(bench.store, bench.id, 1)[0]
    campaign = certified(bench, top=1)
    assert campaign.controls == (f"trial-{best.number}",)
    assert campaign.budget.trials == SEEDS


def test_a_control_with_a_certified_cells_name_is_refused(tmp_path: Path) -> None:
    space = toys.SPACE | {"controls": {"trial-1": toys.SPACE["controls"]["wide"]}}
    bench = finished(tmp_path, space=space)
    trial = bench.store.results.get(bench.id, 1)
    with pytest.raises(CampaignError, match=r"controls\.trial-1.*rename it"):
        plan_certification(bench.store.campaigns.get(bench.id), [trial], 1)


def test_choices_that_now_make_another_network_are_refused(tmp_path: Path) -> None:
    bench = finished(tmp_path)
    trial = bench.store.results.get(bench.id, 1)
    object.__setattr__(trial, "digest", "0" * 16)
    with pytest.raises(CampaignError, match="another network"):
        plan_certification(bench.store.campaigns.get(bench.id), [trial], 1)


@pytest.mark.parametrize(
    ("name", "family", "certified"),
    [
        ("trial-3", "winner", True),
        ("trial-3", "control", False),  # as a user called it
        ("trial-3", None, True),  # put on record by an earlier version
        ("wide", None, False),
        ("trial-3-depth", "depth", False),
    ],
)
def test_a_searched_cell_is_known_by_what_is_on_record(
    store: Store, name: str, family: str | None, certified: bool
) -> None:
    record = new_campaign(store)
    add(store, record.id, 0, origin="control", control=name, family=family)
    score(store, record.id, 0, 0.5)
    [reference] = ranking.references(store, record)
    assert is_certified(reference) == certified
