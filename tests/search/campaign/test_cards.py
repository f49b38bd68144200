"""The card of a campaign's trials: chosen and checked when it is submitted, and then kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.campaign import amend, clone, load
from search.campaign.cards import choose_share, describe_share, read_share, share_bytes
from search.campaign.settings import CardShare, Resources
from search.host.cards import GIB, Card
from search.host.machine import Machine
from space.errors import CampaignError, InputError
from tests.support.campaign_files import refuse

CLUSTER = Machine(
    cpus=8,
    gpus=8,
    name="a node of the cluster",
    cards=(
        Card(name="A100", memory=40 * GIB, count=8),
        Card(name="H100", memory=80 * GIB, count=1),
    ),
)
BARE = Machine(cpus=8, gpus=1, cards=(Card(name="", memory=None, count=1),))


@pytest.mark.parametrize(
    ("resources", "share"),
    [
        ({"gpus": 0}, None),
        ({"gpus": 0.25}, CardShare(name="A100", memory=40 * GIB, part=0.25)),
        ({"gpus": 1, "accelerator": "H100"}, CardShare(name="H100", memory=80 * GIB, part=1)),
        (
            {"gpus": 0.5, "card": {"name": "X1", "memory": "10 GiB", "part": 0.3}},
            CardShare(name="X1", memory=10 * GIB, part=0.3),
        ),
    ],
)
def test_the_smallest_card_counts_that_a_trial_may_get(
    resources: dict[str, object], share: CardShare | None
) -> None:
    assert choose_share(Resources.model_validate(resources), CLUSTER) == share


def test_a_card_of_unknown_size_is_none() -> None:
    assert choose_share(Resources(gpus=1), BARE) is None
    assert choose_share(Resources(gpus=1), Machine(cpus=1, gpus=1)) is None


def test_what_a_trial_may_take_is_its_part_less_what_is_left_to_cuda() -> None:
    share = CardShare(name="H100", memory=80 * GIB, part=0.25)
    assert share_bytes(share) == 18 * GIB
    assert describe_share(share) == "0.25 of a card H100 (80 GiB), 10% of it left to CUDA"
    assert describe_share(read_share("L4", 1)).startswith("all of a card L4 (24 GiB)")
    for name, part in (("L5", 1.0), ("L4", 0.0), ("L4", 2.0)):
        with pytest.raises(InputError):
            read_share(name, part)


def test_a_type_that_is_not_there_is_refused(file: Path) -> None:
    def refused(*overrides: str, offered: Machine = CLUSTER) -> tuple[str, str, str]:
        error = refuse(file, *overrides, offered=offered)
        return error.where, error.problem, error.cure

    assert refused("resources={gpus: 1, accelerator: L40}") == (
        "resources.accelerator",
        "a node of the cluster has no L40",
        "write one of A100, H100",
    )
    assert refused("resources.accelerator=H100") == (
        "resources.accelerator",
        "H100, and a trial takes no GPU",
        "write resources.gpus: 1, too",
    )
    where, _, cure = refused("resources={gpus: 1, accelerator: L40}", offered=BARE)
    assert (where, cure) == (
        "resources.accelerator",
        "leave it out: no type of card is known here",
    )


def test_the_card_is_written_down_and_stays(file: Path) -> None:
    """A campaign goes on anywhere by what was decided; one like it looks anew."""
    begun = load(file, ["resources.gpus=0.5"], offered=CLUSTER)
    card = CardShare(name="A100", memory=40 * GIB, part=0.5)
    assert begun.resources.card == card
    document = begun.document()
    smaller = amend(document, "campaign", ["resources.gpus=0.25"])
    assert (smaller.resources.gpus, smaller.resources.card) == (0.25, card)
    for override in ("resources.card.part=1", "resources={gpus: 0.5}"):
        with pytest.raises(CampaignError) as refused:
            amend(document, "campaign", [override])
        assert refused.value.where == "resources.card"
    again = clone(document, "campaign", ["resources.accelerator=H100"], offered=CLUSTER)
    assert again.resources.card == CardShare(name="H100", memory=80 * GIB, part=0.5)
