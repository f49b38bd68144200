"""Ray Tune's own loop, without the parts that grow with a campaign.

`tune.Tuner` keeps every trial that ever was for the state that it saves; it makes folders for
each on both sides, looks its class up in Ray's key-value store five times, reserves a placement
group for it, and reads all trials' files again at the end. None of it is needed where the store
is the truth, so Ray Tune's controller is run here directly: the scheduling, the workers, their
reuse and the handling of lost ones are Ray Tune's.

Beyond Ray's public interface this file uses `TuneController`, and of it what is named below.
"""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.air.execution import FixedResourceManager
from ray.tune.error import TuneError
from ray.tune.execution.class_cache import _ActorClassCache
from ray.tune.execution.placement_groups import resource_dict_to_pg_factory
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Experiment, Trial
from ray.tune.schedulers import TrialScheduler
from ray.tune.search import SearchAlgorithm, Searcher

from search.host.cards import TYPE
from search.run import Run
from search.tune.cluster import Ground
from search.tune.evidence import EVIDENCE, read_result
from search.tune.recorder import Ending, Recorder
from search.tune.scheduler import AGAIN, Judged
from search.tune.searcher import TuneSearcher

FOLDER = "trial"
"""The one folder of all of Ray's trials. Nothing of ours is in it; Ray adds errors to a file."""

SOME = 0.001
"""Of the resource that says what cards a node has: any number of trials may take so much."""

START_SECONDS = 60.0
"""Seconds that a new trial waits for the worker that is being started for it. Then it takes
another one, since there may be no room left for its own.
"""


def make_loop(
    run: Run,
    trainable: type[Any],
    ground: Ground,
    slots: int,
    may_start: Callable[[int], bool],
) -> "Loop":
    """Ray Tune's loop over a run's trials, at most `slots` of `trainable` at once on `ground`.

    `may_start` is asked, with the number of trials that run, before another one starts. Whoever
    steps it, until it is finished, calls `cleanup` then; not after an error: whoever leaves the
    cluster ends its workers, and a broken one would never answer.
    """
    needs, recorder = run.setting.campaign.resources, Recorder(run)
    # On a cluster of others Ray looks for the card; one machine was looked at before.
    constraint = needs.accelerator if ground.place is not None else None
    return assemble_loop(
        trainable,
        {"cpu": needs.cpus, "gpu": needs.gpus, **ground.resources}
        | ({} if constraint is None else {f"{TYPE}{constraint}": SOME}),
        TuneSearcher(run, slots, may_start),
        Judged(run.judge),
        slots=slots,
        callbacks=[recorder],
        stopper=Ending(run, recorder),
        scratch=ground.scratch,
    )


def assemble_loop(
    trainable: type[Any],
    resources: dict[str, float],
    searcher: Searcher,
    scheduler: TrialScheduler,
    *,
    slots: int,
    callbacks: list[tune.Callback],
    stopper: tune.Stopper,
    scratch: Path,
) -> "Loop":
    """Ray Tune's loop over the trials of a searcher, each taking `resources`.

    `scratch` is a folder for what Ray writes.
    """
    experiment = Experiment("run", trainable, storage_path=str(scratch / "tune"))
    loop = Loop(
        slots,
        threads(resources.get("cpu", 1.0)),
        search_alg=SuggestedTrials(searcher, trainable, resources, experiment.storage),
        scheduler=scheduler,
        stopper=stopper,
        callbacks=callbacks,
        storage=experiment.storage,
        reuse_actors=True,
        resource_manager_factory=lambda: Unreserved({}),
    )
    loop.setup_experiments([experiment], total_num_samples=0)
    return loop


def threads(cpus: float) -> int:
    """Threads of a trial's libraries: one for each whole core that it takes, and at least one."""
    return max(1, math.floor(cpus))


class SuggestedTrials(SearchAlgorithm):  # type: ignore[misc]
    """What the searcher suggests, as trials of Ray's."""

    def __init__(
        self,
        searcher: Searcher,
        trainable: type[Any],
        resources: dict[str, float],
        storage: Any,
    ) -> None:
        self._searcher, self._storage = searcher, storage
        self._resources = resource_dict_to_pg_factory(resources)

        class Known(Trial):  # type: ignore[misc]
            """A trial whose class need not be looked up."""

            def get_trainable_cls(self) -> type[Any]:
                return trainable

        self._trial = Known

    @property
    def metric(self) -> Any:
        """What is optimised."""
        return self._searcher.metric

    def next_trial(self) -> Trial | None:
        """A new trial; None if there is none now."""
        if self.is_finished():
            return None
        trial_id = Trial.generate_id()
        config = self._searcher.suggest(trial_id)
        if config == Searcher.FINISHED:
            self.set_finished()
        if not isinstance(config, dict):
            return None
        trial = self._trial(
            "trial",
            config=config,
            trial_id=trial_id,
            storage=self._storage,
            placement_group_factory=self._resources,
            # Trials write their own checkpoints, where the next driver finds them.
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            trial_name_creator=_trial_name,
            # A trial whose worker was lost is given out again as a new one of Ray's.
            max_failures=0,
            stub=True,
        )
        trial.relative_logdir = trial.storage.trial_dir_name = FOLDER
        return trial

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """A trial is over."""
        self._searcher.on_trial_complete(trial_id, result, error)


