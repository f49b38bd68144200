"""A store that was removed, replaced or damaged says so, and hides nothing that is whole."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from search.host.home import Home
from search.store import Store
from search.upkeep import retention
from space.errors import InputError, StoreError, VentralError
from tests.support.campaigns import fill


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.at(tmp_path, {})


@pytest.fixture
def store(home: Home) -> Iterator[Store]:
    """Of SQLite alone: a file is damaged."""
    opened = Store.open(home.store_url)
    yield opened
    opened.close()


def change(store: Store, statement: str) -> None:
    with closing(sqlite3.connect(store.where)) as connection, connection:
        connection.execute(statement)


def replace_by_a_copy(file: Path) -> None:
    shutil.copy(file, file.with_suffix(".copy"))
    file.with_suffix(".copy").replace(file)


@pytest.mark.parametrize("lose", [Path.unlink, replace_by_a_copy])
def test_a_driver_whose_store_was_removed_or_replaced_is_told(
    store: Store, lose: Callable[[Path], None]
) -> None:
    campaign = fill(store)
    assert store.campaigns.heartbeat(campaign.id) is False
    lose(Path(store.where))
    for write in (
        lambda: store.campaigns.heartbeat(campaign.id),
        lambda: store.campaigns.set_state(campaign.id, "finished"),
    ):
        with pytest.raises(
            VentralError, match=r"was removed or replaced.*`ventral resume`"
        ) as told:
            write()
        assert not isinstance(told.value, InputError), "it is not the input that is wrong"
        assert told.value.exit_code == 1


DAMAGES = {
    "document": "'{\"name\": '",
    "space": "'[1, 2]'",
    "data": "x'00ff'",
    "state": "'dancing'",
    "driver": "'nobody'",
    "created": "'yesterday'",
    "heartbeat": "'now'",
}


@pytest.mark.parametrize("column", DAMAGES)
def test_one_damaged_campaign_hides_no_other(store: Store, home: Home, column: str) -> None:
    whole, broken = fill(store), fill(store)
    for one in (whole, broken):
        store.campaigns.set_state(one.id, "finished")
    change(store, f"UPDATE campaigns SET {column} = {DAMAGES[column]} WHERE id = '{broken.id}'")
    found = {record.id: record for record in store.campaigns.all()}
    assert (found[whole.id].state, found[broken.id].state) == ("finished", "damaged")
    assert "is damaged" in str(found[broken.id].reason)
    with pytest.raises(StoreError, match=r"is damaged .*restore the store from a copy"):
        store.campaigns.get(broken.id)
    home.ensure(home.data / "digits-8-abc")
    assert {item.campaign for item in retention.plan(store, home, keep=0)} <= {whole.id}
    left = {item.place for item in retention.plan(store, home)}
    assert str(home.data / "digits-8-abc") not in left
