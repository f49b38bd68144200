"""What verdicts sound like, and what `certify --matched` refuses before anything is trained."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from search.campaign.lineage import read_lineage
from search.review.evidence import Evidence, Lead, Trained
from search.review.verdicts import Comparison, Correlation, judge
from search.upkeep import matched
from search.upkeep.ladders import FIRST
from search.upkeep.matched_certification import Matching
from space.errors import CampaignError, InputError, StoreError
from tests.support.matching import Driver, record_of, search, trials_of
from tests.support.runs import Bench
from ventral.cli import app
from ventral.launching import Launch
from ventral.matching import certify_matched, describe_feedforward, format_evidence
from ventral.output import Format


def trained(name: str, *scores: float) -> Trained:
    family, winner = read_lineage(name)
    return Trained(
        name=name,
        family=family,
        winner=winner,
        recurrent="local" if family == "winner" else "none",
        parameters=1000,
        macs=2000,
        rate=0.01,
        scores=dict(enumerate(scores)),
    )


def sentences(*networks: Trained, luck: float | None = 0.02, seeds: int = 3) -> list[str]:
    first = networks[0]
    verdicts = judge(
        [
            Comparison(
                winner=first.name, against=one.family, scores=first.scores, others=one.scores
            )
            for one in networks[1:]
        ]
    )
    lead = Lead(
        winner=first.name,
        searched=0.8,
        searched_on="validation",
        certified=first.mean,
        certified_on="test",
        luck=luck,
    )
    return format_evidence(
        Evidence(
            campaign="c",
            seeds=tuple(range(seeds)),
            selected_on_test=False,
            networks=networks,
            verdicts=tuple(verdicts),
            leads=(lead,),
            ranks=Correlation(n=1, rho=None),
        )
    )


def test_a_sentence_for_each_verdict_of_each_kind() -> None:
    shown, not_shown, last, failed, luck, ranks = sentences(
        trained("trial-7", 0.80, 0.81, 0.79),
        trained("trial-7-parameters", 0.70, 0.72, 0.69),
        trained("trial-7-macs", 0.79, 0.85, 0.78),
        trained("trial-7-depth", 0.70),
    )
    [better, *_] = sentences(
        trained("trial-7", 0.60, 0.62, 0.61), trained("trial-7-macs", 0.80, 0.81, 0.82)
    )
    assert better.startswith("not shown: ")
    assert better.endswith("; the control is better")
    assert shown == (
        "shown: that trial-7 is better than its parameter-matched control: 80.0 % against 70.3 %, "
        "+9.7 points on average (3 paired seeds, 95 % interval +8.2 to +11.1)"
    )
    assert not_shown.startswith("not shown: that trial-7 is better than its compute-matched")
    assert "-0.7 points" in not_shown
    assert "(1 paired seed, no interval: one seed has no spread)" in last
    assert luck == (
        "luck: trial-7 scored 80.0 % on validation in the search and 80.0 % on test on average "
        "here: +2.0 points of the first were luck"
    )
    assert failed == "failed: trial-7-depth in 2 of 3 trainings; these seeds are in no verdict"
    assert "none of 1 winner" in ranks


def test_a_rate_at_an_end_of_those_tried_is_named_beside_the_verdicts() -> None:
    control = replace(trained("trial-7-macs", 0.5, 0.6), at_edge=True)
    lines = sentences(trained("trial-7", 0.6, 0.8), control)
    [line] = [line for line in lines if line.startswith("learning rates")]
    assert "the best of trial-7-macs;" in line


def test_what_has_no_scores_or_no_luck_is_not_claimed() -> None:
    lines = sentences(trained("trial-7"), trained("trial-7-depth", 0.5), luck=None)
    assert lines[0].endswith("(no seed trained both)")
    assert not any(line.startswith("luck") for line in lines)
    [luck, _] = sentences(trained("trial-7", 0.9), luck=-0.1, seeds=1)
    assert luck.endswith("here: nothing was lost")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A finished search."""
    return search(tmp_path_factory.mktemp("search"))


WANTED = Matching(top=1, numbers=(), seeds=2, overrides=())


def refuse(bench: Bench, wanted: Matching, *, detach: bool = False) -> InputError:
    before = len(list(bench.store.campaigns.all()))
    launch = Launch(output=Format.json, detach=detach)
    with pytest.raises(InputError) as caught:
        certify_matched(record_of(bench), bench.home, bench.store, wanted, launch)
    assert len(list(bench.store.campaigns.all())) == before
    return caught.value


