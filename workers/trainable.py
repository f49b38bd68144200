"""The Ray Tune trainable: one trial's epochs as results. torch is imported in the actor only.

A failure is a result with a reason and `done`, never a crash. Only a worker that cannot train any
more (a lost GPU, files out of reach) is left to Ray, and its trial starts again in another one. It
holds no state of a campaign.
"""

import contextlib
import faulthandler
import logging
import os
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray
from ray.tune import Trainable

import workers
from workers import checkpoint
from workers.job import CHECKPOINT, LOG, Failure, Job
from workers.logs import JsonLines, LogFormat, describe, make_formatter
from workers.storage.cache import ensure_cache
from workers.storage.claim import Claim
from workers.storage.places import join, local_folder

if TYPE_CHECKING:
    from workers.training import Trainer


_log = logging.getLogger(__name__)


class TrialTrainable(Trainable):  # type: ignore[misc]  # Ray has no types
    """`config` is {"job": the Job's JSON, "trial": its number, "part": of a GPU, by default all};
    for the trial's log it may have "campaign", an id, and "log", a format (workers/logs.py).

    Results hold `trial`, `epoch`, `top1` and `done`, and either `report` (a Report) or `failure`
    (a Failure; `top1` is then not a number). The first result after a checkpoint was found also
    holds `earlier`: the reports of the epochs before, which the driver may not have seen.
    """

    def setup(self, config: dict[str, Any]) -> None:
        """Start a trial. All the work is left to `step`, which the driver watches.

        Ray calls this where it makes an actor, and `reset_config` for each further trial: it is
        the constructor, and every attribute is born here.
        """
        self._trial: int = config["trial"]
        self._campaign_id: str | None = config.get("campaign")
        self._log_format: LogFormat = config.get("log", "text")
        self._job: str | None = config["job"]
        self._part: float = config.get("part", 1.0)
        self._trainer: Trainer | None = None
        self._claim: Claim | None = None
        self._failure: Failure | None = None
        self._earlier: list[dict[str, Any]] = []
        self._reached = 0

    def _begin(self) -> None:
        """Build the trial's network and continue from its own checkpoint, if it left one."""
        from workers import peak_memory, training

        if self._job is None:
            return
        text, self._job = self._job, None
        try:
            job = Job.read(text)
            self._claim = Claim(job.folder)
            _log_to(job.folder, self._log_format, self._campaign_id, self._trial)
            peak_memory.keep_to_part(self._part)
            self._trainer = training.Trainer(job)
            saved = join(job.folder, CHECKPOINT)
            if checkpoint.versions(saved):
                self._continue(saved)
            _mention("training", epoch=self._reached)
        except Exception as error:  # noqa: BLE001  (whatever it is, it is the trial's result)
            self._fail(error)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Start another trial; nothing of the last one is kept."""
        self.cleanup()
        self.setup(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Run an epoch and write the checkpoint."""
        self._begin()
        result: dict[str, Any] = {"trial": self._trial}
        if self._earlier:
            result["earlier"], self._earlier = self._earlier, []
        if self._trainer is not None:
            try:
                return result | self._epoch(self._trainer)
            except Exception as error:  # noqa: BLE001  (the trial's result)
                self._fail(error)
        assert self._failure is not None
        failure = self._failure.model_dump(mode="json")
        score = {"top1": float("nan"), "epoch": self._reached}
        return result | {"failure": failure, **score, "done": True}

    def _epoch(self, trainer: "Trainer") -> dict[str, Any]:
        if not trainer.finished:
            trainer.run_epoch()
            assert self._claim is not None
            if not self._claim.holds():
                # This worker hung, was abandoned, and woke up: another one has its trial.
                raise SystemExit("another worker has the trial")
            if trainer.finished or trainer.epoch % trainer.job.recipe.checkpoint_epochs == 0:
                trainer.save(join(trainer.job.folder, CHECKPOINT))
        report = trainer.reports[-1]
        self._reached = report.epoch
        _mention("epoch", epoch=report.epoch, top1=report.top1, seconds=report.seconds)
        return {
            "report": report.model_dump(mode="json"),
            "top1": report.top1,
            "epoch": report.epoch,
            "done": trainer.finished,
        }

    def _continue(self, saved: str) -> None:
        assert self._trainer is not None
        self._trainer.load(saved)
        self._earlier = [report.model_dump(mode="json") for report in self._trainer.reports]
        self._reached = self._trainer.epoch

    def _fail(self, error: Exception) -> None:
        """Turn an exception into the trial's result. Raises it again if the worker is lost."""
        from workers import failures

        if failures.device_lost(error) or failures.files_away(error):
            raise error
        self._failure = failures.failure(error)
        _mention("failed", kind=self._failure.kind, reason=self._failure.reason)
        # The frames of the exception hold the network as long as it is being handled.
        traceback.clear_frames(error.__traceback__)
        self._release()

    def _release(self) -> None:
        from workers import failures

        self._trainer = None
        failures.release()

    def cleanup(self) -> None:
        """Let go of the network and its memory."""
        self._release()

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Ray's own checkpoint: the same files as the trial's."""
        if self._trainer is not None:
            self._trainer.save(checkpoint_dir)

    def load_checkpoint(self, checkpoint_dir: Any) -> None:
        """The trial's own checkpoint is never older and goes first."""
        self._begin()
        fresh = self._trainer is not None and self._trainer.epoch == 0
        if fresh and checkpoint.versions(checkpoint_dir):
            try:
                self._continue(str(checkpoint_dir))
            except Exception as error:  # noqa: BLE001  (the trial's result)
                self._fail(error)


def _mention(event: str, **detail: Any) -> None:
    """Put an event into the trial's log, where it is for programs; people see the driver's."""
    _log.info("%s", event, extra=describe(event, detail=detail))


def _log_to(place: str, form: LogFormat, campaign: str | None, trial: int) -> None:
    """Send what this process writes to its standard error, a crash's traceback too, and its
    records, in that format, to a file in the trial's folder, or on this machine if that is at a
    URL: a log is not written at once.
    """
    if not ray.is_initialized():
        return  # not a worker: its standard error is not ours to redirect
    # A full disk is reported where something has to be written.
    with contextlib.suppress(OSError):
        folder = local_folder(place) or ensure_cache("logs", *place.split("/")[-2:])
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / LOG).open("ab") as log:
            os.dup2(log.fileno(), 2)
        if form == "json":
            _write_objects(folder / LOG, campaign, trial)
    faulthandler.enable(file=2, all_threads=False)


def _write_objects(file: Path, campaign: str | None, trial: int) -> None:
    """Write this process's records to a trial's log as JSON; no longer to the trial's before."""
    handler = logging.FileHandler(file, encoding="utf-8")
    handler.setFormatter(make_formatter("json", "worker", campaign, trial))
    root = logging.getLogger()
    before, root.handlers = root.handlers, [handler]
    for other in before:
        if isinstance(other.formatter, JsonLines):
            other.close()
    logging.getLogger(workers.__name__).setLevel(logging.INFO)
