"""Winners and their matched controls: what is trained, with which rates, from which seeds."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from search.campaign import Campaign
from search.campaign.lineage import name_rate, read_lineage
from search.review.evidence import choose_rungs, read_evidence
from search.store import Campaign as Record
from search.upkeep.ladders import FIRST, rate_at
from search.upkeep.matched import (
    Network,
    group_networks,
    list_networks,
    plan_final,
    select_winners,
)
from search.upkeep.matched import plan_tuning as tuning_of
from space.errors import CampaignError, InputError
from space.genome import Genome
from space.recurrence import recurrence
from space.unroll.cost import cost
from tests.support.matching import SPACE, carry_out, record_of, search, trials_of
from tests.support.runs import Bench

SEEDS = 3


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A finished search, whose own record no test changes."""
    return search(tmp_path_factory.mktemp("search"))


def tuning(record: Record, made: Sequence[Network], number: int = 1) -> Campaign:
    """The tuning campaign at the first rungs of all ladders."""
    return tuning_of(record, made, dict.fromkeys(_names(made), FIRST), number=number)


def _names(made: Sequence[Network]) -> list[str]:
    return [one.name for one in made]


def _own_rates(made: Sequence[Network]) -> dict[str, int]:
    return dict.fromkeys(_names(made), 0)


def listed(bench: Bench, top: int = 1) -> list[Network]:
    winners, _ = select_winners(bench.store, bench.id, top)
    return list_networks(record_of(bench), winners)


def test_winners_are_the_best_recurrent_ones_and_what_is_feedforward_is_named(
    bench: Bench,
) -> None:
    kinds = {t.number: recurrence(_genome(bench, t.number)) for t in trials_of(bench)}
    ranked = sorted(trials_of(bench)[1:], key=lambda t: -(t.top1 or 0))
    loops = [trial.number for trial in ranked if kinds[trial.number] != "none"]
    assert 0 < len(loops) < len(ranked)
    winners, feedforward = select_winners(bench.store, bench.id, len(loops))
    assert [trial.number for trial in winners] == loops
    before = ranked[: [trial.number for trial in ranked].index(loops[-1])]
    assert {trial.number for trial in feedforward} == {t.number for t in before} - {*loops}
    plain = next(number for number, kind in kinds.items() if kind == "none")
    winners, feedforward = select_winners(bench.store, bench.id, 1, [loops[0], plain])
    assert ([t.number for t in winners], [t.number for t in feedforward]) == ([loops[0]], [plain])


def test_a_trial_that_was_stopped_early_comes_last_and_has_no_luck(tmp_path: Path) -> None:
    bench = search(tmp_path)
    [first, second, *_] = select_winners(bench.store, bench.id, 2)[0]
    alter(bench, first.number, status="pruned")
    winners, _ = select_winners(bench.store, bench.id, 100)
    assert winners[0].number == second.number
    assert {trial.status for trial in winners[:-1]} == {"finished"}
    assert (winners[-1].number, winners[-1].status) == (first.number, "pruned")
    both = [winners[0], winners[-1]]
    made = list_networks(record_of(bench), both)
    record = record_of(bench.beside(plan_final(record_of(bench), made, _own_rates(made), 1)))
    evidence = read_evidence(bench.store, record, both)
    assert [lead.winner for lead in evidence.leads] == [f"trial-{second.number}"]
    unscored = replace(winners[0], top1=None)
    assert read_evidence(bench.store, record, [unscored]).leads == ()


def test_a_trial_of_which_it_is_not_known_is_no_winner(tmp_path: Path) -> None:
    bench = search(tmp_path)
    [best] = select_winners(bench.store, bench.id, 1)[0]
    alter(bench, best.number, recurrence=None)
    [second] = select_winners(bench.store, bench.id, 1)[0]
    assert second.number != best.number
    with pytest.raises(CampaignError, match=rf"trial {best.number}: .*no network"):
        select_winners(bench.store, bench.id, 1, [best.number])


