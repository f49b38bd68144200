"""The graphics card of a campaign's trials: whether there is one, and the part that each may take.

The part is written down when a campaign is submitted (`resources.card`): which networks fit
follows from it, and has to be the same when the campaign is resumed or replayed, wherever that is.
"""

from search.campaign.settings import CardShare, Resources
from search.host.cards import MEMORY, Card, format_gib, memory_of
from search.host.machine import Machine
from space.documents.bounds import LEAST_CORES
from space.documents.validation import quote, suggestion
from space.errors import CampaignError, InputError

USABLE = 0.9
"""Of a card's memory. The rest goes to CUDA's context, to libraries and to the allocator's gaps,
which no forecast of tensors knows.
"""


def check_card(resources: Resources, offered: Machine) -> None:
    """Refuse a type of card that `offered` does not have, or that no trial wants, and several
    cards a trial. Raises CampaignError.
    """
    gpus, wanted = resources.gpus, resources.accelerator
    if gpus > 1:
        problem = f"{gpus:g} GPUs a trial; a trial trains on one, or on a part of one"
        cure = "write 1 or less: further GPUs train further trials"
        raise CampaignError("resources.gpus", problem, cure)
    if wanted is None:
        return
    if not gpus:
        problem = f"{wanted}, and a trial takes no GPU"
        raise CampaignError("resources.accelerator", problem, "write resources.gpus: 1, too")
    if not offered.has(wanted):
        names = ", ".join(card.name for card in offered.cards or () if card.name)
        problem = f"{offered.name} has no {wanted}"
        cure = f"write one of {names}" if names else "leave it out: no type of card is known here"
        raise CampaignError("resources.accelerator", problem, cure)


def choose_share(resources: Resources, offered: Machine) -> CardShare | None:
    """The part of a card that a trial may take: of the smallest that it may get. None for trials
    that take no GPU, and where a card's memory is not known.
    """
    if resources.card is not None or not resources.gpus:
        return resources.card
    cards = [card for card in offered.cards or () if resources.accelerator in (None, card.name)]
    smallest = min(cards, key=_size, default=None)
    if smallest is None or smallest.memory is None:
        return None
    part = min(1.0, resources.gpus)
    return CardShare(name=smallest.name or "GPU", memory=smallest.memory, part=part)


def _size(card: Card) -> int:
    return 0 if card.memory is None else card.memory


def read_share(name: str, part: float) -> CardShare:
    """The part of a card of a known type. Raises InputError."""
    memory = memory_of(name)
    if memory is None:
        cure = suggestion(name, MEMORY) or f"write one of {', '.join(MEMORY)}"
        raise InputError("--card", f"the memory of a {quote(name)} is not known", cure)
    if not LEAST_CORES <= part <= 1:
        raise InputError("--gpus", f"{part:g} is no part of a card", "write 1, or 0.25, say")
    return CardShare(name=name, memory=memory, part=part)


def share_bytes(share: CardShare) -> int:
    """What a trial's tensors may take of its card."""
    return int(share.memory * share.part * USABLE)


def describe_share(share: CardShare) -> str:
    """Such as "0.25 of a card H100 (80 GiB), 10% of it left to CUDA"."""
    of = "all" if share.part == 1 else f"{share.part:g}"
    left = f"{1 - USABLE:.0%} of it left to CUDA"
    return f"{of} of a card {share.name} ({format_gib(share.memory)}), {left}"
