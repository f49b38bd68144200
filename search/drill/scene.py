"""A campaign to which faults are done, and what they cost it.

A `Scene` is a campaign in a home of its own, with drivers in processes of their own, which may be
killed, and so may their workers. Whatever is done to it, `Scene.verdict` is one and the same look
for what that cost: a finished trial that is gone or was trained again, an epoch that was, a new
trial that went before an interrupted one, a status that is not true, a process or a file that is
left. `trainable` is the real one, which waits and keeps an account of what it trained.

This module does no fault (search/drill/faults.py does).
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search import driver
from search.campaign import Campaign
from search.home import Home, Process
from search.mirror.mirroring import LOCK
from search.mirror.runs import ENDS
from search.programs import python_command
from search.setting import Happening
from search.store import ENDED, Store, Trial
from search.tune import remains
from search.tune.losses import EVENT
from space.errors import VentralError
from workers.trainable import TrialTrainable

if TYPE_CHECKING:
    from workers.training import Trainer

HAPPENINGS, OUTPUT = "happenings", "driver.out"
"""In the campaign's folder: what its drivers told, a line each, and what they printed."""

PATIENCE = 180.0
"""Seconds after which something that should have happened has not."""


# -------------------------------------------------------------------------- inside a worker


class _Attendant(threading.Thread):
    """Does to its own process what a file asks for, at whatever moment that is."""

    def __init__(self) -> None:
        super().__init__(name="drill", daemon=True)
        self.trial: tuple[Path, int] | None = None

    def run(self) -> None:
        while True:
            time.sleep(0.05)
            if self.trial is None:
                continue
            folder, number = self.trial
            for sign in (signal.SIGKILL, signal.SIGSTOP):
                with contextlib.suppress(OSError):
                    (folder / f"signal-{sign.value}-{number}").unlink()
                    os.kill(os.getpid(), sign)


_attendant: _Attendant | None = None


def attend(folder: Path, number: int) -> None:
    """Tell in the campaign's `folder` which process trains a trial; what a drill wants of it is
    done from now on (`Scene.signal`).
    """
    global _attendant
    (folder / f"worker-{number}").write_text(str(Process.current()))
    if _attendant is None:
        _attendant = _Attendant()
        _attendant.start()
    _attendant.trial = (folder, number)


def trainable(pause: float) -> type[Any]:
    """The real trainable, which waits `pause` seconds before each epoch and keeps an account:
    every epoch that was trained is a line "EPOCH PID" of `epochs-N` in the campaign's folder.
    """

    class Drilled(TrialTrainable):
        def step(self) -> dict[str, Any]:
            if self._job is not None:
                self._campaign = Path(json.loads(self._job)["folder"]).parent
                attend(self._campaign, self._trial)
            time.sleep(pause)
            return super().step()

        def _epoch(self, trainer: Trainer) -> dict[str, Any]:
            before = trainer.epoch
            result = super()._epoch(trainer)
            if trainer.epoch > before:
                with (self._campaign / f"epochs-{self._trial}").open("a") as account:
                    account.write(f"{trainer.epoch} {os.getpid()}\n")
            return result

    return Drilled


# -------------------------------------------------------------------------- inside a driver


def drive(settings: Mapping[str, Any]) -> None:
    """Run a scene's campaign in this process. `settings` come from `Scene.start`."""
    home = Home.at(settings["home"])
    store = Store.open(home.store_url)
    module, _, name = settings["trainable"].partition(":")
    made = getattr(importlib.import_module(module), name)(settings["seconds"])
    told = home.ensure(home.campaign(settings["campaign"])) / HAPPENINGS

    def listen(happening: Happening) -> None:
        number = "" if happening.trial is None else happening.trial
        with told.open("a") as lines:
            lines.write(f"{time.monotonic():.3f} {happening.kind} {number}\n")

    try:
        outcome = driver.run(
            settings["campaign"],
            home,
            store,
            listen,
            trainable=made,
            mirror=settings["mirror"],
            address=settings["address"],
        )
    except VentralError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    print(f"outcome {outcome.state} {outcome.reason or ''}, {outcome.left} left", flush=True)


# -------------------------------------------------------------------------- the scene


@dataclass(frozen=True, kw_only=True)
class Told:
    """One happening of a campaign, at a time of this machine's monotonic clock."""

    at: float
    kind: str
    trial: int | None


@dataclass(frozen=True, kw_only=True)
class Moment:
    """What was on record when a fault had just been done."""

    at: float
    ended: dict[int, Trial]
    interrupted: tuple[int, ...]
    reports: dict[int, int]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What came of faults. `lost` counts finished trials and reported epochs that are gone,
    `repeated` epochs that were trained twice; `problems` says in words what else is not true.
    """

    lost: int
    repeated: int
    problems: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Whether nothing was lost and everything is true."""
        return not self.lost and not self.problems


