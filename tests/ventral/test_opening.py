"""Campaigns by their names: of several the newest is looked at, and none is changed."""

from __future__ import annotations

from search.store import Store
from tests.ventral.conftest import Shell


def test_a_name_of_several_campaigns_is_taken_only_to_look(shell: Shell, store: Store) -> None:
    old, new = (store.campaigns.create("night", {}, {}, {}) for _ in range(2))
    looked = shell("status", "night", "-o", "json")
    assert looked.json["id"] == new.id
    assert "2 campaigns are named night" in looked.err
    assert old.id in looked.err
    for command in (["resume", "night"], ["trial", "retry", "night", "--failed"]):
        refused = shell(*command)
        assert refused.code == 2, command
        assert old.id in refused.err
        assert new.id in refused.err
        assert "give an id" in refused.err
    # One of them can be meant only.
    store.campaigns.set_state(new.id, "running")
    store.campaigns.set_state(new.id, "finished")
    ended = shell("trial", "retry", "night", "--failed")
    assert f"{new.id} is meant" in ended.err
    assert "no trial to try again" in ended.err
