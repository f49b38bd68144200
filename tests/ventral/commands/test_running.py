"""`ventral submit` and `resume`: what starts, what is refused, and what it says of the costs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from search.store import Store
from search.store.tables import CAMPAIGNS
from tests.support.campaigns import fill
from tests.support.tables import change_rows
from tests.ventral.conftest import Campaign, Shell
from ventral.cells import CERTIFIED_ON_TEST
from ventral.commands import running


def test_a_finished_campaign_has_nothing_to_resume(campaign: Campaign) -> None:
    ended = campaign.shell("resume", campaign.id)
    assert ended.code == 0
    assert "finished" in ended.err


def test_a_dry_run_says_what_it_will_take_and_starts_nothing(
    campaign: Campaign, shell: Shell, campaign_file: Callable[..., Path]
) -> None:
    """With what the campaign of the session has measured of this machine."""
    shell.home.mkdir()
    measured = campaign.shell.home / "calibrations.json"
    (shell.home / "calibrations.json").write_bytes(measured.read_bytes())
    alike = ("--dry-run", "--set", "resources.concurrent=1")
    ended = shell("submit", campaign_file(), *alike, "-o", "json")
    assert ended.code == 0, ended.err
    found = ended.json
    assert found["trials"]["likely"] == 5
    assert 5 <= found["epochs"]["low"] <= found["epochs"]["high"] <= 10
    assert 0 < found["seconds"]["low"] <= found["seconds"]["high"]
    assert found["ends_by"] == "trials"
    assert not (shell.home / "store.db").exists()
    told = shell("submit", campaign_file(), *alike, "--set", "budget.epochs=3")
    assert re.search(r"for (1 to )?[23] trials of (2 to )?3 epochs", told.out)
    assert "budget.epochs ends it before budget.trials does" in told.out


def test_a_submission_mentions_its_estimate(campaign: Campaign) -> None:
    assert "estimate: " in campaign.ended.err
    assert "for 5 trials of" in campaign.ended.err
    assert "core hours" in campaign.ended.err


@pytest.mark.usefixtures("store")
def test_a_submission_is_of_a_file_or_of_a_campaign(shell: Shell) -> None:
    neither = shell.fork("submit")
    assert neither.code == 2
    assert "give a FILE, or --from ID" in neither.err
    unknown = shell.fork("submit", "--from", "nobody", "--dry-run")
    assert unknown.code == 2
    assert "no campaign 'nobody'" in unknown.err


def test_a_network_that_is_none_of_the_space_is_one_error(
    store: Store, shell: Shell, campaign_file: Callable[..., Path]
) -> None:
    known, file = fill(store), campaign_file()
    for network, problem in (
        ("nothing.json", "CAMPAIGN/TRIAL"),
        (f"{known.id}/99", "has no trial 99"),
        (f"{known.id}/1", "is no point of the space motifs-small"),
    ):
        ended = shell.fork("submit", file, "--enqueue", network)
        assert ended.code == 2, ended.err
        error = ended.err.splitlines()[-1]
        assert error.startswith(f"error: enqueue: {network}")
        assert problem in error
    assert [one.id for one in store.campaigns.all()] == [known.id]


@pytest.mark.slow
def test_a_clone_is_answered_by_what_the_original_trained(
    campaign: Campaign, copied: Shell
) -> None:
    shell = copied
    ended = shell(
        *("submit", "--from", campaign.id, "--new", "--no-estimate", "--id-file", "clone.txt"),
        *("--set", "name=clone", "--set", "keep=1"),
    )
    assert ended.code == 0, ended.err
    clone = (shell.folder / "clone.txt").read_text().strip()
    assert f"(from {campaign.id}/1)" in ended.err
    listed = {row["id"]: row["cloned_from"] for row in shell("list", "-o", "json").json}
    assert listed == {clone: campaign.id, campaign.id: None}
    assert "cloned from" in shell("list").out
    theirs = shell("trial", "list", campaign.id, "-o", "json").json
    mine = shell("trial", "list", clone, "-o", "json").json
    assert [row["top1"] for row in mine] == [row["top1"] for row in theirs]
    assert [row["source"] for row in mine] == [f"{campaign.id}/{n}" for n in range(5)]
    status = shell("status", clone, "-o", "json").json
    assert status["ledger"]["reused_trials"] == 5
    assert status["ledger"]["device_hours"] == 0
    assert "5 trials answered by other campaigns" in shell("status", clone).out
    export = shell("export", clone, "--top", "1", "--to", "clones", "-o", "json")
    assert export.code == 0, export.err
    folder = export.json[0]["folder"]
    again = shell("evaluate", folder, "--split", "validation", "-o", "json").json
    assert again["top1"] == again["recorded_top1"]
    assert f"epochs from {campaign.id}/1" in shell("trial", "show", clone, "1").out


def test_a_campaign_whose_budget_is_used_up_says_how_to_go_on(
    campaign: Campaign, copied: Shell
) -> None:
    changes = ("--set", "budget.epochs=1", "--set", "budget.trials=9")
    ended = copied("resume", campaign.id, *changes)
    assert ended.code == 1
    assert "stopped (budget.epochs: 1 are used up)" in ended.err
    assert f"ventral resume {campaign.id} --set budget.epochs=..." in ended.err
    told = copied("status", campaign.id)
    assert "of 1, " in told.out or "of 1\n" in told.out
    assert "ventral resume" in told.err


def test_a_resume_that_cannot_run_changes_nothing(campaign: Campaign, copied: Shell) -> None:
    for options in ((), ("--detach",)):
        more = ("--set", "budget.trials=6", "--set", "resources.cpus=4096")
        ended = copied.fork("resume", campaign.id, *more, *options)
        assert ended.code == 2
        assert "resources.cpus: asks for 4096 cores" in ended.err
    document = Store.open(f"sqlite:///{copied.home}/store.db").campaigns.get(campaign.id).document
    assert document["budget"]["trials"] == 5
    assert copied("status", campaign.id, "-o", "json").json["state"] == "finished"


def test_a_certification_on_the_images_of_the_selection_says_so(
    campaign: Campaign,
    copied: Shell,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Which is so for a campaign of before there were validation images."""
    monkeypatch.setenv("VENTRAL_HOME", str(copied.home))
    launched: list[str] = []
    monkeypatch.setattr(running, "run_campaign", lambda made, *_, **__: launched.append(made.name))
    monkeypatch.setattr(running, "_print_luck", lambda *_: None)  # there is none yet
    running.certify(campaign.id)
    assert CERTIFIED_ON_TEST not in capsys.readouterr().err
    store = Store.open(f"sqlite:///{copied.home}/store.db")
    document = store.campaigns.get(campaign.id).document
    del document["data"]["validation"]
    with change_rows(store) as connection:
        connection.execute(sa.update(CAMPAIGNS).values(document=document))
    store.close()
    running.certify(campaign.id)
    assert CERTIFIED_ON_TEST in capsys.readouterr().err
    assert launched == ["tiny-certified", "tiny-certified"]


