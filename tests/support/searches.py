"""Campaigns as values, for tests of what is read out of them: drawn and scored, never trained."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from dashboards.frames import CHOICE
from dashboards.searched import Searched
from search.campaign import Campaign
from space.space import Space
from tests.support import toys

_STAGE: dict[str, Any] = toys.SPACE["genome"]["stages"][0]
_POOL = {"optional": {"kernel": {"choice": [2, 3], "name": "pool.kernel"}}, "name": "pool"}
SPACE: dict[str, Any] = {
    "name": "drawn",
    "genome": {**toys.SPACE["genome"], "stages": [{**_STAGE, "pool": _POOL}]},
    "recipe": {"learning_rate": {"loguniform": [0.001, 0.1], "name": "learning_rate"}},
}

Choices = Mapping[str, Any]
Scored = Callable[[Choices, random.Random], Mapping[str, Any]]
"""What becomes of a trial with those choices: columns of its row (top1, epochs, motifs, ...)."""


def draw_search(trials: int, score: Scored, *, seed: int = 0, epochs: int = 3) -> Searched:
    """A random search of SPACE whose trials end as `score` says; by default all have finished."""
    space = Space.parse(SPACE).with_images(size=8, channels=1, classes=10)
    rng = random.Random(seed)
    rows = []
    for number in range(trials):
        choices = space.opened.sample(rng)
        row = {
            "trial": number,
            "origin": "random",
            "family": None,
            "status": "finished",
            "epochs": epochs,
            "suggested": number,
            "motifs": (),
            "digest": f"{number:020x}",
        }
        made = {f"{CHOICE}{path}": value for path, value in choices.items()}
        rows.append(row | made | dict(score(choices, rng)))
    return search_of(pd.DataFrame(rows), space)


def search_of(trials: pd.DataFrame, space: Space) -> Searched:
    """A campaign with those trials, and nothing else."""
    empty = pd.DataFrame(columns=["trial", "epoch", "top1", "step", "accuracy"])
    document = toys.campaign().document() | {"space": space.document()}
    return Searched(
        id="abcdefgh",
        name="drawn",
        state="finished",
        reason=None,
        settings=Campaign.parse(document),
        space=space,
        data={"classes": list("0123456789"), "guess": 0.1},
        seconds=10.0,
        trials=trials,
        reports=empty[["trial", "epoch", "top1"]],
        steps=empty[["trial", "epoch", "step", "accuracy"]],
        events=pd.DataFrame(columns=["at", "kind", "detail"]),
    )
