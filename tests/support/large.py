"""A large store for tests and measurements, written in one go and not trial by trial."""

from __future__ import annotations

import random
import time
from typing import Any

import sqlalchemy as sa

from search.store import Campaign, Store
from search.store.tables import ATTEMPTS, GENOMES, REPORTS, TRIALS
from space.space import Space
from tests.support import toys
from tests.support.tables import change_rows

EPOCHS = 3


def campaign(store: Store, trials: int, name: str = "large", **changes: Any) -> Campaign:
    """A finished campaign of so many trials: most finished or pruned, a few failed."""
    file = toys.campaign(name=name, budget={"trials": trials}, **changes)
    space = Space.load("motifs-small")
    rng = random.Random(name)
    record = store.campaigns.create(
        name, file.document(), space.document(), {"checksum": "0" * 64, "path": "/nowhere"}
    )
    genomes, rows, reports, attempts = [], [], [], []
    drawn = [space.sample(rng) for _ in range(20)]
    at = time.time() - 10 * trials
    for number in range(trials):
        sample = drawn[number % len(drawn)]
        status = rng.choices(["finished", "pruned", "failed"], [30, 60, 5])[0]
        epochs = {"finished": EPOCHS, "pruned": 1, "failed": 0}[status]
        top1 = rng.random() if epochs else None
        checksum = f"{name}-{number}"
        genomes.append({"checksum": checksum, "digest": f"{number:016x}", "document": {}})
        place = 2 * number
        rows.append(
            {
                **{"campaign": record.id, "number": number, "genome": checksum},
                **{"digest": f"{number:016x}", "recipe": sample.recipe, "seed": 1},
                **{"choices": sample.choices, "origin": "random" if number else "control"},
                **{
                    "cell": f"out = input + residual + out{number % 7}",
                    "parameters": 1000 + number,
                },
                **{"macs": 50_000, "status": status, "folder": f"/nowhere/{number}"},
                **{"reason": "diverged: loss is nan" if status == "failed" else None},
                **{"attempts": 1, "epochs": epochs, "top1": top1, "best": top1, "top5": top1},
                **{"loss": 1.0, "seconds": 1.5 * epochs, "memory_mb": 200.0, "created": at},
                **{"started": at, "ended": at + 9, "suggested": place, "arrived": place + 1},
                **{"work": f"{name}-{number}", "source_epochs": 0},
            }
        )
        attempts.append(
            {
                **{"campaign": record.id, "number": number, "attempt": 1, "started": at},
                **{"ended": at + 9, "seconds": 9.0, "devices": 1.0, "epochs": epochs},
                **{"repeated": 0, "how": status},
            }
        )
        reports += [
            {
                **{"campaign": record.id, "number": number, "epoch": epoch, "top1": top1},
                **{"top5": 1.0, "loss": 1.0, "train_loss": 1.0, "seconds": 1.5 * epoch},
                **{"accuracy_by_step": [top1] * 7, "memory_mb": 200.0, "at": at},
                **{"arrived": place},
            }
            for epoch in range(1, epochs + 1)
        ]
        at += 10
    with change_rows(store) as connection:
        tables = ((GENOMES, genomes), (TRIALS, rows), (REPORTS, reports), (ATTEMPTS, attempts))
        for table, values in tables:
            connection.execute(sa.insert(table), values)
    store.campaigns.set_state(record.id, "running")
    store.campaigns.set_state(record.id, "finished")
    return store.campaigns.get(record.id)