BAD_CAMPAIGNS = {
    "misspelt key": ("budget:", "budgets:", 'did you mean "budget"'),
    "misspelt nested key": ("trials: 5", "trails: 5", 'did you mean "trials"'),
    "unknown space": ("motifs-small", "motifs-smal", "motifs-small"),
    "text for a number": ("trials: 5", 'trials: "5"', "without quotes"),
    "no trials": ("trials: 5", "trials: 0", "at least 1"),
    "unknown sampler": ("random", "randon", '"random"'),
    "unknown data": ("name: digits,", "name: digitz,", "digits"),
    "missing data": (
        "{name: digits, size: 8, train_images: 300, test_images: 100}",
        "{name: imagefolder, path: /nowhere/images, size: 8}",
        "/nowhere/images",
    ),
    "GPU that is not here": ("seed: 3", "seed: 3\nresources: {gpus: 9}", "resources.gpus"),
    "rungs beyond the training": ("grace_epochs: 1", "grace_epochs: 8", "recipe.epochs"),
    "not YAML": ("name: tiny", "name: [tiny", "line"),
}


@pytest.mark.parametrize("case", BAD_CAMPAIGNS)
def test_a_bad_campaign_names_field_and_cure_and_writes_nothing(
    shell: Shell, campaign_file: Callable[..., Path], case: str
) -> None:
    old, new, text = BAD_CAMPAIGNS[case]
    ended = shell.fork("submit", campaign_file(old, new))
    assert ended.code == 2, ended.err
    assert text in ended.err
    assert "Traceback" not in ended.err
    assert ended.out == ""
    assert not (shell.home / "campaigns").exists()
    assert not shell("list", "-o", "json").out.strip().strip("[]")


def test_bad_overrides(shell: Shell, campaign_file: Callable[..., Path]) -> None:
    for override, text in (
        ("budget.trails=3", "trails"),
        ("budget.trials=many", "many"),
        ("budget", "PATH=VALUE"),
    ):
        ended = shell.fork("submit", campaign_file(), "--set", override)
        assert ended.code == 2, ended.err
        assert text in ended.err
