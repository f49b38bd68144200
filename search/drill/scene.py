"""A campaign to which faults are done, and what they cost it.

A `Scene` is a campaign in a home of its own, with drivers in processes of their own, which may be
killed, and so may their workers (search/drill/worker.py). Whatever is done to it, `Scene.verdict`
says what that cost (search/drill/verdict.py).

This module does no fault (search/drill/faults.py does).
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from search import driver
from search.assign.setting import Happening
from search.campaign import Campaign
from search.drill.verdict import Evidence, Snapshot, TimedEvent, Verdict, judge
from search.host.home import Home, Process
from search.host.programs import ROOT, python_command
from search.store import ENDED, Store
from search.tune import remains
from space.errors import VentralError

HAPPENINGS, OUTPUT = "happenings", "driver.out"
"""In the campaign's folder: the happenings of its drivers, a line each, and their output."""

_DRIVE = """
import json, sys
from ventral.search.drill.scene import drive
drive(json.loads(sys.argv[1]))
"""

PATIENCE = 180.0
"""Seconds after which something that should have happened has not."""


# -------------------------------------------------------------------------- inside a driver


def drive(settings: Mapping[str, Any]) -> None:
    """Run a scene's campaign in this process. `settings` come from `Scene.start`."""
    home = Home.at(settings["home"])
    store = Store.open(home.store_url)
    module, _, name = settings["trainable"].partition(":")
    make_trainable = getattr(importlib.import_module(module), name)
    happenings = home.ensure(home.campaign(settings["campaign"])) / HAPPENINGS

    def listen(happening: Happening) -> None:
        number = "" if happening.trial is None else happening.trial
        with happenings.open("a") as lines:
            lines.write(f"{time.monotonic():.3f} {happening.kind} {number}\n")

    try:
        outcome = driver.run(
            settings["campaign"],
            home,
            store,
            listen,
            trainable=make_trainable(settings["seconds"]),
            mirror=settings["mirror"],
            address=settings["address"],
        )
    except VentralError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    print(f"outcome {outcome.state} {outcome.reason or ''}, {outcome.unsent} left", flush=True)


# -------------------------------------------------------------------------- the scene


