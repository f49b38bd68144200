"""A toy campaign of recurrent networks, for tests of winners and their matched controls."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from search.campaign import Campaign
from search.driver import RunResult
from search.store import Campaign as Record
from search.store import Trial
from search.upkeep.openings import record_trainings
from space.space import Space
from tests.support.runs import Bench, train

SPACE: dict[str, Any] = {
    "name": "loops",
    "genome": {
        "clock": {"steps": 7},
        "stages": [
            {"name": "conv1", "convolution": {"width": 8, "activation": "elu"}, "pool": {}},
            {
                "name": "conv2",
                "convolution": {"width": {"choice": [10, 12, 14], "name": "width"}},
                "cell": "motif",
            },
        ],
        "cells": {
            "motif": {
                "output": "out",
                "clip_kernels": True,
                "states": {
                    "out": {
                        "drive": {
                            "edges": [
                                {"add": {"of": "input"}},
                                {
                                    "optional": {
                                        "add": {
                                            "of": "out",
                                            "kernel": {"choice": [2, 3, 4], "name": "kernel"},
                                        }
                                    },
                                    "name": "loop",
                                },
                            ]
                        },
                        "activation": {"choice": ["elu", "relu"], "name": "activation"},
                    }
                },
            }
        },
    },
    "recipe": {"learning_rate": {"loguniform": [0.001, 0.1]}},
    "controls": {
        "plain": {"genome": {"cells.motif.states.out.drive.edges": [{"add": {"of": "input"}}]}}
    },
}


def search(folder: Path, **changes: Any) -> Bench:
    """A finished campaign of a control and seven drawn networks, most of them recurrent.

    It and those made from it take over nothing, so that tests may share its store.
    """
    usual = {"space": SPACE, "budget": {"trials": 8}, "reuse": False, "seed": 5}
    bench = Bench(folder, **(usual | changes))
    carry_out(bench)
    return bench


def carry_out(bench: Bench, trials: int = 1000) -> int:
    """Train what the queue gives, at most so many trials; how many they were."""
    run, done = bench.begin(), 0
    while done < trials and (assignment := run.queue.next()) is not None:
        train(run, assignment)
        done += 1
    bench.store.campaigns.set_state(bench.id, "stopped" if done == trials else "finished")
    return done


def record_of(bench: Bench) -> Record:
    return bench.store.campaigns.get(bench.id)


def trials_of(bench: Bench) -> list[Trial]:
    return bench.store.results.find(bench.id)


@dataclass
class Driver:
    """Takes the part of `search.driver.run`: trains toys, and stops once after `stop_after`."""

    bench: Bench
    stop_after: int = 1000
    driven: list[str] = field(default_factory=list)

    def run(self, campaign_id: str, *_: object, **__: object) -> RunResult:
        store = self.bench.store
        record = store.campaigns.get(campaign_id)
        campaign = Campaign.parse(record.document)
        record_trainings(store, record, campaign, Space.parse(record.space))
        other = copy.copy(self.bench)
        other.id, other.campaign = campaign_id, campaign
        trials, self.stop_after = self.stop_after, 1000
        carry_out(other, trials)
        self.driven.append(campaign.name)
        state = store.campaigns.get(campaign_id).state
        assert state in ("finished", "stopped")
        return RunResult(
            campaign_id=campaign_id,
            state="finished" if state == "finished" else "stopped",
            reason=None,
            trials=store.results.counts(campaign_id),
        )
