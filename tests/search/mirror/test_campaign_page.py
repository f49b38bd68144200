"""The page of a campaign in MLflow: what it says, that there is one, and the report on it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search.host.home import Home
from search.mirror import campaign_page
from search.mirror.campaign_page import (
    COMPARISON_FILE,
    PAGE_TAG,
    page_of,
    publish_report,
    read_environment,
    write_note,
)
from search.mirror.runs import NOTE_TAG
from search.mirror.tracking import Mirror
from search.store import Campaign, Store
from space.space import Space
from tests.support import toys
from tests.support.campaigns import new_campaign
from tests.support.waiting import GUARD


@pytest.fixture
def home(tmp_path: Path, empty_mlflow: Path) -> Home:
    home = Home.at(tmp_path / "home", {})
    home.ensure()
    shutil.copy(empty_mlflow, home.path / "mlflow.db")
    return home


@pytest.fixture
def campaign(store: Store) -> Campaign:
    file = toys.campaign(name="tour", budget={"trials": 20, "device_hours": 2.5})
    space = Space.load("motifs-small").document()
    campaign = new_campaign(store, "tour", file.document(), space)
    data = {"name": "digits", "size": 8, "counts": {"train": 64, "validation": 9}}
    return replace(campaign, data=data)


def pages(home: Home, experiment: str | None) -> list[Any]:
    """The pages in an experiment."""
    from mlflow.tracking import MlflowClient

    client: Any = MlflowClient(tracking_uri=home.tracking_uri)
    return list(client.search_runs([experiment], f"tags.`{PAGE_TAG}` != ''"))


def test_it_says_what_was_searched_by_what_and_where(campaign: Campaign) -> None:
    note = write_note(campaign, {"torch": "2.9"}, "7", "b" * 32)
    for fact in (
        f"| Campaign | {campaign.id} |",
        f"| Space | motifs-small, {len(Space.load('motifs-small').parameters)} choices |",
        "| Data | digits, 8 pixels, 64 train, 9 validation |",
        r"trials 20, device\_hours 2.5",
        "| Environment | torch 2.9 |",
        "[Trials, best first](#/experiments/7/runs?",
    ):
        assert fact in note
    assert "Report" not in note
    linked = write_note(campaign, {}, "7", "b" * 32, reports=["report.html"])
    assert f"[Report](#/experiments/7/runs/{'b' * 32}/artifacts/report.html)" in linked
    assert "Environment" not in linked


def test_signs_of_a_table_in_a_name_do_not_break_it(campaign: Campaign) -> None:
    named = replace(campaign, data={"name": "a|b\nc"})
    [line] = [
        line
        for line in write_note(named, {}, "7", "b" * 32).splitlines()
        if line.startswith("| Data")
    ]
    assert line.count("|") == 4
    assert "a\\|b" in line


def test_its_documents_are_those_of_the_campaign(campaign: Campaign) -> None:
    run = page_of(campaign, {"python": "3.13"})
    document = json.loads(run.files["campaign.json"])
    assert (document["id"], document["name"]) == (campaign.id, "tour")
    assert document["space"] == Space.load("motifs-small").document()
    assert document["document"] == campaign.document
    assert json.loads(run.files["environment.json"]) == {"python": "3.13"}
    assert run == page_of(campaign, {"python": "3.13"})


def test_a_package_that_is_not_there_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {"ventral-search", "python", "system", "cores"} <= read_environment().keys()
    monkeypatch.setattr(campaign_page, "_PACKAGES", ("no-such-package",))
    assert read_environment().keys() == {"python", "system", "cores"}


def test_every_mirror_finds_the_same_page_and_a_report_joins_it(
    store: Store, home: Home, campaign: Campaign
) -> None:
    assert publish_report(home, store.campaigns.get(campaign.id), "<p>early</p>") is None
    backlog = Mirror(store, home, campaign.id).start().close(GUARD)
    assert backlog.error is None
    [page] = pages(home, backlog.experiment)
    assert page.info.status == "FINISHED"
    assert "Report" not in page.data.tags[NOTE_TAG]

    run = publish_report(home, store.campaigns.get(campaign.id), "<p>found</p>")
    assert run == page.info.run_id
    files = home.run_files(campaign.id, page.info.run_id)
    assert (files / "report.html").read_text() == "<p>found</p>"

    assert Mirror(store, home, campaign.id).start().close(GUARD).error is None
    [again] = pages(home, backlog.experiment)
    assert again.info.run_id == run
    assert "[Report](" in again.data.tags[NOTE_TAG], "the next mirror keeps the link"

    record = store.campaigns.get(campaign.id)
    assert publish_report(home, record, "<p>both</p>", file=COMPARISON_FILE) == run
    assert (files / "comparison.html").read_text() == "<p>both</p>"
    assert (files / "report.html").read_text() == "<p>found</p>"
    [compared] = pages(home, backlog.experiment)
    note = compared.data.tags[NOTE_TAG]
    assert note.index("[Report](") < note.index("[Beside other campaigns](")
