"""Openings of the test split: who did it, by what, and for which networks."""

from __future__ import annotations

import getpass
import platform

import pytest

from search.store import Store
from search.upkeep.openings import (
    count_openings,
    name_user,
    record_opening,
    record_trainings,
)
from tests.support import toys
from tests.support.campaigns import add, new_campaign


def test_an_opening_names_user_machine_command_and_networks(store: Store) -> None:
    record = new_campaign(store)
    record_opening(store, record, "ventral evaluate a", ["trial-3"])
    [opening] = store.campaigns.openings(record.id)
    assert opening.who == f"{getpass.getuser()}@{platform.node()}"
    assert (opening.command, opening.networks) == ("ventral evaluate a", ("trial-3",))
    assert (opening.split, store.campaigns.test_openings(record.id)) == ("test", 1)


@pytest.mark.parametrize(
    ("data", "trials", "command"),
    [
        ({"split": "test"}, 1, "ventral submit"),
        ({}, 1, "ventral submit"),  # of before there was a validation split
        ({"split": "validation"}, 1, None),
        ({"split": "test"}, 6, None),  # a search of before there was one selects on test
        ({"split": "test", "certifies": "other"}, 1, "ventral certify other"),
        ({"split": "validation", "certifies": "other"}, 1, None),
    ],
)
def test_trainings_open_the_test_split_once_if_they_are_scored_on_it(
    store: Store, data: dict[str, str], trials: int, command: str | None
) -> None:
    """Once over all drivers, for the campaign and for the one that it certifies."""
    certified = new_campaign(store, "certified")
    if "certifies" in data:
        data = data | {"certifies": certified.id}
    campaign, space = toys.campaign(budget={"trials": trials}), toys.space()
    record = store.campaigns.create("toy", campaign.document(), space.document(), data)
    for _ in range(2):
        record_trainings(store, record, campaign, space)
    openings = store.campaigns.openings(record.id)
    written = None if command is None else command.replace("other", certified.id)
    assert [one.command for one in openings] == [written] * (command is not None)
    assert [one.networks for one in openings] == [("wide",)] * len(openings)
    also = store.campaigns.openings(certified.id)
    assert [one.command for one in also] == [written] * (command == "ventral certify other")


def test_openings_are_counted_by_network(store: Store) -> None:
    """A certification names the winners by their trials, and the controls by their names."""
    record = new_campaign(store)
    add(store, record.id, 0, origin="control", control="wide")
    for number in (1, 3):
        add(store, record.id, number)
    record_opening(store, record, "ventral certify motifs", ["wide", "trial-3"])
    record_opening(store, record, "ventral evaluate a", ["trial-3"])
    store.campaigns.add_opening(
        record.id, who="me", command="by hand", networks=["trial-1"], split="validation"
    )
    counts = {
        number: count_openings(store, record, store.results.get(record.id, number))
        for number in (0, 1, 3)
    }
    assert counts == {0: 1, 1: 0, 3: 2}


def test_a_user_without_a_name_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> str:
        raise OSError("no entry")

    monkeypatch.setattr(getpass, "getuser", fail)
    assert name_user().partition("@")[0].isdigit()