class Loop(TuneController):  # type: ignore[misc]
    """Ray Tune's controller that knows only the trials that are not over."""

    def __init__(self, slots: int, threads: int, **settings: Any) -> None:
        super().__init__(**settings)
        self._slots, self._class_cache = slots, WorkerClasses(threads)
        self._kept: set[Any] = set()
        self._added: dict[Trial, float] = {}
        self.update_max_pending_trials(slots)

    def step(self) -> None:
        """One round of Ray Tune's. Raises what went wrong in it.

        Where that is in what follows from a result, Ray Tune raises an error of its own with the
        traceback as its text; what it was raised from is raised here.
        """
        try:
            super().step()
            return
        except TuneError as error:
            origin = error.__context__ or error
        raise origin

    def add_trial(self, trial: Trial) -> None:
        """Take a trial up, and let as many idle workers wait as there are slots."""
        super().add_trial(trial)
        self._added[trial] = time.monotonic()
        resources = trial.placement_group_factory
        if resources not in self._kept:
            # A worker without a trial waits for one: it took seconds to start.
            self._kept.add(resources)
            self._actor_cache.increase_max(resources, self._slots)

    def _maybe_reuse_cached_actor(self, trial: Trial) -> bool:
        # A worker that is free takes a new trial, and not one whose own worker is being started:
        # that worker would be given up for it, again and again where trials are short.
        waits = trial in self._trial_to_actor and trial not in self._resetting_trials
        patient = time.monotonic() - self._added.get(trial, 0.0) < START_SECONDS
        if waits and patient and not trial.config.get(AGAIN):
            return False
        return bool(super()._maybe_reuse_cached_actor(trial))

    def withdraw_requests(self, is_new: Callable[[Trial], bool]) -> None:
        """Take back the workers that are requested for new trials and have not started.

        They are requested again, behind whatever is requested next. `is_new` picks the trials.
        """
        for trial, actor in list(self._trial_to_actor.items()):
            if is_new(trial) and not self._actor_manager.is_actor_started(actor):
                self._trial_to_actor.pop(trial)
                self._actor_to_trial.pop(actor)
                self._actor_manager.remove_actor(actor)
                self._unstage_trial_with_resources(trial)
                self._pending_trials_list.append(trial)

    def _process_trial_result(self, trial: Trial, result: dict[str, Any]) -> Any:
        # Here, since Ray shows a flattened copy to the scheduler and the result to callbacks.
        if EVIDENCE not in result:
            read_result(result)
        return super()._process_trial_result(trial, result)

    def checkpoint(self, force: bool = False, wait: bool = False) -> None:
        """Nothing to save: campaigns are resumed from the store."""

    def _mark_trial_to_checkpoint(self, trial: Trial) -> None:
        """Nothing to save."""

    def on_step_end(self) -> None:
        """Forget the trials that are over."""
        super().on_step_end()
        for over in (self._stopped_trials, self._failed_trials):
            for trial in over:
                self._trials.remove(trial)
                self._live_trials.discard(trial)
                self._added.pop(trial, None)
            over.clear()


class Unreserved(FixedResourceManager):  # type: ignore[misc]
    """Workers ask Ray for what they take when they are made, without a reservation before it.

    Ray makes those wait for which there is no room; how many there are is the searcher's business.
    """

    def has_resources_ready(self, resource_request: Any) -> bool:
        """Whether a worker may be started for a request: as soon as it was made."""
        return resource_request in self._requested_resources


class WorkerClasses(_ActorClassCache):  # type: ignore[misc]
    """Makes workers' classes whose libraries start as many threads as a trial has cores."""

    def __init__(self, threads: int) -> None:
        super().__init__()
        self._threads = str(threads)

    def get(self, trainable_cls: type[Any]) -> Any:
        """The remote class of a trainable, made once."""
        if trainable_cls not in self._cache:
            names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
            environment = {"env_vars": dict.fromkeys(names, self._threads)}
            self._cache[trainable_cls] = ray.remote(runtime_env=environment)(trainable_cls)
        return self._cache[trainable_cls]


def _trial_name(trial: Any) -> str:
    return f"trial-{trial.config['trial']}-{trial.trial_id}"
