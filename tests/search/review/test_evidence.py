"""What a final campaign shows: scores by seed, verdicts by family, luck, the order of winners."""

from __future__ import annotations

import sqlite3
import statistics
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from search.review.evidence import Evidence, rank_leads, read_evidence, read_leads
from search.review.verdicts import correlate_ranks
from search.upkeep.certification import plan_certification
from search.upkeep.matched import list_networks, plan_final, select_winners
from tests.support import toys
from tests.support.matching import carry_out, record_of, search, trials_of
from tests.support.runs import Bench, train
from workers.job import ScoredSplit

SEEDS = 3


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A finished search, whose own record no test changes."""
    return search(tmp_path_factory.mktemp("search"))


def run_final(bench: Bench, top: int = 3, trials: int = 1000) -> tuple[Bench, Evidence]:
    """The final campaign of a search, and what that shows."""
    winners, _ = select_winners(bench.store, bench.id, top)
    made = list_networks(record_of(bench), winners)
    chosen = {one.name: 0 for one in made}
    done = bench.beside(plan_final(record_of(bench), made, chosen, SEEDS))
    carry_out(done, trials)
    return done, read_evidence(done.store, record_of(done), winners)


def test_scores_are_those_of_the_trials_and_pair(bench: Bench) -> None:
    done, evidence = run_final(bench)
    trials = trials_of(done)
    assert len(evidence.seeds) == SEEDS
    for one in evidence.networks:
        assert set(one.scores) == set(evidence.seeds)
        assert one.mean == pytest.approx(statistics.fmean(one.scores.values()))
        assert one.deviation == pytest.approx(statistics.stdev(one.scores.values()))
        if one.family == "winner":
            [digest] = {trial.digest for trial in trials if trial.top1 in one.scores.values()} & {
                trial.digest for trial in trials if trial.parameters == one.parameters
            }
            own = {trial.seed: trial.top1 for trial in trials if trial.digest == digest}
            assert own == one.scores
    assert len(evidence.verdicts) == 3 * 3
    for verdict in evidence.verdicts:
        [winner] = [one for one in evidence.networks if one.name == verdict.winner]
        [control] = [
            one
            for one in evidence.networks
            if (one.winner, one.family) == (winner.winner, verdict.against)
        ]
        assert verdict.difference == pytest.approx((winner.mean or 0) - (control.mean or 0))
        assert verdict.seeds == SEEDS


def test_trainings_without_a_name_on_record_are_known_by_their_networks(tmp_path: Path) -> None:
    done, evidence = run_final(search(tmp_path), 1)
    [first, *_] = evidence.networks
    file = done.home.store_url.removeprefix("sqlite:///")
    for where in (f"control = '{first.name}'", "true"):
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute(f"UPDATE trials SET control = NULL WHERE {where}")
        assert read_again(done).networks == evidence.networks


def read_again(done: Bench) -> Evidence:
    """The evidence of a final campaign without what is known of its winners."""
    return read_evidence(done.store, record_of(done), ())


def test_a_control_that_is_another_one_too_has_its_scores(bench: Bench) -> None:
    """Its trainings are on record under the other's name."""
    winners, _ = select_winners(bench.store, bench.id, 1)
    made = list_networks(record_of(bench), winners)
    campaign = plan_final(record_of(bench), made, {one.name: 0 for one in made}, SEEDS)
    assert isinstance(campaign.space, dict)
    twin = {"twin": campaign.space["controls"][made[0].name]}
    space = campaign.space | {"controls": campaign.space["controls"] | twin}
    names = (*(campaign.controls or ()), "twin")
    done = bench.beside(campaign.model_copy(update={"space": space, "controls": names}))
    carry_out(done)
    by_name = {one.name: one for one in read_again(done).networks}
    assert len(by_name["twin"].scores) == SEEDS
    assert by_name["twin"].scores == by_name[made[0].name].scores


def test_edges_are_marked(bench: Bench) -> None:
    done, evidence = run_final(bench, 1, trials=1)
    winners, _ = select_winners(bench.store, bench.id, 1)
    name = evidence.networks[2].name
    marked = read_evidence(done.store, record_of(done), winners, [name])
    assert [one.name for one in marked.networks if one.at_edge] == [name]
    assert [one["at_edge"] for one in evidence.document()["networks"]] == [False] * 5


def test_what_matches_is_seen_in_the_numbers(bench: Bench) -> None:
    _, evidence = run_final(bench, 1)
    winner, parameters, macs, depth, plain = evidence.networks
    assert parameters.parameters == pytest.approx(winner.parameters, rel=0.02)
    assert macs.macs == pytest.approx(winner.macs, rel=0.02)
    assert (winner.recurrent, depth.recurrent) == ("local", "none")
    assert plain.family == "control"
    assert "plain" not in {verdict.against for verdict in evidence.verdicts}


