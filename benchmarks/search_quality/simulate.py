"""A simulated executor: campaigns in which the trainings were done before.

Everything between the sampler and the store is the campaign's own: queue, records, judge, store.
Only Ray Tune's part is played here: workers that take a trial each, epochs that end in the order
of a virtual clock, and the scheduler's word after each of them. What an epoch reports, and how
many seconds it took, is the world's to say. A suggestion takes no time: a trial is suggested when
a worker is free, as in a campaign whose trials take much longer than that.
"""

import heapq
import itertools
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

from ray.tune.schedulers import TrialScheduler

from search import samplers
from search.assign.queue import Assignment
from search.assign.setting import Setting
from search.assign.stopping import Stop
from search.campaign import Campaign
from search.host.home import Home
from search.run import build_run
from search.samplers.protocol import derive_seed
from search.store import Status, Store
from search.tune.evidence import EVIDENCE, WorkerEvidence
from search.tune.recorder import Recorder
from search.tune.rungs import Rungs
from search.tune.scheduler import Judged
from space.space import Space
from workers.job import Failure, PackRef, Recipe, Report

SLOTS = 2
SHARED_MEMORY = Path("/dev/shm")  # the store's file is written many times a trial


@dataclass(frozen=True, kw_only=True)
class Training:
    """A training that was done before: top-1 after every epoch, and what an epoch took.

    A failed one ends with the epoch after its last score.
    """

    top1: tuple[float, ...]
    seconds_an_epoch: float
    reason: str | None = None


class World(Protocol):
    """What a simulated campaign searches."""

    @property
    def space(self) -> Space:
        """The space, closed to the images."""
        ...

    @property
    def recipe(self) -> Recipe:
        """The recipe of all trainings."""
        ...

    @property
    def truth(self) -> Mapping[str, float]:
        """What every network of the space is worth, by digest."""
        ...

    def training(self, digest: str, repeat: int, recipe: Mapping[str, Any], /) -> Training:
        """One training of a network by what its choices make of the recipe: in one repeat always
        the same one.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Method:
    """A way to search: a sampler, its options and version (by default the latest), a scheduler."""

    name: str
    sampler: str
    options: Mapping[str, Any] = field(default_factory=dict)
    version: int | None = None
    scheduler: Mapping[str, Any] = field(default_factory=lambda: {"name": "fifo"})


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A trial that is over: the virtual time in seconds, how far it got, and what its choices made
    of the recipe.
    """

    at: float
    number: int
    digest: str
    status: Status
    epochs: int
    top1: float | None
    recipe: Mapping[str, Any] = field(default_factory=dict)


@dataclass(order=True)
class _Running:
    """A trial on a worker, by the time at which its next epoch ends."""

    until: float
    order: int
    trial: Any = field(compare=False)
    digest: str = field(compare=False)
    recipe: Mapping[str, Any] = field(compare=False)
    training: Training = field(compare=False)
    epoch: int = field(default=0, compare=False)