def alter(bench: Bench, number: int, **columns: str | None) -> None:
    """Change what is on record of a trial."""
    file = bench.home.store_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(file)) as connection, connection:
        for column, value in columns.items():
            connection.execute(
                f"UPDATE trials SET {column} = ? WHERE campaign = ? AND number = ?",
                (value, bench.id, number),
            )


def _genome(bench: Bench, number: int) -> Genome:
    return bench.store.results.get(bench.id, number).read_genome()


def test_each_winner_has_three_controls_and_the_campaigns_own_come_last(bench: Bench) -> None:
    made = listed(bench, 2)
    families = ["winner", "parameters", "macs", "depth"]
    assert [one.family for one in made] == [*families * 2, "control"]
    assert [read_lineage(one.name) for one in made] == [(one.family, one.winner) for one in made]
    assert [read_lineage(name_rate(one.name, -2)) for one in made[:-1]] == [
        (one.family, one.winner) for one in made[:-1]
    ]
    assert all((recurrence(one.genome) == "none") == (one.family != "winner") for one in made)
    assert {tuple(one.recipe.items()) for one in made[:4]} == {tuple(made[0].recipe.items())}


def test_a_feedforward_winner_is_one_error(bench: Bench) -> None:
    plain = next(t for t in trials_of(bench) if recurrence(_genome(bench, t.number)) == "none")
    trial = bench.store.results.get(bench.id, plain.number)
    with pytest.raises(InputError, match=rf"trial {plain.number}.*is feedforward"):
        list_networks(record_of(bench), [trial])


def test_all_networks_are_tuned_over_the_same_multiples_of_the_winners_rate(
    bench: Bench,
) -> None:
    made = listed(bench)
    campaign = tuning(record_of(bench), made)
    own = made[0].recipe["learning_rate"]
    ladder = [rate_at(own, rung) for rung in FIRST]
    assert ladder == pytest.approx([own / 3, own, 3 * own], rel=1e-3)
    assert campaign.budget.trials == 3 * len(made)
    tuned = bench.beside(campaign)
    assert carry_out(tuned) == campaign.budget.trials
    trained = trials_of(tuned)
    assert {trial.origin for trial in trained} == {"control"}
    assert {trial.seed for trial in trained} == {campaign.seed}
    assert campaign.seed != bench.campaign.seed
    by_digest: dict[str, list[float]] = {}
    for trial in trained:
        by_digest.setdefault(trial.digest, []).append(trial.recipe["learning_rate"])
    assert [by_digest[one.genome.digest] for one in made[:4]] == [ladder] * 4
    # As built there, for the images of the data.
    assert {trial.digest for trial in trained} == {one.genome.digest for one in made}


def test_the_best_rate_is_taken_and_the_own_one_where_nothing_is_better(bench: Bench) -> None:
    made = listed(bench)
    tuned = bench.beside(tuning(record_of(bench), made))
    tried = dict.fromkeys(_names(made), FIRST)
    own = dict.fromkeys(tried, 0)
    assert choose_rungs(bench.store, [record_of(tuned)], tried) == own, "nothing is trained yet"
    carry_out(tuned)
    further = {name: [2] for name in _names(made)[:4]}
    second = bench.beside(tuning_of(record_of(bench), made, further, number=2))
    assert second.campaign.seed == tuned.campaign.seed
    assert second.campaign.name != tuned.campaign.name
    assert carry_out(second) == 4
    tried |= dict.fromkeys(further, (*FIRST, 2))
    chosen = choose_rungs(bench.store, [record_of(tuned), record_of(second)], tried)
    for one in made:
        base = bench.campaign.recipe.overlaid(one.recipe).learning_rate
        scores = {
            trial.recipe["learning_rate"]: trial.top1 or 0.0
            for trial in [*trials_of(tuned), *trials_of(second)]
            if trial.digest == one.genome.digest
        }
        assert len(scores) == len(tried[one.name])
        assert scores[rate_at(base, chosen[one.name])] == max(scores.values())