def test_a_feedforward_winner_is_one_sentence_and_nothing_is_trained(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = next(t.number for t in trials_of(bench) if t.cell.startswith("feedforward"))
    error = refuse(bench, replace(WANTED, numbers=(plain,)))
    assert "no recurrent network" in str(error)
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"trial {plain} is feedforward")
    assert "nothing is trained for it" in line


def test_of_many_feedforward_trials_five_are_named(bench: Bench) -> None:
    trials = [replace(trials_of(bench)[0], number=number) for number in range(8)]
    text = describe_feedforward(trials)
    assert text.startswith("trials 0, 1, 2, 3, 4 and 3 more are feedforward")
    assert describe_feedforward(trials[:5]).startswith("trials 0, 1, 2, 3, 4 are feedforward")


def test_all_data_without_validation_images_is_refused_before_anything_is_tuned(
    bench: Bench,
) -> None:
    record = record_of(bench)
    data = record.document["data"] | {"validation": 0}
    of_before = replace(record, document=record.document | {"data": data})
    wanted, launch = replace(WANTED, all_data=True), Launch(output=Format.json)
    before = len(list(bench.store.campaigns.all()))
    with pytest.raises(CampaignError, match="leave --all-data out"):
        certify_matched(of_before, bench.home, bench.store, wanted, launch)
    assert len(list(bench.store.campaigns.all())) == before


def test_two_campaigns_do_not_run_in_the_background(bench: Bench) -> None:
    assert "--detach" in str(refuse(bench, WANTED, detach=True))


@pytest.mark.parametrize("override", ["recipe.epoch=3", "control_seeds=0"])
def test_a_wrong_override_is_refused(bench: Bench, override: str) -> None:
    assert override.partition("=")[0].rpartition(".")[2] in str(
        refuse(bench, replace(WANTED, overrides=(override,)))
    )


def test_one_that_runs_already_is_not_run_twice(tmp_path: Path) -> None:
    own = search(tmp_path)
    winners, _ = matched.select_winners(own.store, own.id, 1)
    listed = matched.list_networks(record_of(own), winners)
    rungs = {one.name: FIRST for one in listed}
    made = matched.plan_tuning(record_of(own), listed, rungs)
    running = own.beside(made)
    own.store.campaigns.set_state(running.id, "running")
    with pytest.raises(StoreError, match=f"{running.id}.* is running already"):
        certify_matched(record_of(own), own.home, own.store, WANTED, Launch(output=Format.json))


def test_the_command_runs_all_campaigns_once_and_goes_on_where_they_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From its options to its exit code; with Ray it is test_certify_matched.py's."""
    bench = search(tmp_path)
    driver = Driver(bench, stop_after=4)
    monkeypatch.setattr("search.driver.run", driver.run)
    monkeypatch.setenv("VENTRAL_HOME", str(tmp_path))

    def certify(*options: str) -> Result:
        command = ["certify", bench.id, "--matched", "--top", "1", "--seeds", "3", *options]
        return CliRunner().invoke(app, [*command, "--no-estimate"])

    stopped = certify("-o", "json")
    assert (stopped.exit_code, stopped.stdout) == (1, "")
    assert "everything is kept: the same command goes on" in stopped.stderr
    assert driver.driven == ["toy-rates"]
    ended = certify("-o", "json")
    assert ended.exit_code == 0
    first = json.loads(ended.stdout)
    # Another round of rates, since some network was best at an end of the first ones.
    assert driver.driven == ["toy-rates", "toy-rates", "toy-rates-2", "toy-matched"]
    assert [one["family"] for one in first["networks"]] == [
        "winner",
        "parameters",
        "macs",
        "depth",
        "control",
    ]
    assert all(len(one["scores"]) == 3 for one in first["networks"])
    assert [one["against"] for one in first["verdicts"]] == ["parameters", "macs", "depth"]
    openings = bench.store.campaigns.openings(bench.id)
    assert [opening.split for opening in openings] == ["test"]
    assert json.loads(certify("-o", "json").stdout) == first
    table = certify()
    assert table.exit_code == 0
    assert table.stdout.count("shown: that trial-") == 3
    assert "toy-matched" in table.stdout
    assert len(driver.driven) == 4
