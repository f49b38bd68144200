"""Which of a trial's choices made a difference, as far as this version can tell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from search.review.acting import choices_that_act
from search.store import Campaign, Store, Trial
from space.space import Space
from tests.support.campaigns import add

SPACE: dict[str, Any] = {
    "name": "one",
    "genome": {
        "clock": {"steps": 2},
        "stages": [
            {
                "name": "conv1",
                "convolution": {
                    "width": {"choice": [2, 4], "name": "width"},
                    "kernel": {"choice": [3, 5], "name": "kernel"},
                },
                "cell": "c",
            }
        ],
        "cells": {
            "c": {
                "output": "out",
                "states": {
                    "out": {"drive": {"edges": [{"add": {"of": "input"}}]}},
                    # Nothing reads it.
                    "idle": {
                        "drive": {
                            "edges": [
                                {
                                    "add": {
                                        "of": "input",
                                        "op": "convolution",
                                        "kernel": {"choice": [1, 3], "name": "idle"},
                                    }
                                }
                            ]
                        }
                    },
                },
            }
        },
    },
}


@pytest.fixture
def recorded(store: Store) -> tuple[Campaign, Trial]:
    space = Space.parse(SPACE).with_images(size=8, channels=1, classes=10)
    campaign = store.campaigns.create("one", {}, space.document(), {})
    sample = space.complete({"width": 4, "kernel": 3, "idle": 1})
    add(store, campaign.id, 0, choices=sample.choices, digest=sample.digest)
    return campaign, store.results.get(campaign.id, 0)


@pytest.mark.parametrize("quickly", [False, True])
def test_a_choice_that_nothing_reads_is_left_out(
    recorded: tuple[Campaign, Trial], quickly: bool
) -> None:
    campaign, trial = recorded
    assert choices_that_act(campaign, trial, quickly=quickly) == {"width": 4, "kernel": 3}


def test_choices_that_make_another_network_now_are_all_kept(
    recorded: tuple[Campaign, Trial],
) -> None:
    campaign, trial = recorded
    other = replace(trial, digest="0" * 16)
    assert choices_that_act(campaign, other) == trial.choices
    control = replace(trial, choices={"stages[0].kernel": 9})
    assert choices_that_act(campaign, control) == {"stages[0].kernel": 9}
    later = replace(campaign, space={"name": "of a later version", "grammar": 7})
    assert choices_that_act(later, trial) == trial.choices
