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
    cells = {1: ("out = input3 + out5", 0.5), 2: ("feedforward, out = input5", 0.7), 3: ("", 0.9)}
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


def test_a_gain_is_over_all_the_controls_whatever_kind_is_listed(
    shell: Shell, store: Store
) -> None:
    """The recurrent network is better than the recurrent control, and not than the other one."""
    campaign = new_campaign(store, "loss").id
    controls = {0: ("feedforward", 0.75), 1: ("out = input3 + out3", 0.6)}
    for number, (cell, score) in controls.items():
        add(store, campaign, number, origin="control", control=f"control-{number}", cell=cell)
        train(store, campaign, number, score)
    add(store, campaign, 2, cell="out = input3 + out5")
    train(store, campaign, 2, 0.7)
    for options in ((), ("--recurrent",)):
        [row] = shell("top", "loss", *options, "-o", "json").json
        assert row["gain"] == pytest.approx(-0.05)
        table = shell("top", "loss", *options).out
        assert "-5.0" in table
        assert ("75.0 %" in table) == (not options)


def test_a_certified_gain_is_over_all_the_controls_whatever_kind_is_listed(
    shell: Shell, store: Store
) -> None:
    campaign = new_campaign(store, "sure").id
    networks = {
        0: ("trial-3", "out = input3 + out5", 0.7),
        1: ("feedforward", "feedforward", 0.75),
        2: ("ConvGRU", "out = input3 + out3", 0.6),
    }
    for number, (name, cell, score) in networks.items():
        add(store, campaign, number, origin="control", control=name, cell=cell)
        train(store, campaign, number, score)
    for options, names in (
        ((), {"trial-3", "feedforward", "ConvGRU"}),
        (("--recurrent",), {"trial-3", "ConvGRU"}),
    ):
        rows = {row["network"]: row for row in shell("top", "sure", *options, "-o", "json").json}
        assert set(rows) == names
        assert rows["trial-3"]["gain"] == pytest.approx(-0.05)


def test_a_kind_without_a_score_is_said_to_have_none(shell: Shell, store: Store) -> None:
    campaign = new_campaign(store, "plain").id
    add(store, campaign, 1, cell="feedforward")
    train(store, campaign, 1, 0.5)
    ended = shell("top", "plain", "--recurrent", "-o", "json")
    assert (ended.code, ended.json) == (0, [])
    assert "no recurrent network of campaign" in ended.err
