"""Toys for tests of the search: a small space, campaigns over it, a trainable without torch."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from ray import tune

from search.campaign import Campaign
from search.host.home import Process
from space.space import Space
from workers.storage.claim import Claim

SPACE: dict[str, Any] = {
    "name": "toy",
    "genome": {
        "clock": {"steps": 2},
        "stages": [
            {
                "name": "conv1",
                "convolution": {
                    "width": {"choice": [2, 4, 8, 16], "name": "width"},
                    "kernel": {"choice": [1, 3, 5], "name": "kernel"},
                    "activation": {"choice": ["relu", "elu", "tanh"], "name": "activation"},
                },
                "pool": {},
            }
        ],
    },
    "recipe": {"learning_rate": {"loguniform": [0.001, 0.1]}},
    "controls": {"wide": {"genome": {"stages[0].convolution.width": 32}}},
}

LOOPS: dict[str, Any] = {
    "name": "toy-loops",
    "genome": {
        "clock": {"steps": 4},
        "stages": [
            {
                "name": "conv1",
                "convolution": {"width": {"choice": [2, 4, 8], "name": "width"}},
                "cell": "motif",
                "pool": {},
            }
        ],
        "cells": {
            "motif": {
                "output": "out",
                "states": {
                    "out": {
                        "carry": {"optional": {}, "name": "carry", "default": True},
                        "drive": {
                            "edges": [
                                {
                                    "add": {
                                        "of": "input",
                                        "kernel": {"choice": [1, 3], "name": "k"},
                                    }
                                },
                                {
                                    "optional": {"add": {"of": "out", "kernel": 3}},
                                    "name": "loop",
                                    "default": True,
                                },
                            ]
                        },
                        "activation": {"choice": ["relu", "elu", "tanh"], "name": "activation"},
                    }
                },
            }
        },
    },
    "recipe": {"learning_rate": {"loguniform": [0.001, 0.1]}},
    "controls": {"wide": {"genome": {"stages[0].convolution.width": 16}}},
}
"""A toy space of which most networks are recurrent; 18 feedforward ones are among them."""


def space(document: dict[str, Any] = SPACE) -> Space:
    """A toy space for grey images of 8 pixels."""
    return Space.parse(document).with_images(size=8, channels=1, classes=10)


def campaign(**changes: Any) -> Campaign:
    """A campaign over the toy space that costs next to nothing."""
    document: dict[str, Any] = {
        "name": "toy",
        "space": SPACE,
        "data": {"name": "digits", "size": 8, "train_images": 64, "test_images": 64},
        "recipe": {"epochs": 3},
        "sampler": {"name": "random"},
        "scheduler": {"name": "fifo"},
        "budget": {"trials": 6},
        "seed": 1,
    }
    return Campaign.parse(document | changes)


def report(epoch: int, top1: float, seconds: float = 1.0) -> dict[str, Any]:
    """An epoch's report as a worker gives it."""
    return {
        "epoch": epoch,
        "top1": top1,
        "top5": 1.0,
        "loss": 1.0,
        "train_loss": 1.0,
        "accuracy_by_step": [top1 / 2, top1],
        "seconds": seconds,
        "memory_mb": 1.0,
    }


def score(number: int, epoch: int, epochs: int) -> float:
    """The top-1 of the toy's trial `number`: known beforehand, growing, different for each."""
    return (number * 37 % 100) / 100 * epoch / epochs


def trainable(seconds: float = 0.0) -> type[Any]:
    """A trainable that only counts epochs of `seconds`, in a checkpoint of its own.

    Every epoch that it runs is a line "EPOCH PID" of `folder/../epochs-N`, whoever was told of it,
    and `worker-N` names the process that trains trial N (as search/drill/scene.py has both). A
    file `folder/../die-N-E` kills the worker of trial N once, in epoch E; `fail-N` makes it fail.
    The class is made here so that workers need not import this module.
    """

    class Toy(tune.Trainable):  # type: ignore[misc]
        def setup(self, config: dict[str, Any]) -> None:
            job = json.loads(config["job"])
            self.number, self.epochs = config["trial"], job["recipe"]["epochs"]
            self.folder = Path(job["folder"])
            (self.folder.parent / f"worker-{self.number}").write_text(str(Process.current()))
            self.file = self.folder / "checkpoint"
            self.claim: Claim | None = None  # Ray may set up a worker that never trains
            self.epoch = int(self.file.read_text()) if self.file.exists() else 0
            self.earlier = [self.report(epoch + 1) for epoch in range(self.epoch)]

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            self.setup(new_config)
            return True

        def report(self, epoch: int) -> dict[str, Any]:
            value = (self.number * 37 % 100) / 100 * epoch / self.epochs
            return {
                "epoch": epoch,
                "top1": value,
                "top5": 1.0,
                "loss": 1.0,
                "train_loss": 1.0,
                "accuracy_by_step": [value],
                "seconds": epoch * seconds,
                "memory_mb": 1.0,
            }

        def step(self) -> dict[str, Any]:
            campaign = self.folder.parent
            if (campaign / f"fail-{self.number}").exists():
                failure = {"kind": "diverged", "reason": "loss is nan", "detail": "a traceback"}
                return {"failure": failure, "top1": float("nan"), "epoch": 0, "done": True}
            self.claim = self.claim or Claim(self.folder)
            time.sleep(seconds)
            fatal = campaign / f"die-{self.number}-{self.epoch + 1}"
            if fatal.exists():
                fatal.unlink()  # once
                os.kill(os.getpid(), 9)
            if not self.claim.holds():
                raise SystemExit("another worker has the trial")
            if self.epoch < self.epochs:
                self.epoch += 1
                with (campaign / f"epochs-{self.number}").open("a") as lines:
                    lines.write(f"{self.epoch} {os.getpid()} {os.environ['OMP_NUM_THREADS']}\n")
                partial = self.folder / "partial"
                partial.write_text(str(self.epoch))
                partial.replace(self.file)
            result: dict[str, Any] = {"report": self.report(self.epoch)}
            if self.earlier:
                result["earlier"], self.earlier = self.earlier, []
            done = self.epoch >= self.epochs
            top1 = result["report"]["top1"]
            return result | {"epoch": self.epoch, "top1": top1, "done": done}

    return Toy
