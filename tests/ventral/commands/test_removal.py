"""`ventral rm` deletes a campaign, its files and its runs, and says before what that would be."""

from __future__ import annotations

from search.host.home import Home
from search.store import Store
from tests.support.campaigns import fill
from tests.ventral.conftest import Campaign, Shell


def test_what_is_not_there_is_one_line(store: Store, shell: Shell) -> None:
    fill(store)
    ended = shell("rm", "nobody")
    assert ended.code == 2
    assert len(ended.err.splitlines()) == 1, ended.err


def test_a_real_campaign_is_removed_with_its_runs(campaign: Campaign, copied: Shell) -> None:
    shell, home = copied, Home.at(copied.home)
    assert shell("note", f"{campaign.id}/1", "kept").code == 0
    doomed = shell("rm", "tiny", "--dry-run", "-o", "json").json
    assert doomed["rows"]["trials"] == doomed["runs"] == 5
    assert doomed["bytes"] > 0
    assert [row["id"] for row in shell("list", "-o", "json").json] == [campaign.id]
    text = shell("rm", "tiny", "--dry-run").out
    assert "runs in MLflow: 5" in text
    assert home.campaign(campaign.id).is_dir()
    ended = shell("rm", campaign.id, "-o", "json")
    assert ended.code == 0, ended.err
    assert ended.json == doomed
    assert shell("list", "-o", "json").json == []
    assert not home.campaign(campaign.id).exists()
    assert not (home.artifacts / campaign.id).exists()
    assert [item["what"] for item in shell("gc", "--dry-run", "-o", "json").json] == ["pack"]