@dataclass(kw_only=True)
class Scene:
    """A campaign to which faults are done.

    `trainable` names a function "module:name" that makes the trainable of an epoch's seconds.
    `environment` is added to the drivers'. With `mirror` runs go to MLflow.
    """

    home: Home
    store: Store
    campaign_id: str
    trainable: str = "ventral.search.drill.worker:trainable"
    seconds: float = 0.5
    mirror: bool = False
    address: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    clusters: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def create(cls, folder: Path, campaign: Campaign, **settings: Any) -> Scene:
        """A new campaign in a home in `folder`, which is made."""
        home = Home.at(folder, settings.get("environment", {}))
        home.ensure()
        store = Store.open(home.store_url)
        return cls(
            home=home, store=store, campaign_id=driver.submit(campaign, home, store), **settings
        )

    @property
    def folder(self) -> Path:
        """The campaign's folder."""
        return self.home.campaign(self.campaign_id)

    # ---------------------------------------------------------------- drivers

    def start(self) -> None:
        """Start a driver, in a process (and a group of processes) of its own."""
        settings = {
            "home": str(self.home.path),
            "campaign": self.campaign_id,
            "trainable": self.trainable,
            "seconds": self.seconds,
            "mirror": self.mirror,
            "address": self.address,
        }
        ours = ("VENTRAL_", "MLFLOW_TRACKING")
        inherited = {key: item for key, item in os.environ.items() if not key.startswith(ours)}
        self.home.ensure(self.folder)
        with (self.folder / OUTPUT).open("ab") as output:
            self.process = subprocess.Popen(
                [*python_command(_DRIVE), json.dumps(settings)],
                cwd=ROOT,
                env=inherited | {"PYTHONPATH": str(ROOT)} | dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def alive(self) -> bool:
        """Whether the driver runs."""
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """SIGKILL for the driver."""
        self._note_cluster()
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def wait(self, timeout: float = PATIENCE) -> int:
        """The driver's exit code, when it has ended."""
        assert self.process is not None
        self._note_cluster()
        return self.process.wait(timeout)

    def output(self) -> str:
        """What the drivers printed."""
        return (self.folder / OUTPUT).read_text(errors="replace")

    def until(self, condition: Callable[[], bool], what: str, timeout: float = PATIENCE) -> None:
        """Wait until `condition` holds. VentralError if the driver ends, or too long after."""
        end = time.monotonic() + timeout
        while not condition():
            if not self.alive and not condition():
                raise VentralError(f"the driver ended before {what}:\n{self.output()[-2000:]}")
            if time.monotonic() > end:
                raise VentralError(f"{what}: not within {timeout:g} s")
            time.sleep(0.02)

    # ---------------------------------------------------------------- what happened

    def happenings(self, since: float = 0.0) -> list[TimedEvent]:
        """The drivers' happenings since a time of the monotonic clock."""
        with contextlib.suppress(FileNotFoundError):
            lines = (self.folder / HAPPENINGS).read_text().splitlines()
            events = map(_parse_happening, lines)
            return [event for event in events if event is not None and event.at >= since]
        return []

    def epochs(self) -> dict[int, list[int]]:
        """The epochs that each trial's workers trained, by the workers' own account."""
        return {
            int(file.name.removeprefix("epochs-")): [
                int(line.split()[0]) for line in file.read_text().splitlines() if line.strip()
            ]
            for file in self.folder.glob("epochs-*")
        }

    def running(self) -> list[int]:
        """The trials that have a worker, and have trained an epoch in it."""
        active: dict[int, bool] = {}
        for one in self.happenings():
            if one.trial is not None:
                active[one.trial] = one.kind in ("started", "report")
            elif one.kind in ("starting", "packing"):
                active.clear()
        return [number for number, yes in active.items() if yes]

    def signal(self, number: int, sign: signal.Signals) -> bool:
        """Send a signal to the worker of a trial, wherever it runs; False if it has none."""
        try:
            worker = Process.parse((self.folder / f"worker-{number}").read_text())
        except (OSError, ValueError):
            return False
        # Never a later process with the pid of one that has ended.
        if (here := worker.alive()) is not None:
            with contextlib.suppress(ProcessLookupError):
                if here:
                    os.kill(worker.pid, sign)
                    return True
            return False
        (self.folder / f"signal-{sign.value}-{number}").touch()
        return True

    def _note_cluster(self) -> None:
        """Remember what the driver wrote of its cluster, to look for what is left of it."""
        with contextlib.suppress(OSError, ValueError):
            record = json.loads((self.folder / driver.CLUSTER).read_text())
            if record not in self.clusters:
                self.clusters.append(record)

    def snapshot(self) -> Snapshot:
        """What is on record now."""
        at = time.monotonic()
        self._note_cluster()
        trials = self.store.results.find(self.campaign_id)
        unfinished = [trial for trial in trials if trial.status not in ENDED]
        full = int(self.store.campaigns.get(self.campaign_id).document["recipe"]["epochs"])
        return Snapshot(
            at=at,
            ended={trial.number: trial for trial in trials if trial.status in ENDED},
            # One that only lacks its end is given it without a worker.
            interrupted=tuple(
                trial.number
                for trial in unfinished
                if trial.started is not None and trial.epochs < full
            ),
            reports={trial.number: trial.epochs for trial in trials},
        )

    # ---------------------------------------------------------------- what came of it

    def verdict(self, moments: Sequence[Snapshot], *, finished: bool = True) -> Verdict:
        """What the faults at these moments cost, now that the campaign is at its end (or, if not
        `finished`, was stopped).
        """
        return judge(self._evidence(), moments, finished=finished)

    def _evidence(self) -> Evidence:
        uri = self.environment.get("MLFLOW_TRACKING_URI", self.home.tracking_uri)
        return Evidence(
            store=self.store,
            campaign_id=self.campaign_id,
            folder=self.folder,
            happenings=tuple(self.happenings()),
            epochs=self.epochs(),
            clusters=tuple(self.clusters),
            tracking_uri=uri if self.mirror else None,
        )

    def close(self) -> None:
        """End what runs, with all that it started."""
        if self.alive:
            self.kill()
        remains.sweep(self.folder / driver.CLUSTER)
        self.store.close()


def _parse_happening(line: str) -> TimedEvent | None:
    """A line of the happenings' file; None if it is still being written."""
    fields = line.split()
    if len(fields) < 2:
        return None
    number = int(fields[2]) if len(fields) > 2 else None
    return TimedEvent(at=float(fields[0]), kind=fields[1], trial=number)
