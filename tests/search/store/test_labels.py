"""Names, notes and tags of campaigns and trials, written at any time."""

from __future__ import annotations

import pytest

from search.store import Label, Store
from space.errors import StoreError
from tests.support.campaigns import add, new_campaign
from tests.support.tables import change_rows


def test_notes_and_tags_are_kept_of_campaigns_and_of_trials(store: Store) -> None:
    campaign, other = new_campaign(store), new_campaign(store)
    for number in (0, 1):
        add(store, campaign.id, number)
    labels = store.labels
    assert labels.find(campaign.id) is None
    assert labels.find(campaign.id, 1) is None
    labels.write_note(campaign.id, "for the poster")
    labels.change_tags(campaign.id, ["poster", "draft"])
    labels.change_tags(campaign.id, ["odd"], number=1)
    assert labels.change_tags(campaign.id, ["poster"], ["draft", "never-there"]) == Label(
        note="for the poster", tags=("poster",)
    )
    assert labels.find(campaign.id, 1) == Label(note=None, tags=("odd",))
    assert labels.of_trials(campaign.id) == {1: Label(tags=("odd",))}
    assert labels.of_campaigns() == {campaign.id: Label(note="for the poster", tags=("poster",))}
    assert labels.find(other.id) is None
    assert labels.write_note(campaign.id, "").note == "", "taken away, and known to have been"


def test_what_a_password_is_in_is_not_kept_and_a_null_character_is_no_error(store: Store) -> None:
    campaign = new_campaign(store)
    store.labels.write_note(campaign.id, "see postgresql://me:secret@host/db and \x00")
    label = store.labels.find(campaign.id)
    assert label is not None
    assert label.note is not None
    assert "secret" not in label.note
    assert "\x00" not in label.note


def test_what_is_not_there_cannot_be_labelled(store: Store) -> None:
    campaign = new_campaign(store)
    with pytest.raises(StoreError, match="has no trial 7"):
        store.labels.write_note(campaign.id, "text", 7)
    with pytest.raises(StoreError, match="no campaign 'nobody'"):
        store.labels.change_tags("nobody", ["a"])
    assert store.labels.of_trials(campaign.id) == {}


def test_a_campaign_has_a_new_name_unless_its_driver_would_not_know(store: Store) -> None:
    campaign = new_campaign(store, "old")
    with pytest.raises(StoreError, match="is running"):
        store.labels.rename(campaign.id, "new")
    store.campaigns.set_state(campaign.id, "stopped")
    renamed = store.labels.rename("old", "new")
    assert (renamed.id, renamed.name, renamed.document["name"]) == (campaign.id, "new", "new")
    assert store.campaigns.named("old") == []


def test_damaged_tags_are_an_error(store: Store) -> None:
    campaign = new_campaign(store)
    store.labels.change_tags(campaign.id, ["a"])
    with change_rows(store) as connection:
        connection.exec_driver_sql("UPDATE labels SET tags = '[1]'")
    with pytest.raises(StoreError, match="damaged"):
        store.labels.find(campaign.id)
