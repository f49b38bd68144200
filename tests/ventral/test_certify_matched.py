"""`ventral certify --matched`: a winner beside its matched controls, by the command line."""

import shutil

import pytest

from tests.ventral.conftest import Campaign, Ended, Shell

pytestmark = pytest.mark.slow
"""Ray is started for each of two to four campaigns; test_matching.py has the command without."""

SEEDS = 2
MATCHED = ("--matched", "--top", "1", "--seeds", str(SEEDS), "--set", "recipe.epochs=1")


@pytest.fixture(scope="module")
def shell(campaign: Campaign, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A home with the tiny campaign, beside that of the other tests."""
    folder = tmp_path_factory.mktemp("matched") / "campaign"
    shutil.copytree(campaign.shell.folder, folder)
    return Shell(folder)


@pytest.fixture(scope="module")
def certified(campaign: Campaign, shell: Shell) -> Ended:
    ended = shell("certify", campaign.id, *MATCHED, "--no-estimate", "-o", "json")
    assert ended.code == 0, ended.err
    return ended


def test_networks_and_verdicts(campaign: Campaign, shell: Shell, certified: Ended) -> None:
    networks = {one["family"]: one for one in certified.json["networks"]}
    assert [*networks] == ["winner", "parameters", "macs", "depth", "control"]
    winner = networks["winner"]
    assert winner["recurrent"] != "none"
    assert networks["parameters"]["parameters"] == pytest.approx(winner["parameters"], rel=0.02)
    assert networks["macs"]["macs"] == pytest.approx(winner["macs"], rel=0.02)
    assert {networks[family]["recurrent"] for family in ("parameters", "macs", "depth")} == {
        "none"
    }
    assert all(len(one["scores"]) == SEEDS for one in networks.values())
    assert all(0 <= score <= 1 for one in networks.values() for score in one["scores"])
    for verdict in certified.json["verdicts"]:
        assert verdict["winner"] == winner["name"]
        scores = zip(winner["scores"], networks[verdict["against"]]["scores"], strict=True)
        differences = [mine - theirs for mine, theirs in scores]
        assert verdict["difference"] == pytest.approx(sum(differences) / SEEDS)
        assert verdict["shown"] == ((verdict["low"] or 0) > 0)
    assert [one["against"] for one in certified.json["verdicts"]] == [
        "parameters",
        "macs",
        "depth",
    ]
    listed = {one["name"]: one for one in shell("list", "-o", "json").json}
    assert {"tiny", "tiny-rates", "tiny-matched"} <= set(listed)
    trials = shell("trial", "list", "tiny-rates", "-o", "json").json
    assert len(trials) == 3 * len(networks)
    assert {trial["split"] for trial in trials} == {"validation"}
    final = shell("trial", "list", "tiny-matched", "-o", "json").json
    assert {trial["split"] for trial in final} == {"test"}
    assert shell("status", campaign.id, "-o", "json").json["test_openings"] == 1


def test_the_same_command_trains_nothing_again_and_says_the_verdicts(
    campaign: Campaign, shell: Shell, certified: Ended
) -> None:
    before = shell("list", "-o", "json").json
    assert certified.json["campaign"] in {one["id"] for one in before}
    again = shell("certify", campaign.id, *MATCHED)
    assert again.code == 0, again.err
    assert shell("list", "-o", "json").json == before
    assert again.out.count("shown: that trial-") == 3
    assert "luck: trial-" in again.out
    assert "rank correlation" in again.out
    assert "compute-matched" in again.out
