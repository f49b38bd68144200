"""A campaign's run without Ray: a store with one campaign, and a player of Ray Tune's part."""

from __future__ import annotations

import copy
import random
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ray.tune.schedulers import TrialScheduler
from ray.tune.search import Searcher

from search.assign.ahead import Ahead
from search.assign.queue import Assignment
from search.assign.setting import Setting
from search.assign.stopping import Stop
from search.assign.suggesting import Suggester
from search.campaign import Campaign
from search.run import Run, build_run
from search.tune.evidence import read_result
from search.tune.recorder import Recorder
from search.tune.rungs import Rungs
from search.tune.scheduler import Judged
from search.tune.searcher import TuneSearcher
from space.space import Space
from tests.support import toys
from tests.support.bench import StoreBench
from workers.job import Report


class Bench(StoreBench):
    """A store with one campaign, and runs made from it: each is a new driver's."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        super().__init__(folder)
        self.campaign = toys.campaign(**changes)
        self.id = self.put_on_record(self.campaign)

    def beside(self, campaign: Campaign, certifies: str | None = None) -> Bench:
        """A bench on another campaign of the same store, over a toy space."""
        other = copy.copy(self)
        other.campaign, other.happenings = campaign, []
        other.id = self.put_on_record(campaign, certifies=certifies)
        return other

    @property
    def setting(self) -> Setting:
        """What a run of the campaign needs."""
        return self.make_setting(self.id, self.campaign)

    @property
    def space(self) -> Space:
        """The campaign's."""
        return self.setting.space

    def begin(self, *, ahead: bool = False) -> Run:
        """A new driver's run."""
        self.store.campaigns.set_state(self.id, "running")
        return build_run(self.setting, Stop(), Rungs, ahead=ahead)

    def kinds(self) -> list[str]:
        """What has happened."""
        return [happening.kind for happening in self.happenings]


def suggester_of(run: Run) -> Suggester:
    """What suggests a run's trials, by itself or in a thread that works ahead."""
    source = run.source
    return source._suggester if isinstance(source, Ahead) else source  # noqa: SLF001 - a test listens


def sampler_of(run: Run) -> Any:
    """The sampler that a run asks and tells."""
    return suggester_of(run)._whole.sampler  # noqa: SLF001 - a test takes the sampler's part


def train(run: Run, assignment: Assignment, epochs: int = 3, status: Any = "finished") -> None:
    """What becomes of a trial that reports `epochs` and ends."""
    run.records.start(assignment.number)
    for epoch in range(1, epochs + 1):
        report = toys.report(epoch, toys.score(assignment.number, epoch, 3))
        run.records.add_report(assignment.number, Report.model_validate(report))
    run.records.end(assignment.number, status)


class CrashError(Exception):
    """The driver is gone, at this moment."""


class Player:
    """Plays Ray Tune's part in a campaign, in its order, and crashes as often as it is told to.

    Workers train epoch after epoch in a random order. Their checkpoints outlive every driver, so
    that a later one hears of epochs of which this one did not. The scores are random, too, but
    those of one trial and epoch are always the same.
    """

    def __init__(
        self, bench: Bench, seed: int, *, slots: int = 3, crashes: float = 0.0, ahead: bool = False
    ) -> None:
        self.bench, self._rng, self._slots, self._crashes = (
            bench,
            random.Random(seed),
            slots,
            crashes,
        )
        self._ahead = ahead
        self.trained: dict[int, int] = {}
        self.crashed = 0

    def play(self) -> None:
        """Run the campaign to its end, over as many drivers as it takes."""
        while True:
            run = self.bench.begin(ahead=self._ahead)
            try:
                self._drive(run)
                self.bench.store.campaigns.set_state(self.bench.id, "finished")
                return
            except CrashError:
                self.crashed += 1
            finally:
                run.close()

    def _drive(self, run: Run) -> None:
        scheduler, recorder = Judged(run.judge), Recorder(run)
        searcher = TuneSearcher(run, self._slots, lambda _live: True)
        running: list[Any] = []
        over = False
        while running or not over:
            while not over and len(running) < self._slots:
                trial_id = str(self._rng.random())
                config = searcher.suggest(trial_id)
                if not isinstance(config, dict):
                    over = config == Searcher.FINISHED
                    break
                running.append(self._trial(trial_id, config))
                scheduler.on_trial_add(
                    SimpleNamespace(withdraw_requests=lambda _is_new: None), running[-1]
                )
                recorder.on_trial_start(trial=running[-1])
                self._maybe_crash()
            if running:
                trial = self._rng.choice(running)
                if self._epoch(trial, scheduler, searcher, recorder):
                    running.remove(trial)
            if run.stop.error is not None:
                raise run.stop.error

    def _trial(self, trial_id: str, config: dict[str, Any]) -> Any:
        return SimpleNamespace(
            trial_id=trial_id,
            config=config,
            temporary_state=SimpleNamespace(ray_actor=None),
            last_result={},
            error_file=None,
            # What its worker found in the checkpoint.
            found=self.trained.get(config["trial"], 0),
        )

    def _epoch(
        self,
        trial: Any,
        scheduler: Judged,
        searcher: TuneSearcher,
        recorder: Recorder,
    ) -> bool:
        """One more epoch of a trial, as `TuneController` takes it up: whether it was the last."""
        number, epochs = trial.config["trial"], self.bench.setting.epochs
        earlier = [self._report(number, epoch) for epoch in range(1, trial.found + 1)]
        trial.found = 0
        self.trained[number] = min(self.trained.get(number, 0) + 1, epochs)
        self._maybe_crash()
        report = self._report(number, self.trained[number])
        done = report["epoch"] >= epochs
        result: dict[str, Any] = {
            "report": report,
            "epoch": report["epoch"],
            "top1": report["top1"],
        }
        if earlier:
            result["earlier"] = earlier
        read_result(result)
        decision = TrialScheduler.STOP
        if not done:
            decision = scheduler.on_trial_result(None, trial, result)
        self._maybe_crash()
        recorder.on_trial_result(trial=trial, result=result)
        trial.last_result = result
        self._maybe_crash()
        if decision != TrialScheduler.STOP:
            return False
        scheduler.on_trial_complete(None, trial, result)
        searcher.on_trial_complete(trial.trial_id, result)
        recorder.on_trial_complete(trial=trial)
        self._maybe_crash()
        return True

    def _report(self, number: int, epoch: int) -> dict[str, Any]:
        return toys.report(epoch, round(random.Random(f"{number}/{epoch}").random(), 3))

    def _maybe_crash(self) -> None:
        if self._rng.random() < self._crashes:
            raise CrashError


def play_campaign(
    folder: Path, seed: int, changes: Mapping[str, Any], more: Mapping[str, Any]
) -> tuple[Bench, Player]:
    """A campaign with `changes`, and then `more` of them, that was played to its end.

    `crashes` and `ahead` among `more` are the player's.
    """
    own = {key: more[key] for key in ("crashes", "ahead") if key in more}
    bench = Bench(folder, **{**changes, **{k: v for k, v in more.items() if k not in own}})
    player = Player(bench, seed, **own)
    player.play()
    return bench, player
