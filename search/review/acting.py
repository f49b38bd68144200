"""The choices of a trial that made a difference, for those who show or mirror them.

The store keeps all choices, since samplers need them; this says which of them act.
"""

import json
import random
from functools import lru_cache

from search.store import Campaign, Scalar, Trial
from space.activity import acting_choices, often_inert
from space.errors import InputError
from space.space import Space

SAMPLES = 24
"""Samples of a space from which it is known which choices are now and then inert."""


def choices_that_act(
    campaign: Campaign, trial: Trial, *, quickly: bool = False
) -> dict[str, Scalar]:
    """Those of a trial's choices with which another value would have made another network or
    recipe. All of them where they are not of the campaign's space (a control's), or where this
    version makes another network of them.

    To know that takes milliseconds a choice. `quickly` looks only at those that were inert in one
    of SAMPLES samples of the space, and takes the others to act.
    """
    try:
        space = _space(json.dumps(campaign.space))
        sample = space.close(trial.choices)
        if sample.digest != trial.digest:
            return dict(trial.choices)
        among = _often_inert(json.dumps(campaign.space)) if quickly else None
        return acting_choices(space.opened, trial.choices, among, (sample.digest, sample.recipe))
    except InputError:
        return dict(trial.choices)


@lru_cache(maxsize=4)
def _space(document: str) -> Space:
    return Space.parse(json.loads(document), "space")


@lru_cache(maxsize=4)
def _often_inert(document: str) -> frozenset[str]:
    return often_inert(_space(document).opened, SAMPLES, random.Random(0))
