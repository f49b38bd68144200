"""The tasks of the table of truth: their spaces, data and recipe, and how one row is trained.

A task is a finite space on one data set. Its networks are all that the space holds; each half of
them, without and with the residual edge, is a space of its own. A row is one training. This page
loads torch only when a row is trained.
"""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from space.choices.domains import Categorical, Parameter, Scalar
from space.documents.files import read_document
from space.equation.names import short_name
from space.errors import SpaceError
from space.space import Sample, Space
from space.unroll.cost import cost
from workers.data.specs import DigitsOccluded
from workers.job import Clip, Job, PackRef, Recipe

SPACE = Path(__file__).with_name("space.yaml")
ORDER_SEED = 2018
SEEDS = 3  # of the best quarter, and of a random part of the rest
REST_SEEDED = 40  # networks of the rest that have all seeds too: what the noise is there

RECIPE = Recipe(
    epochs=12, batch_size=64, learning_rate=0.01, warmup_epochs=1.0, clip=Clip(norm=1.0)
)

Half = Literal["all", "chosen-on", "held-back"]
HALVES: tuple[Half, ...] = ("chosen-on", "held-back")
_RESIDUAL = {"chosen-on": True, "held-back": False}


@dataclass(frozen=True, kw_only=True)
class Task:
    """One data set, one clock and a part of the space: what `kept` leaves of its options."""

    name: str
    size: int
    informed_steps: int
    kept: Mapping[str, Sequence[Scalar]] = field(default_factory=dict)
    recipe: Recipe = RECIPE

    @property
    def data(self) -> DigitsOccluded:
        """1200 training and 597 test images: digits among fragments, behind an occluder.

        Without validation images: the rows of the table are of all 1200, scored on test.
        """
        return DigitsOccluded(size=self.size, copies=1, validation=0)

    def space(self, half: Half = "all") -> Space:
        """The task's space, or a half of it.

        The image takes a step a stage to reach the head; only later steps are informed, and their
        number is what is called T.
        """
        document = read_document(SPACE, SpaceError)
        stages = len(document["genome"]["stages"])
        document["genome"]["clock"]["steps"] = self.informed_steps + stages
        kept = dict(self.kept)
        if half != "all":
            kept |= {f"{cell}.residual": [_RESIDUAL[half]] for cell in ("one", "two")}
        space = Space.parse(narrowed(document, kept), str(SPACE))
        return space.with_images(size=self.size, channels=1, classes=10)

    @cached_property
    def samples(self) -> tuple[Sample, ...]:
        """Every network of the task, once, in a random order that never changes."""
        space, samples = self.space(), dict[str, Sample]()
        for choices in every(space.parameters):
            sample = space.close(choices)
            samples.setdefault(sample.digest, sample)
        ordered = [samples[digest] for digest in sorted(samples)]
        random.Random(ORDER_SEED).shuffle(ordered)
        return tuple(ordered)

    def job(self, sample: Sample, seed: int, data: PackRef) -> Job:
        """The training behind a row. No checkpoint is written."""
        return Job(genome=sample.genome, recipe=self.recipe, data=data, seed=seed, folder="")


_NARROW: Mapping[str, Sequence[Scalar]] = {
    "one.recurrent.kernel": [3],
    "one.feedback.by": ["add", "sigmoid"],
    "two.hidden.keep": [True],
    "two.hidden_to_out.add.op": ["convolution"],
    "two.hidden_to_out.sigmoid.op": ["convolution"],
    "two.hidden_to_out.tanh.op": ["convolution"],
    "two.feedback.by": ["add", "sigmoid"],
}
TASKS = {
    "8px": Task(name="8px", size=8, informed_steps=4),
    "16px": Task(name="16px", size=16, informed_steps=6, kept=_NARROW),
}


def narrowed(document: Any, kept: Mapping[str, Sequence[Scalar]]) -> Any:
    """A space's document with only the options in `kept` at the choices of those names.

    A choice with one option left is closed: it is no parameter any more.
    """
    if isinstance(document, list):
        return [narrowed(item, kept) for item in document if not _dropped(item, kept)]
    if not isinstance(document, dict):
        return document
    wanted = kept.get(document["name"]) if isinstance(document.get("name"), str) else None
    if wanted is not None and "optional" in document:
        return narrowed(document["optional"], kept)
    if wanted is not None and "choice" in document:
        return _fewer(document, wanted, kept)
    return {k: narrowed(v, kept) for k, v in document.items() if not _dropped(v, kept)}


def _dropped(node: Any, kept: Mapping[str, Sequence[Scalar]]) -> bool:
    """Whether an optional node is never there."""
    return (
        isinstance(node, dict)
        and "optional" in node
        and list(kept.get(node.get("name", ""), (True,))) == [False]
    )


def _fewer(
    node: dict[str, Any], wanted: Sequence[Scalar], kept: Mapping[str, Sequence[Scalar]]
) -> Any:
    options = node["choice"]
    if isinstance(options, dict):
        left: Any = {label: narrowed(options[label], kept) for label in wanted}
        return next(iter(left.values())) if len(left) == 1 else {**node, "choice": left}
    left = [option for option in options if option in wanted]
    return left[0] if len(left) == 1 else {**node, "choice": left}


def every(
    parameters: Sequence[Parameter], taken: Mapping[str, Scalar] | None = None
) -> Iterator[dict[str, Scalar]]:
    """All flat choices of a space whose parameters are categorical."""
    taken = dict(taken or {})
    for place, parameter in enumerate(parameters):
        if parameter.is_open(taken):
            assert isinstance(parameter.domain, Categorical), parameter.path
            for option in parameter.domain.options:
                yield from every(parameters[place + 1 :], {**taken, parameter.path: option})
            return
    yield taken


def train(task: Task, sample: Sample, seed: int, data: PackRef) -> dict[str, Any]:
    """One row: a network trained once on a CPU, its failure included.

    `cpu_seconds` is the process's own time, whatever else the machine was doing.
    """
    import torch

    from workers import failures
    from workers.training import Trainer

    start, reason, trainer = time.process_time(), None, None
    try:
        trainer = Trainer(task.job(sample, seed, data), device="cpu")
        while not trainer.finished:
            trainer.run_epoch()
    except Exception as error:  # noqa: BLE001 - whatever ends a training is its row's reason
        failure = failures.failure(error)
        reason = f"{failure.kind}: {failure.reason}"
    reports = trainer.reports if trainer else []
    spent, costs = time.process_time() - start, cost(sample.genome)
    return {
        "task": task.name,
        "digest": sample.digest,
        "seed": seed,
        "choices": dict(sample.choices),
        "cell": short_name(sample.genome),
        "parameters": costs.parameters,
        "macs": costs.macs,
        "reason": reason,
        "cpu_seconds": round(spent, 3),
        "torch": torch.__version__,
        "top1": [round(report.top1, 6) for report in reports],
        "loss": [round(report.loss, 5) for report in reports],
        "train_loss": [round(report.train_loss, 5) for report in reports],
        "accuracy_by_step": [round(x, 6) for x in reports[-1].accuracy_by_step] if reports else [],
    }
