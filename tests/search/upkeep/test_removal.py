"""A campaign is removed whole, whatever interrupts it; what speaks against it is asked first."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from search.store import Campaign
from search.upkeep import removal
from search.upkeep.naming import choose_campaign
from search.upkeep.removal import plan_removal, remove_campaign
from space.errors import InputError, StoreError, VentralError
from tests.support.bench import StoreBench
from tests.support.campaigns import fill

BYTES = 1000


class Bench(StoreBench):
    """A finished campaign with checkpoints, files of runs and a report, and another one."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.campaign, self.other = self.add(), self.add()

    def add(self) -> Campaign:
        record = fill(self.store)
        self.store.campaigns.set_state(record.id, "finished")
        for file in (
            self.home.trial(record.id, 1) / "checkpoint" / "tensors",
            self.home.run_files(record.id, "run") / "cell.svg",
            self.home.report(record.id),
        ):
            self.home.ensure(file.parent)
            file.write_bytes(b"x" * BYTES)
        return self.store.campaigns.get(record.id)

    def exists(self, record: Campaign) -> list[bool]:
        """Whether its files are there, and its rows."""
        places = [self.home.campaign(record.id), self.home.artifacts / record.id]
        rows = bool(self.store.removal.count_rows(record.id))
        return [*(place.exists() for place in places), self.home.report(record.id).exists(), rows]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "home")


def test_what_would_be_deleted_is_said_and_is_what_is_deleted(bench: Bench) -> None:
    doomed = plan_removal(bench.store, bench.home, bench.campaign)
    assert (doomed.files, doomed.bytes, doomed.runs) == (3, 3 * BYTES, 0)
    assert doomed.rows["trials"] == len(bench.store.results.find(bench.campaign.id))
    assert bench.exists(bench.campaign) == [True] * 4, "a plan changes nothing"
    remove_campaign(bench.store, bench.home, doomed)
    assert bench.exists(bench.campaign) == [False] * 4
    assert bench.exists(bench.other) == [True] * 4
    with pytest.raises(StoreError, match="no campaign"):
        bench.store.campaigns.get(bench.campaign.id)


@pytest.mark.parametrize("column", ["document", "state", "driver", "heartbeat"])
def test_of_a_damaged_campaign_all_goes_that_is_there(bench: Bench, column: str) -> None:
    damage(bench, column)
    with pytest.raises(StoreError, match="is damaged"):
        choose_campaign(bench.store, bench.campaign.id)
    record = choose_campaign(bench.store, bench.campaign.id, removal.REMOVABLE).record
    doomed = plan_removal(bench.store, bench.home, record)
    assert doomed.damage is not None
    assert "is damaged" in doomed.damage
    assert (doomed.document()["damage"], doomed.files) == (doomed.damage, 3)
    remove_campaign(bench.store, bench.home, doomed)
    assert bench.exists(bench.campaign) == [False] * 4
    assert bench.exists(bench.other) == [True] * 4
    assert [one.id for one in bench.store.campaigns.all()] == [bench.other.id]


def test_a_damaged_campaign_that_is_driven_stays(bench: Bench) -> None:
    bench.store.campaigns.set_state(bench.campaign.id, "running")
    damage(bench, "document")
    record = choose_campaign(bench.store, bench.campaign.id, removal.REMOVABLE).record
    doomed = plan_removal(bench.store, bench.home, record)
    with pytest.raises(StoreError, match="is running"):
        remove_campaign(bench.store, bench.home, doomed)
    assert bench.exists(bench.campaign) == [True] * 4


def damage(bench: Bench, column: str) -> None:
    """Put what is no value of a column into the campaign's row."""
    with closing(sqlite3.connect(bench.home.path / "store.db")) as connection, connection:
        connection.execute(
            f"UPDATE campaigns SET {column} = '{{\"' WHERE id = ?", (bench.campaign.id,)
        )


@pytest.mark.parametrize("step", ["_delete_runs", "shutil.rmtree", "finish"])
def test_after_any_interruption_it_goes_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    doomed = plan_removal(bench.store, bench.home, bench.campaign)
    with monkeypatch.context() as patch:
        if step == "_delete_runs":
            patch.setattr(removal, step, interrupt)
        elif step == "finish":
            patch.setattr(bench.store.removal, step, interrupt)
        else:
            patch.setattr(shutil, "rmtree", interrupt)
        with pytest.raises(KeyboardInterrupt):
            remove_campaign(bench.store, bench.home, doomed)
    half = bench.store.campaigns.get(bench.campaign.id)
    assert half.state == "removing"
    with pytest.raises(StoreError, match="ventral rm"):
        bench.store.campaigns.set_state(half.id, "running")
    remove_campaign(bench.store, bench.home, plan_removal(bench.store, bench.home, half))
    assert bench.exists(bench.campaign) == [False] * 4


def test_what_runs_and_what_was_certified_is_not_removed(bench: Bench) -> None:
    store, home = bench.store, bench.home
    data = {"name": "digits", "certifies": bench.campaign.id}
    certification = store.campaigns.create("certified", {"name": "certified"}, {}, data)
    doomed = plan_removal(store, home, bench.campaign)
    assert doomed.certified_by == (certification.id,)
    with pytest.raises(InputError, match=rf"certified by {certification.id}.*--certified"):
        remove_campaign(store, home, doomed)
    store.campaigns.set_state(bench.campaign.id, "running")
    with pytest.raises(StoreError, match="is running"):
        remove_campaign(store, home, doomed, certified=True)
    assert bench.exists(bench.campaign) == [True] * 4
    store.campaigns.set_state(bench.campaign.id, "stopped")
    remove_campaign(store, home, doomed, certified=True)
    assert bench.exists(bench.campaign) == [False] * 4


def test_mlflow_that_does_not_answer_is_one_error_and_can_be_left_out(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ConnectionError("away")

    monkeypatch.setattr(removal, "delete_runs", fail)
    doomed = plan_removal(bench.store, bench.home, bench.campaign)
    with pytest.raises(VentralError, match=r"ConnectionError: away.*--keep-runs"):
        remove_campaign(bench.store, bench.home, doomed)
    assert bench.exists(bench.campaign) == [True] * 4, "the runs go first"
    remove_campaign(bench.store, bench.home, doomed, runs=False)
    assert bench.exists(bench.campaign) == [False] * 4
