"""Names of certified networks and their controls, there and back."""

import pytest

from search.campaign.lineage import (
    Family,
    lineage,
    name_lesion,
    name_matched,
    name_rate,
    name_trial,
)
from space.controls import MATCHES


@pytest.mark.parametrize("match", MATCHES)
@pytest.mark.parametrize("number", [0, 7, 12345])
def test_names_say_the_family_and_the_winner(match: Family, number: int) -> None:
    winner = name_trial(number)
    assert lineage(winner) == ("winner", winner)
    for place in (-2, 0, 11):
        assert lineage(name_rate(winner, place)) == ("winner", winner)
        named = name_rate(name_matched(winner, match), place)  # type: ignore[arg-type]
        assert lineage(named) == (match, winner)


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("residual->out times", "trial-7-lesion-2-residual-out-times"),
        ("rgc: input+hidden->out#2", "trial-7-lesion-2-rgc-input-hidden-out-2"),
        ("hidden", "trial-7-lesion-2-hidden"),
    ],
)
def test_names_of_lesions_say_the_part_and_the_winner(part: str, name: str) -> None:
    assert name_lesion("trial-7", 2, part) == name
    assert lineage(name) == ("lesion", "trial-7")


@pytest.mark.parametrize("name", ["feedforward", "trial-", "trial-x", "a-trial-3", "trial-3-wide"])
def test_other_names_are_those_of_a_campaigns_own_controls(name: str) -> None:
    assert lineage(name) == ("control", None)
