"""Rows that no version writes are named, and drivers that are gone are known."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from search.host.home import Process
from search.store import SILENCE_SECONDS, Store
from space.errors import StoreError
from tests.support.campaigns import fill, new_campaign
from tests.support.tables import change_rows


@pytest.mark.parametrize(
    ("silent", "state"), [(1.0, "running"), (SILENCE_SECONDS + 5, "interrupted")]
)
def test_a_driver_elsewhere_is_known_by_its_heartbeat(
    store: Store, silent: float, state: str
) -> None:
    campaign = new_campaign(store)
    far = Process(host="node7/boot", pid=4, born="5")
    with change_rows(store) as connection:
        connection.execute(
            sa.text("UPDATE campaigns SET driver = :driver, heartbeat = :at"),
            {"driver": str(far), "at": time.time() - silent},
        )
    assert store.campaigns.get(campaign.id).state == state


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("status", "'dancing'"),
        ("choices", "'{'"),
        ("recipe", "'[]'"),
        ("choices", "'" + "[" * 100_000 + "'"),
        ("epochs", "'many'"),
        ("top1", "'good'"),
        ("recurrence", "'round'"),
        ("split", "'train'"),
        ("motifs", "'[1]'"),
        ("motifs", "'\"out\"'"),
    ],
)
def test_a_damaged_trial_is_named(tmp_path: Path, column: str, value: str) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/store.db")
    campaign = fill(store)
    with change_rows(store) as connection:
        connection.execute(sa.text(f"UPDATE trials SET {column} = {value} WHERE number = 1"))
    with pytest.raises(StoreError, match=r"is damaged .*restore the store from a copy"):
        store.results.find(campaign.id)
    assert store.results.get(campaign.id, 0).number == 0


@pytest.mark.parametrize("column", ["top1", "seconds", "accuracy_by_step"])
def test_a_damaged_report_is_named(tmp_path: Path, column: str) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/store.db")
    campaign = fill(store)
    with change_rows(store) as connection:
        connection.execute(sa.text(f"UPDATE reports SET {column} = '[\"good\"]'"))
    with pytest.raises(StoreError, match=r"is damaged .*restore the store from a copy"):
        store.results.all_reports(campaign.id)