class Simulator:
    """Runs campaigns over one world. Made by `simulator`, which removes its store again.

    `guess` is the top-1 of a network that has learned nothing: who has no more is stopped.
    """

    def __init__(
        self, world: World, home: Home, slots: int = SLOTS, guess: float | None = None
    ) -> None:
        self.world, self._guess = world, guess
        self._home, self._slots = home, slots
        self._store = Store.open(home.store_url)

    def close(self) -> None:
        """Give the store back."""
        self._store.close()

    def run(
        self,
        method: Method,
        repeat: int,
        *,
        trials: int,
        enough: Callable[[Ended], bool] = lambda _ended: False,
    ) -> list[Ended]:
        """A campaign of at most `trials` trials, ended early once `enough` says so of one.

        What ended, in order. Equal arguments give equal results. Raises what went wrong.
        """
        setting = self._setting(method, repeat, trials)
        try:
            return self._played(setting, repeat, enough)
        finally:
            self._store.campaigns.set_state(setting.campaign_id, "finished")

    def _setting(self, method: Method, repeat: int, trials: int) -> Setting:
        document = {
            "name": f"{method.name}-{repeat}",
            "space": self.world.space.document(),
            "data": {"name": "digits-occluded"},
            "recipe": self.world.recipe.model_dump(mode="json"),
            "sampler": {
                "name": method.sampler,
                "options": dict(method.options),
                "version": method.version or samplers.latest_version(method.sampler),
            },
            "scheduler": dict(method.scheduler),
            "budget": {"trials": trials},
            "controls": [],
            "reuse": False,
            "seed": derive_seed(repeat, "simulated"),
            "keep": 0,
        }
        campaign = Campaign.parse(document)
        data = PackRef(path="nowhere", checksum="")
        record = self._store.campaigns.create(
            campaign.name, campaign.document(), self.world.space.document(), data.model_dump()
        )
        self._store.campaigns.set_state(record.id, "running")
        return Setting(
            campaign_id=record.id,
            campaign=campaign,
            space=self.world.space,
            data=data,
            home=self._home,
            store=self._store,
            guess=self._guess,
        )

    def _played(
        self, setting: Setting, repeat: int, enough: Callable[[Ended], bool]
    ) -> list[Ended]:
        """Ray Tune's part."""
        run = build_run(setting, Stop(), Rungs)
        recorder, scheduler = Recorder(run), Judged(run.judge)
        now, order = 0.0, itertools.count()
        running: list[_Running] = []
        ended: list[Ended] = []
        while True:
            while len(running) < self._slots and (assigned := run.queue.next()) is not None:
                trial = _trial(assigned)
                recorder.on_trial_start(trial=trial)
                record = setting.store.results.get(setting.campaign_id, assigned.number)
                digest, recipe = record.digest, record.recipe
                training = self.world.training(digest, repeat, recipe)
                until = now + training.seconds_an_epoch
                begun = _Running(until, next(order), trial, digest, recipe, training)
                heapq.heappush(running, begun)
            if not running:
                break
            first = heapq.heappop(running)
            now = first.until
            status = self._epoch(first, setting, recorder, scheduler)
            if run.stop.error is not None:
                raise run.stop.error
            if status is None:
                first.until, first.order = now + first.training.seconds_an_epoch, next(order)
                heapq.heappush(running, first)
                continue
            number, last = first.trial.config["trial"], first.trial.last_result
            ended.append(
                Ended(
                    at=now,
                    number=number,
                    digest=first.digest,
                    status=status,
                    epochs=first.epoch,
                    top1=None if status == "failed" else last["top1"],
                    recipe=first.recipe,
                )
            )
            if enough(ended[-1]):
                break
        if run.queue.error is not None:
            raise run.queue.error
        return ended

    def _epoch(
        self, run: _Running, setting: Setting, recorder: Recorder, scheduler: Judged
    ) -> Status | None:
        """An epoch has ended; how the trial ended with it, if it did."""
        trial, training, number = run.trial, run.training, run.trial.config["trial"]
        if run.epoch >= len(training.top1):
            kind, _, reason = (training.reason or "error: no score").partition(": ")
            failure = Failure.model_validate({"kind": kind, "reason": reason})
            trial.last_result = {"trial": number, "top1": float("nan"), "epoch": run.epoch}
            trial.last_result[EVIDENCE] = WorkerEvidence(failure=failure)
            recorder.on_trial_complete(trial=trial)
            return "failed"
        top1 = training.top1[run.epoch]
        run.epoch += 1
        report = _report(run.epoch, top1, run.epoch * training.seconds_an_epoch)
        result = {"trial": number, "top1": top1, "epoch": run.epoch}
        result[EVIDENCE] = WorkerEvidence(report=report)
        trial.last_result = result
        recorder.on_trial_result(trial=trial, result=result)
        if run.epoch >= setting.epochs:
            scheduler.on_trial_result(None, trial, result)
        elif scheduler.on_trial_result(None, trial, result) != TrialScheduler.STOP:
            return None
        recorder.on_trial_complete(trial=trial)
        return "finished" if run.epoch >= setting.epochs else "pruned"


def _trial(assignment: Assignment) -> Any:
    """What the scheduler and the recorder look at in a trial of Ray's."""
    return SimpleNamespace(
        trial_id=str(assignment.number),
        config={"trial": assignment.number},
        temporary_state=SimpleNamespace(ray_actor=None),
        last_result={},
        error_file=None,
    )


def _report(epoch: int, top1: float, seconds: float) -> Report:
    """An epoch's report; of a training that was not done here only these are known."""
    return Report(
        epoch=epoch,
        top1=top1,
        top5=1.0,
        loss=0.0,
        train_loss=0.0,
        accuracy_by_step=(),
        seconds=seconds,
        memory_mb=0.0,
    )


@contextmanager
def simulator(world: World, slots: int = SLOTS, guess: float | None = None) -> Iterator[Simulator]:
    """A simulator with a store that is gone afterwards."""
    folder = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=folder, prefix="ventral-simulated-") as path:
        made = Simulator(world, Home.at(path, environ={}), slots, guess)
        try:
            yield made
        finally:
            made.close()