def test_luck_is_the_searchs_score_less_the_certified_one(bench: Bench) -> None:
    _, evidence = run_final(bench, 2)
    for lead, winner in zip(
        evidence.leads, [one for one in evidence.networks if one.family == "winner"], strict=True
    ):
        searched = (
            bench.store.results.get(bench.id, int(winner.name.removeprefix("trial-"))).top1 or 0.0
        )
        assert lead.searched == searched
        assert (lead.searched_on, lead.certified_on) == splits_of(bench, evidence)
        assert lead.luck == pytest.approx(searched - (winner.mean or 0))


def splits_of(bench: Bench, evidence: Evidence) -> tuple[str, str]:
    """What the trials of a search, and of its final campaign, are scored on."""
    [searched] = {trial.split for trial in trials_of(bench)}
    [certified] = {trial.split for trial in bench.store.results.find(evidence.campaign)}
    return searched, certified


@pytest.mark.parametrize("split", ["validation", "test"])
def test_winners_that_were_selected_on_test_are_marked(bench: Bench, split: ScoredSplit) -> None:
    done, _ = run_final(bench, 1, trials=1)
    winners, _ = select_winners(bench.store, bench.id, 1)
    selected = [replace(winner, split=split) for winner in winners]
    evidence = read_evidence(done.store, record_of(done), selected)
    assert evidence.document()["selected_on_test"] is (split == "test")
    assert [lead.searched_on for lead in evidence.leads] == [split]


def test_a_training_that_failed_for_every_network_is_null_for_all(bench: Bench) -> None:
    """Its seed is one of the campaign's still."""
    winners, _ = select_winners(bench.store, bench.id, 1)
    made = list_networks(record_of(bench), winners)
    done = bench.beside(plan_final(record_of(bench), made, {o.name: 0 for o in made}, SEEDS))
    run, first = done.begin(), done.campaign.seed
    while (assignment := run.queue.next()) is not None:
        seed = bench.store.results.get(done.id, assignment.number).seed
        train(run, assignment, *((1, "failed") if seed == first else (3,)))
    evidence = read_evidence(done.store, record_of(done), winners)
    assert evidence.seeds[0] == first
    for one in evidence.document()["networks"]:
        assert [score is None for score in one["scores"]] == [True, False, False]


def test_a_certification_without_matched_controls_says_the_luck_too(bench: Bench) -> None:
    winners, _ = select_winners(bench.store, bench.id, 3)
    done = bench.beside(plan_certification(record_of(bench), winners, SEEDS))
    carry_out(done)
    leads = read_leads(done.store, record_of(done), winners)
    assert [lead.winner for lead in leads] == [f"trial-{trial.number}" for trial in winners]
    for lead, trial in zip(leads, winners, strict=True):
        scores = [one.top1 or 0.0 for one in trials_of(done) if one.digest == trial.digest]
        assert len(scores) == SEEDS
        assert lead.certified == pytest.approx(statistics.fmean(scores))
        assert lead.luck == pytest.approx((trial.top1 or 0.0) - statistics.fmean(scores))
    searched = [trial.top1 or 0.0 for trial in winners]
    expected = correlate_ranks(searched, [lead.certified or 0.0 for lead in leads])
    assert rank_leads(leads) == expected


def test_a_campaign_that_is_not_over_shows_what_is_there(bench: Bench) -> None:
    """Of five networks the first four were trained, with one seed of three."""
    _, evidence = run_final(bench, 1, trials=4)
    assert [len(one.scores) for one in evidence.networks] == [1, 1, 1, 1, 0]
    assert all(verdict.low is None and not verdict.shown for verdict in evidence.verdicts)
    first, last = (evidence.document()["networks"][place]["scores"] for place in (0, 4))
    assert [score is None for score in first] == [False, True, True]
    assert last == [None] * SEEDS


def test_a_training_that_failed_leaves_its_pair_out(bench: Bench) -> None:
    winners, _ = select_winners(bench.store, bench.id, 1)
    made = list_networks(record_of(bench), winners)
    done = bench.beside(plan_final(record_of(bench), made, {o.name: 0 for o in made}, SEEDS))
    run = done.begin()
    while (assignment := run.queue.next()) is not None:
        train(run, assignment, *((1, "failed") if assignment.number == 0 else (3,)))
    evidence = read_evidence(done.store, record_of(done), winners)
    assert [verdict.seeds for verdict in evidence.verdicts] == [SEEDS - 1] * 3
    first = evidence.document()["networks"][0]["scores"]
    assert len(evidence.seeds) == len(first) == SEEDS
    assert sorted(score is None for score in first) == [False, False, True]
    assert set(first) == {None, toys.score(5, 3, 3), toys.score(10, 3, 3)}
