"""The drill inside a worker: the real trainable, slowed down, with an account of what it trained.

A drill that runs on several machines reaches a worker through files in the campaign's folder: the
worker writes there which process it is, and does to itself what a file asks for.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.host.home import Process
from workers.trainable import TrialTrainable

if TYPE_CHECKING:
    from workers.training import Trainer


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
        def setup(self, config: dict[str, Any]) -> None:
            super().setup(config)
            self._campaign = Path(json.loads(config["job"])["folder"]).parent

        def step(self) -> dict[str, Any]:
            if self._job is not None:
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
