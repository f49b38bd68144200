"""Which trainings a campaign has whatever its sampler says: its controls, and their length; and
which of its suggestions are to be feedforward networks.
"""

from fractions import Fraction

from search.campaign.settings import Campaign
from search.samplers.protocol import derive_seed
from space.space import Space


def full_epochs(campaign: Campaign, space: Space) -> int:
    """Epochs of a full training: the space's, if it fixes them, else the campaign's."""
    return int(space.recipe.get("epochs", campaign.recipe.epochs))


def controls(campaign: Campaign, space: Space) -> tuple[str, ...]:
    """The names of the controls to train, in the order of the space if none are named; without
    the derived ones, which are none before a best network is there.
    """
    return tuple(name for name in _named(campaign, space) if not _is_derived(space, name))


def derived_controls(campaign: Campaign, space: Space) -> tuple[str, ...]:
    """The names of the controls that are derived from the best network when it is certified."""
    return tuple(name for name in _named(campaign, space) if _is_derived(space, name))


def _named(campaign: Campaign, space: Space) -> tuple[str, ...]:
    named = campaign.named_controls
    return tuple(space.controls) if named is None else named


def _is_derived(space: Space, name: str) -> bool:
    return name in space.controls and space.controls[name].is_derived


def control_runs(campaign: Campaign, space: Space) -> tuple[tuple[str, int], ...]:
    """The controls to train by name, each with a seed; all with the campaign's own seed first.

    More seeds begin with those of fewer, so that what was trained with these is not again.
    """
    names = controls(campaign, space)
    return tuple((name, seed) for seed in control_seeds(campaign) for name in names)


def control_seeds(campaign: Campaign) -> tuple[int, ...]:
    """The seeds of the controls' trainings, the campaign's own first."""
    others = (derive_seed(campaign.seed, "control", n) for n in range(1, campaign.control_seeds))
    return campaign.seed, *others


def count_searched_controls(campaign: Campaign, suggestions: int) -> int:
    """How many of so many suggestions are searched controls, whatever became of them: their share,
    rounded down.
    """
    # The share as it was written: 0.29 of 100 is 29, and not 28.999999999999996.
    return int(Fraction(repr(campaign.searched_share)) * suggestions)


def is_searched_control(campaign: Campaign, place: int) -> bool:
    """Whether the suggestion at a place, the first at 0, is to be a searched control."""
    before, after = (count_searched_controls(campaign, n) for n in (place, place + 1))
    return after > before
