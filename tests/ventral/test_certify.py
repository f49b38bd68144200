"""`ventral certify`: the best cells of a campaign from other seeds, by the command line."""

import shutil
import statistics
from pathlib import Path

import pytest

import ventral
from tests.ventral.conftest import Campaign, Ended, Shell

SEEDS = 2
OPTIONS = ("--top", "1", "--seeds", str(SEEDS), "--no-estimate", "-o", "json")


@pytest.fixture(scope="module")
def shell(campaign: Campaign, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A home with the tiny campaign, beside that of the other tests."""
    folder = tmp_path_factory.mktemp("certify") / "campaign"
    shutil.copytree(campaign.shell.folder, folder)
    return Shell(folder)


@pytest.fixture(scope="module")
def certified(campaign: Campaign, shell: Shell) -> Ended:
    ended = shell("certify", campaign.id, *OPTIONS)
    assert ended.code == 0, ended.err
    return ended


def test_means_over_seeds_are_those_of_the_trials(
    campaign: Campaign, shell: Shell, certified: Ended
) -> None:
    best = shell("top", campaign.id, "-n", "1", "-o", "json").json[0]
    rows = {row["network"]: row for row in certified.json}
    assert set(rows) == {"feedforward", f"trial-{best['trial']}"}
    trials = shell("trial", "list", "tiny-certified", "-o", "json").json
    assert len(trials) == 2 * SEEDS
    for row in rows.values():
        scores = [one["top1"] for one in trials if one["digest"] == row["digest"]]
        assert len(scores) == row["seeds"] == SEEDS
        assert row["top1"] == pytest.approx(statistics.fmean(scores))
        assert row["deviation"] == pytest.approx(statistics.stdev(scores))
    cell, control = rows[f"trial-{best['trial']}"], rows["feedforward"]
    assert cell["digest"] == best["digest"]
    assert cell["gain"] == pytest.approx(cell["top1"] - control["top1"])
    assert "gain" not in control


def test_the_luck_of_each_winner_is_said(campaign: Campaign, certified: Ended) -> None:
    best = campaign.shell("top", campaign.id, "-n", "1", "-o", "json").json[0]
    assert f"luck: trial-{best['trial']} scored " in certified.err
    assert "rank correlation of the search's scores with these: none of 1 winner" in certified.err


def test_top_shows_them_again(shell: Shell, certified: Ended) -> None:
    assert shell("top", "tiny-certified", "-o", "json").json == certified.json
    told = shell("top", "tiny-certified").out
    assert "+-" in told
    assert "feedforward" in told


def test_a_second_time_nothing_is_trained(
    campaign: Campaign, shell: Shell, certified: Ended
) -> None:
    """By a notebook, which gets the same networks."""
    again = ventral.certify(campaign.id, top=1, seeds=SEEDS, home=shell.home)
    assert again.run.state == "finished"
    assert {one.name: one.top1 for one in again.networks} == {
        row["network"]: row["top1"] for row in certified.json
    }
    status = shell("status", again.run.campaign_id, "-o", "json").json
    assert status["ledger"]["reused_trials"] == 2 * SEEDS


def test_a_certified_cell_can_be_exported(shell: Shell, certified: Ended, tmp_path: Path) -> None:
    trial = str(certified.json[0]["trial"])
    ended = shell("export", "tiny-certified", "--trial", trial, "--to", tmp_path, "-o", "json")
    assert ended.code == 0, ended.err
    [row] = ended.json
    assert row["digest"] == certified.json[0]["digest"]
    assert (Path(row["folder"]) / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("nothing",), "no campaign 'nothing'"),
        (("tiny", "--seeds", "0"), "--seeds"),
        (("tiny", "--trial", "99"), "has no trial 99"),
        (("tiny", "--set", "recipe.epoch=3"), 'unknown key "epoch"'),
        (("tiny", "--set", "control_seeds=0"), "control_seeds"),
    ],
)
def test_what_cannot_be_certified_is_refused(
    shell: Shell, options: tuple[str, ...], told: str
) -> None:
    before = shell("list", "-o", "json").json
    ended = shell("certify", *options)
    assert (ended.code, "Traceback" in ended.err) == (2, False)
    assert told in ended.err
    assert shell("list", "-o", "json").json == before
