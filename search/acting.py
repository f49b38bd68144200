"""The choices of a trial that made a difference, for whoever shows or mirrors them.

The store keeps all choices, since samplers need them; this says which of them act.
"""

import json
from functools import lru_cache

from search.store import Campaign, Scalar, Trial
from space.activity import acting_choices
from space.errors import InputError
from space.space import Space


def choices_that_act(campaign: Campaign, trial: Trial) -> dict[str, Scalar]:
    """Those of a trial's choices with which another value would have made another network or
    recipe. All of them where they are not of the campaign's space (a control's), or where this
    version makes another network of them.
    """
    try:
        space = _space(json.dumps(campaign.space))
        if space.close(trial.choices).digest != trial.digest:
            return dict(trial.choices)
        return acting_choices(space.opened, trial.choices)
    except InputError:
        return dict(trial.choices)


@lru_cache(maxsize=4)
def _space(document: str) -> Space:
    return Space.parse(json.loads(document), "space")
