"""The options that keep recurrent networks or feedforward ones, by the commands that have them."""

from __future__ import annotations

import pytest

from search.store import Store
from tests.support.campaigns import add, new_campaign, train
from tests.ventral.conftest import Shell


@pytest.fixture
def shell_with_kinds(shell: Shell, store: Store) -> Shell:
    """A campaign with a network of each kind, and one of which the kind is not known."""
    campaign = new_campaign(store, "kinds").id
    cells = {1: ("out: in3 + out5", 0.5), 2: ("feedforward, out: in5", 0.7), 3: ("", 0.9)}
    for number, (cell, score) in cells.items():
        add(store, campaign, number, cell=cell)
        train(store, campaign, number, score)
    return shell


@pytest.mark.parametrize("command", [("top", "kinds"), ("trial", "list", "kinds")])
def test_an_option_keeps_networks_of_its_kind(
    shell_with_kinds: Shell, command: tuple[str, ...]
) -> None:
    for options, numbers in (((), {1, 2, 3}), (("--recurrent",), {1}), (("--feedforward",), {2})):
        ended = shell_with_kinds(*command, *options, "-o", "json")
        assert {row["trial"] for row in ended.json} == numbers, ended.err
        kinds = {1: "local", 2: "none", 3: None}
        assert all(row["recurrent"] == kinds[row["trial"]] for row in ended.json)
    both = shell_with_kinds(*command, "--recurrent", "--feedforward")
    assert both.code == 2
    assert "give one of the two" in both.err


def test_a_kind_without_a_score_is_said_to_have_none(shell: Shell, store: Store) -> None:
    campaign = new_campaign(store, "plain").id
    add(store, campaign, 1, cell="feedforward")
    train(store, campaign, 1, 0.5)
    ended = shell("top", "plain", "--recurrent", "-o", "json")
    assert (ended.code, ended.json) == (0, [])
    assert "no recurrent network of campaign" in ended.err