@dataclass(kw_only=True)
class Scene:
    """A campaign to which faults are done.

    `trainable` names a function "module:name" that makes the trainable of an epoch's seconds.
    `environment` is added to the drivers'. With `mirror` runs go to MLflow.
    """

    home: Home
    store: Store
    campaign_id: str
    trainable: str = "search.drill.scene:trainable"
    seconds: float = 0.5
    mirror: bool = False
    address: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    clusters: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def made(cls, folder: Path, campaign: Campaign, **settings: Any) -> Scene:
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
        code = "import json, sys, search.drill.scene as s; s.drive(json.loads(sys.argv[1]))"
        ours = ("VENTRAL_", "MLFLOW_TRACKING")
        kept = {key: item for key, item in os.environ.items() if not key.startswith(ours)}
        root = str(Path(__file__).parents[2])
        self.home.ensure(self.folder)
        with (self.folder / OUTPUT).open("ab") as output:
            self.process = subprocess.Popen(
                [*python_command(code), json.dumps(settings)],
                cwd=root,
                env=kept | {"PYTHONPATH": root} | dict(self.environment),
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

    def printed(self) -> str:
        """What the drivers printed."""
        return (self.folder / OUTPUT).read_text(errors="replace")

    def until(self, condition: Callable[[], bool], what: str, timeout: float = PATIENCE) -> None:
        """Wait until `condition` holds. VentralError if the driver ends, or too long after."""
        end = time.monotonic() + timeout
        while not condition():
            if not self.alive and not condition():
                raise VentralError(f"the driver ended before {what}:\n{self.printed()[-2000:]}")
            if time.monotonic() > end:
                raise VentralError(f"{what}: not within {timeout:g} s")
            time.sleep(0.02)

    # ---------------------------------------------------------------- what happened

    def told(self, since: float = 0.0) -> list[Told]:
        """What the drivers told since then."""
        with contextlib.suppress(FileNotFoundError):
            lines = (self.folder / HAPPENINGS).read_text().splitlines()
            return [told for told in map(_told, lines) if told is not None and told.at >= since]
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
        for one in self.told():
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
        # Never a process that was given the number of one that is gone.
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
            found = json.loads((self.folder / driver.CLUSTER).read_text())
            if found not in self.clusters:
                self.clusters.append(found)

    def moment(self) -> Moment:
        """What is on record now."""
        at = time.monotonic()
        self._note_cluster()
        trials = self.store.trials(self.campaign_id)
        unfinished = [trial for trial in trials if trial.status not in ENDED]
        full = int(self.store.campaign(self.campaign_id).document["recipe"]["epochs"])
        return Moment(
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

    def verdict(self, moments: Sequence[Moment], *, finished: bool = True) -> Verdict:
        """What the faults at these moments cost, now that the campaign is at its end (or, if not
        `finished`, was stopped).
        """
        trials = {trial.number: trial for trial in self.store.trials(self.campaign_id)}
        lost = sum(_lost(moment, trials) for moment in moments)
        repeated = sum(
            count - 1
            for epochs in self.epochs().values()
            for count in Counter(epochs).values()
            if count > 1
        )
        problems = [
            *self._out_of_turn(moments),
            *self._records(trials, finished),
            *(self._mlflow(trials) if self.mirror else ()),
            *self._left_behind(),
        ]
        return Verdict(lost=lost, repeated=repeated, problems=tuple(problems))

    def _out_of_turn(self, moments: Sequence[Moment]) -> Iterator[str]:
        """New trials that took a slot for which an interrupted one was waiting."""
        told = self.told()
        slots = _peak(told)
        trials = self.store.trials(self.campaign_id)
        events = self.store.events(self.campaign_id)
        losses = iter([event for event in events if event.kind == EVENT])
        waiting: set[int | None] = set()
        seen: set[int | None] = set()
        over: set[int | None] = set()
        spare = 0
        for one in told:
            past = [moment for moment in moments if moment.at <= one.at]
            if one.kind == "starting":
                waiting = set[int | None](past[-1].interrupted if past else ()) - over
                # All slots are free, and filled in any order.
                spare = slots - len(waiting)
            elif one.kind == "retry":
                waiting.add(one.trial)
                spare = 0
                # Those that had been given out before only had to start.
                at = next((lost.at for lost in losses if lost.detail["trial"] == one.trial), 0.0)
                seen |= {trial.number for trial in trials if trial.created <= at}
            elif one.kind == "started":
                new = one.trial not in seen | waiting
                spare -= new
                if new and waiting and spare < 0:
                    yield f"trial {one.trial} was started before {sorted(map(str, waiting))}"
                seen.add(one.trial)
                waiting.discard(one.trial)
            elif one.kind in ENDED:
                waiting.discard(one.trial)
                over.add(one.trial)

    def _records(self, trials: Mapping[int, Trial], finished: bool) -> Iterator[str]:
        record = self.store.campaign(self.campaign_id)
        campaign = Campaign.parse(record.document)
        if finished and record.state != "finished":
            yield f"the campaign is {record.state} ({record.reason})"
        trained = sum(trial.status != "infeasible" for trial in trials.values())
        if finished and trained != campaign.budget.trials:
            yield f"{trained} trials where the budget has {campaign.budget.trials}"
        if sorted(trials) != list(range(len(trials))):
            yield f"numbers with gaps: {sorted(trials)}"
        for trial in trials.values():
            if trial.status == "running" or (finished and trial.status == "waiting"):
                yield f"trial {trial.number} is {trial.status}"
            held = [
                report["epoch"] for report in self.store.reports(self.campaign_id, trial.number)
            ]
            if held != list(range(1, trial.epochs + 1)):
                yield f"trial {trial.number} has reports of the epochs {held}"
            if trial.status == "finished" and trial.epochs != campaign.recipe.epochs:
                yield f"trial {trial.number} finished after {trial.epochs} epochs"

    def _mlflow(self, trials: Mapping[int, Trial]) -> Iterator[str]:
        """What MLflow shows that is not so."""
        from mlflow.tracking import MlflowClient

        left = self.store.backlog(self.campaign_id)
        if left:
            yield f"{left} runs are not in MLflow"
        experiment = self.store.campaign(self.campaign_id).experiment
        uri = self.environment.get("MLFLOW_TRACKING_URI", self.home.tracking_uri)
        client = MlflowClient(tracking_uri=uri)
        found = client.search_runs([experiment], max_results=50_000) if experiment else []
        shown = Counter(int(run.data.tags["ventral.trial"]) for run in found)
        for number, count in shown.items():
            if count > 1:
                yield f"trial {number} has {count} runs in MLflow"
        for run in found:
            number = int(run.data.tags["ventral.trial"])
            expected = ENDS.get(trials[number].status) if number in trials else None
            if run.info.status != expected:
                yield f"trial {number} is {run.info.status} in MLflow, and not {expected}"
        ended = {number for number, trial in trials.items() if trial.status in ENDED}
        if missing := sorted(ended - set(shown)):
            yield f"trials {missing} are not in MLflow"

    def _left_behind(self) -> Iterator[str]:
        """Processes and folders of the clusters that this campaign had."""
        until = time.monotonic() + 20.0
        for one in self.clusters:
            while one["mark"] and remains.marked(one["mark"]) and time.monotonic() < until:
                time.sleep(0.1)
            if one["mark"] and (pids := remains.marked(one["mark"])):
                yield f"processes {pids} are left of a cluster"
            if Path(one["scratch"]).exists():
                yield f"folder {one['scratch']} is left of a cluster"
        if self._mirrors(until):
            yield "a process that writes to MLflow is left"
        if (self.folder / driver.CLUSTER).exists():
            yield f"{self.folder / driver.CLUSTER} is left"
        for left in (*self.folder.glob(f"{remains.PREFIX}*"), *self.folder.glob("*/.*")):
            yield f"{left} is left"

    def _mirrors(self, until: float) -> bool:
        """Whether the campaign's mirror holds its lock, and does not give it back until then."""
        with (self.folder / LOCK).open("w") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return False
                except BlockingIOError:
                    if time.monotonic() > until:
                        return True
                time.sleep(0.1)

    def close(self) -> None:
        """End what runs, with all that it started."""
        if self.alive:
            self.kill()
        remains.sweep(self.folder / driver.CLUSTER)
        self.store.close()


def _told(line: str) -> Told | None:
    fields = line.split()
    if len(fields) < 2:
        return None  # it is being written
    number = int(fields[2]) if len(fields) > 2 else None
    return Told(at=float(fields[0]), kind=fields[1], trial=number)


def _peak(told: Sequence[Told]) -> int:
    """How many trials ran at once, at most."""
    running: set[int | None] = set()
    peak = 0
    for one in told:
        if one.kind == "starting":
            running.clear()
        elif one.kind == "started":
            running.add(one.trial)
        elif one.kind == "retry" or one.kind in ENDED:
            running.discard(one.trial)
        peak = max(peak, len(running))
    return peak


def _lost(moment: Moment, trials: Mapping[int, Trial]) -> int:
    """How many trials had ended at that moment and are not what they were, or lack epochs."""
    lost = 0
    for number, before in moment.ended.items():
        now = trials.get(number)
        same = now is not None and (now.status, now.top1, now.epochs, now.attempts) == (
            before.status,
            before.top1,
            before.epochs,
            before.attempts,
        )
        lost += not same
    for number, epochs in moment.reports.items():
        now = trials.get(number)
        lost += number not in moment.ended and (now is None or now.epochs < epochs)
    return lost