def test_a_winner_is_tuned_with_its_controls(bench: Bench) -> None:
    made = listed(bench, 2)
    groups = group_networks(made)
    assert [len(one) for one in groups] == [4, 4, 1]
    assert groups == [_names(made[:4]), _names(made[4:8]), _names(made[8:])]


def test_the_final_trainings_pair_by_seeds_that_nothing_was_decided_by(bench: Bench) -> None:
    made = listed(bench, 2)
    tuned = tuning(record_of(bench), made)
    chosen = {one.name: FIRST[place % 3] for place, one in enumerate(made)}
    campaign = plan_final(record_of(bench), made, chosen, SEEDS)
    done = bench.beside(campaign, certifies=bench.id)
    assert (campaign.recipe.score_on, campaign.recipe.train_on) == ("test", "train")
    assert (tuned.recipe.score_on, tuned.recipe.train_on) == ("validation", "train")
    assert carry_out(done) == len(made) * SEEDS == campaign.budget.trials
    seeds: dict[str, set[int]] = {}
    for trial in trials_of(done):
        seeds.setdefault(trial.digest, set()).add(trial.seed)
        [name] = {one.name for one in made if one.genome.digest == trial.digest}
        [same] = {(one.family, one.winner) for one in made if one.name == name}
        assert (trial.control, trial.family, trial.winner) == (name, *same)
        own = next(one for one in made if one.name == name).recipe
        rate = bench.campaign.recipe.overlaid(own).learning_rate
        assert trial.recipe["learning_rate"] == rate_at(rate, chosen[name])
    assert len({frozenset(one) for one in seeds.values()}) == 1
    decided = {bench.campaign.seed, tuned.seed}
    assert not decided & {trial.seed for trial in trials_of(done)}


def test_made_again_they_are_the_same_and_interrupted_they_go_on(bench: Bench) -> None:
    campaign = tuning(record_of(bench), listed(bench))
    begun = bench.beside(campaign)
    assert carry_out(begun, 4) == 4
    again = tuning(record_of(bench), listed(bench))
    assert Campaign.parse(record_of(begun).document) == again
    assert carry_out(begun) == campaign.budget.trials - 4


def test_one_network_under_two_names_is_trained_once(bench: Bench) -> None:
    """The winner of two trials, say, one of which was retried."""
    made = listed(bench)
    twice = [*made, replace(made[0], name="trial-99", winner="trial-99")]
    assert plan_final(
        record_of(bench), twice, dict.fromkeys(_names(twice), 0), 2
    ).budget.trials == 2 * len(made)


def test_a_control_may_be_larger_than_the_search_allowed(bench: Bench, tmp_path: Path) -> None:
    """Else what it is to match would leave it out."""
    most = max(cost(_genome(bench, trial.number)).macs for trial in trials_of(bench))
    limited = search(tmp_path, limits={"macs": most, "parameters": 10**6})
    campaign = tuning(record_of(limited), listed(limited))
    assert (campaign.limits.macs, campaign.limits.parameters) == (None, None)


def test_what_does_not_fit_the_device_is_one_error(bench: Bench) -> None:
    record = record_of(bench)
    limits = record.document["limits"] | {"memory": 1}
    small = replace(record, document=record.document | {"limits": limits})
    with pytest.raises(CampaignError, match=r"trial-\d+-rate-1: may not be trained: .*memory"):
        tuning(small, listed(bench))


def test_more_winners_than_one_campaign_holds_are_refused(bench: Bench) -> None:
    made = listed(bench)
    many = [
        replace(one, name=f"{one.name}{copy}", winner=f"trial-{copy}")
        for one in made
        for copy in range(6)
    ]
    with pytest.raises(CampaignError, match=r"top: 6 winners are 30 .*certify at most 3 at once"):
        tuning(record_of(bench), many)


