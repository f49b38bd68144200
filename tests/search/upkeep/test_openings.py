"""Openings of the test split: who did it, by what, and for which networks."""

from __future__ import annotations

import getpass
import platform

import pytest

from search.store import Store
from search.upkeep.openings import name_user, record_opening
from tests.support.campaigns import new_campaign


def test_an_opening_names_user_machine_command_and_networks(store: Store) -> None:
    record = new_campaign(store)
    record_opening(store, record, "ventral evaluate a", ["trial-3"])
    [opening] = store.campaigns.openings(record.id)
    assert opening.who == f"{getpass.getuser()}@{platform.node()}"
    assert (opening.command, opening.networks) == ("ventral evaluate a", ("trial-3",))
    assert (opening.split, store.campaigns.test_openings(record.id)) == ("test", 1)


def test_a_user_without_a_name_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> str:
        raise OSError("no entry")

    monkeypatch.setattr(getpass, "getuser", fail)
    assert name_user().partition("@")[0].isdigit()
