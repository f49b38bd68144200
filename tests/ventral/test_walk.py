"""The walk of CONTRIBUTING.md: the modules between `ventral submit` and a training."""

from __future__ import annotations

import inspect
import re
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from search import driver
from search.host.machine import Machine
from search.run import Run
from search.tune.cluster import Ground
from tests.support import toys
from tests.support.shrinking import PACKAGES, ROOT
from ventral.commands import running
from workers import training
from workers.job import Report
from workers.trainable import TrialTrainable

HOPS = 4


class Loop:
    """Ray Tune's loop, with a worker in this process."""

    def __init__(self, run: Run, trainable: type[TrialTrainable]) -> None:
        self._run, self._trainable = run, trainable

    def is_finished(self) -> bool:
        return not self._run.queue.prepare()

    def step(self) -> None:
        assignment = self._run.queue.next()
        assert assignment is not None
        worker = self._trainable.__new__(self._trainable)
        worker.setup({"job": assignment.job.model_dump_json(), "trial": assignment.number})
        self._run.records.start(assignment.number)
        report = Report.model_validate(worker.step()["report"])
        self._run.records.receive(assignment.number, (), report)
        self._run.records.end(assignment.number, "finished")

    def cleanup(self) -> None:
        pass


class NoMirror:
    """A mirror that sends nothing."""

    backlog = 0

    def __init__(self, *_: Any) -> None:
        pass

    def start(self) -> NoMirror:
        return self

    def notify(self) -> None:
        pass

    def close(self, _timeout: float) -> int:
        return 0


def modules_on_the_stack() -> list[str]:
    """Our modules from the outermost call on, each once where several of its functions call."""
    names = [frame.frame.f_globals["__name__"] for frame in reversed(inspect.stack())]
    ours = [name for name in names if name.partition(".")[0] in PACKAGES]
    return [ours[0], *(after for before, after in pairwise(ours) if after != before)]


def test_a_training_step_is_four_hops_from_submit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VENTRAL_HOME", str(tmp_path / "home"))
    stacks: list[list[str]] = []

    @contextmanager
    def open_ground(*_: Any) -> Any:
        machines = (Machine(cpus=1, gpus=0),)
        yield Ground(machines=machines, remains=None, resources={})  # type: ignore[arg-type]

    def update(*_: Any) -> torch.Tensor:
        stacks.append(modules_on_the_stack())
        return torch.tensor(0.5)

    monkeypatch.setattr(driver, "open_ground", open_ground)
    monkeypatch.setattr(driver, "make_loop", lambda run, trainable, *_: Loop(run, trainable))
    monkeypatch.setattr(driver, "MirrorProcess", NoMirror)
    monkeypatch.setattr(training.Trainer, "update", update)
    file = tmp_path / "campaign.yaml"
    recipe = {"epochs": 1}
    document = toys.campaign(budget={"trials": 1}, controls=[]).document() | {"recipe": recipe}
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    running.submit(file, estimate=False)
    stack = stacks[0]
    assert len(stack) - 1 <= HOPS, " -> ".join(stack)
    capsys.readouterr()
    page = (ROOT / "CONTRIBUTING.md").read_text().partition("## The walk")[2].partition("\n## ")[0]
    described = re.findall(r"^\d\. .*?`([\w/]+)\.py`", page, re.MULTILINE)
    assert [path.replace("/", ".") for path in described] == stack, "the walk is told as it is"