def test_a_control_with_a_winners_name_is_refused(tmp_path: Path) -> None:
    space = SPACE | {"controls": {"trial-3-depth": SPACE["controls"]["plain"]}}
    bench = search(tmp_path, space=space)
    with pytest.raises(CampaignError, match=r"controls\.trial-3-depth.*rename it"):
        listed(bench)


def test_choices_that_now_make_another_network_are_refused(bench: Bench) -> None:
    winners, _ = select_winners(bench.store, bench.id, 1)
    with pytest.raises(CampaignError, match="another network"):
        list_networks(record_of(bench), [replace(winners[0], digest="0" * 16)])


def test_cheaper_epochs_of_fewer_steps_have_all_steps_where_there_are_no_more(
    tmp_path: Path,
) -> None:
    """A feedforward network is read once: it has no fewer steps, and is trained as it is."""
    fidelity = [{"until": 1, "steps": 3}, {"until": 2, "steps": 3, "images": 0.5}]
    bench = search(tmp_path, recipe={"epochs": 3, "fidelity": fidelity})
    made = listed(bench)
    whole = {"until": 2, "size": None, "steps": None, "images": 0.5}
    assert [one.recipe.get("fidelity") for one in made] == [None, *[[whole]] * 3, None]


def test_the_epochs_are_those_of_the_search(tmp_path: Path) -> None:
    space = SPACE | {"recipe": SPACE["recipe"] | {"epochs": 3}}
    bench = search(tmp_path, space=space, recipe={})
    campaign = tuning(record_of(bench), listed(bench))
    assert isinstance(campaign.space, dict)
    assert campaign.space["recipe"] == {"epochs": 3}


def test_final_trainings_may_take_the_validation_images_where_there_are_any(bench: Bench) -> None:
    made = listed(bench)
    chosen = dict.fromkeys(_names(made), 0)
    record = record_of(bench)
    campaign = plan_final(record, made, chosen, 1, all_data=True)
    assert (campaign.recipe.score_on, campaign.recipe.train_on) == ("test", "train+validation")
    data = record.document["data"] | {"validation": 0}
    of_before = replace(record, document=record.document | {"data": data})
    with pytest.raises(CampaignError, match=r"data\.validation"):
        plan_final(of_before, made, chosen, 1, all_data=True)


def test_rates_are_never_chosen_by_the_test_split(bench: Bench) -> None:
    """Not where the winner is a trial of a certification either."""
    record = record_of(bench)
    recipe = record.document["recipe"] | {"score_on": "test", "train_on": "train+validation"}
    certified = replace(record, document=record.document | {"recipe": recipe})
    campaign = tuning(certified, listed(bench))
    assert (campaign.recipe.score_on, campaign.recipe.train_on) == ("validation", "train")


@pytest.mark.parametrize(
    ("override", "campaigns"),
    [
        ("seed=5", {"rates", "matched"}),
        ("recipe.score_on=test", {"rates"}),
        ("recipe.score_on=validation", {"matched"}),
        ("recipe.train_on=train+validation", {"matched"}),
        ("data.validation=0", {"rates"}),
        ("control_seeds=2 budget.trials=10", {"matched"}),
        ("controls=[plain] budget.trials=3", {"matched"}),
    ],
)
def test_no_override_changes_what_makes_the_comparison_fair(
    bench: Bench, override: str, campaigns: set[str]
) -> None:
    made, record = listed(bench), record_of(bench)
    overrides = override.split()
    refused = pytest.raises(CampaignError, match=f"{override.partition('=')[0]}.*comparison fair")
    if "rates" in campaigns:
        with refused:
            tuning_of(record, made, dict.fromkeys(_names(made), FIRST), overrides)
    if "matched" in campaigns:
        with refused:
            plan_final(record, made, dict.fromkeys(_names(made), 0), SEEDS, overrides)


def test_other_overrides_are_taken(bench: Bench) -> None:
    made = listed(bench)
    campaign = tuning_of(
        record_of(bench), made, dict.fromkeys(_names(made), FIRST), ["recipe.epochs=2"]
    )
    assert campaign.recipe.epochs == 2
