"""Campaigns and trials as rows: what they are of, and what people say of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.review.listing import keep_tagged, list_campaigns, list_trials, read_motifs, read_name
from search.store import Store
from space.errors import StoreError
from tests.support.bench import StoreBench
from tests.support.campaigns import add, new_campaign, new_small_campaign
from tests.support.tables import change_rows


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return StoreBench(tmp_path / "home").store


def test_campaigns_say_what_they_search_and_what_they_were_made_from(store: Store) -> None:
    campaign, _ = new_small_campaign(store)
    data = {"certifies": campaign.id, "cloned_from": "aaaaaaaa", "name": "x"}
    again = store.campaigns.create("again", {"space": {"name": "s"}, "data": "d"}, {}, data)
    store.labels.change_tags(campaign.id, ["poster"])
    store.labels.write_note(campaign.id, "look")
    new, old = (one.row() for one in list_campaigns(store))
    assert (new["id"], new["space"], new["data"]) == (again.id, "s", "d")
    assert (new["certifies"], new["cloned_from"]) == (campaign.id, "aaaaaaaa")
    assert (new["tags"], new["note"]) == ([], "")
    assert (old["space"], old["data"], old["certifies"]) == ("motifs-small", "digits", None)
    assert (old["tags"], old["note"], old["best"]) == (["poster"], "look", None)
    assert [one.record.id for one in list_campaigns(store, "poster")] == [campaign.id]
    assert list_campaigns(store, "post") == []


def test_names_however_they_were_written() -> None:
    assert read_name("motifs-small", {"name": "other"}) == "motifs-small"
    assert read_name({"name": "mine"}, {}) == "mine"
    assert read_name(None, {"name": "closed"}) == "closed"
    assert read_name({"name": 3}, None) == ""


def test_trials_have_motifs_also_where_an_earlier_version_kept_none(store: Store) -> None:
    campaign = new_campaign(store)
    for number in range(3):
        add(store, campaign.id, number)
    known = read_motifs(store, campaign.id, store.results.find(campaign.id))
    with change_rows(store) as connection:
        connection.exec_driver_sql("UPDATE trials SET motifs = NULL WHERE number = 1")
    store.labels.change_tags(campaign.id, ["odd"], number=1)
    trials = store.results.find(campaign.id)
    rows = list_trials(store, campaign.id, trials)
    assert [tuple(row["motifs"]) for row in rows] == [known[number] for number in range(3)]
    assert [row["tags"] for row in rows] == [[], ["odd"], []]
    assert store.results.get(campaign.id, 1).motifs == known[1], "they are on record now"
    bare = list_trials(store, campaign.id, trials, motifs=False)
    assert bare == [{key: row[key] for key in row if key != "motifs"} for row in rows]
    assert [one.number for one in keep_tagged(store, campaign.id, trials, "odd")] == [1]
    assert keep_tagged(store, campaign.id, trials, None) == trials


def test_motifs_are_put_on_record_once_and_never_guessed(store: Store) -> None:
    campaign = new_campaign(store)
    for number in range(3):
        add(store, campaign.id, number)
    known = read_motifs(store, campaign.id, store.results.find(campaign.id))
    with change_rows(store) as connection:
        connection.exec_driver_sql("UPDATE trials SET motifs = NULL")
        connection.exec_driver_sql(
            "UPDATE genomes SET document = '{}' WHERE checksum = "
            "(SELECT genome FROM trials WHERE number = 2)"
        )
    read_motifs(store, campaign.id, store.results.find(campaign.id))
    kept = {trial.number: trial.motifs for trial in store.results.find(campaign.id)}
    assert kept == {0: known[0], 1: known[1], 2: None}
    store.trials.fill_motifs(campaign.id, {0: ["other"], 2: ["new"]})
    kept = {trial.number: trial.motifs for trial in store.results.find(campaign.id)}
    assert kept == {0: known[0], 1: known[1], 2: ("new",)}


def test_a_store_that_may_only_be_read_shows_motifs_all_the_same(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = new_campaign(store)
    add(store, campaign.id, 0)
    known = read_motifs(store, campaign.id, store.results.find(campaign.id))
    with change_rows(store) as connection:
        connection.exec_driver_sql("UPDATE trials SET motifs = NULL")

    def refuse(*_: object) -> None:
        raise StoreError("store", "may not be written", "")

    monkeypatch.setattr(store.trials, "fill_motifs", refuse)
    assert read_motifs(store, campaign.id, store.results.find(campaign.id)) == known
