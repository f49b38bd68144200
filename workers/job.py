"""The values that cross between the driver and its workers: pack, recipe, job, report, failure.

All are frozen and go to JSON and back unchanged (`model_dump_json`, `model_validate_json`). The
driver imports this module, so it knows no torch; it does not know how trials are trained.
"""

import json
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from space.documents.bounds import (
    ACCUMULATED,
    BATCH,
    EPOCHS,
    FIDELITIES,
    PIXELS,
    RECORD,
    STEPS,
    THREADS,
)
from space.documents.extensions import PATTERN
from space.documents.validation import Value, parse
from space.errors import InputError
from space.genome import Genome
from space.unroll.plan import Unroll
from workers.data.specs import ascending

Epochs = Annotated[int, Field(ge=1, le=EPOCHS)]
Batch = Annotated[int, Field(ge=1, le=BATCH)]
Positive = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(gt=0, le=1)]


PositiveRange = Annotated[tuple[Positive, Positive], AfterValidator(ascending)]


class PackRef(Value):
    """Where packed images lie, on the machine that packed them and, for others, perhaps at a URL;
    the checksum that they must have.
    """

    path: str
    checksum: str
    url: str | None = None


ScoredSplit = Literal["validation", "test"]
"""A split on which networks are scored."""


# ---------------------------------------------------------------------------------------- recipe


class Crop(Value):
    """A random crop, resized to the whole: its part of the area, and width over height."""

    scale: Annotated[tuple[Share, Share], AfterValidator(ascending)] = (0.35, 1.0)
    ratio: PositiveRange = (0.75, 4 / 3)


class Augmentation(Value):
    """What is done to a training image each time it is seen; nothing by default."""

    crop: Crop | None = None
    flip: bool = Field(default=False, description="mirror every other image, at random")
    noise: float = Field(default=0.0, ge=0, description="standard deviation, black 0 to white 1")


class Clip(Value):
    """Bounds on the gradient: on its norm over all parameters, or on every value of it."""

    norm: Positive | None = None
    value: Positive | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.norm is None) == (self.value is None):
            raise InputError("", "needs one of norm and value", 'write "norm: 1.0", say')
        return self


class Fidelity(Value):
    """A cheaper look, up to an epoch: smaller images, fewer steps, a part of the images.

    What is not given is as in the rest of the training. The network is scored as it is trained:
    on all images of the split that the recipe scores on, at this size and after these steps.
    """

    until: Epochs = Field(description="the last epoch of it")
    size: Annotated[int, Field(ge=1, le=PIXELS)] | None = Field(
        default=None, description="side in pixels to which the images are averaged"
    )
    steps: Annotated[int, Field(ge=1, le=STEPS)] | None = Field(
        default=None, description="of the clock"
    )
    images: float = Field(default=1.0, gt=0, le=1, description="part of the training images")


WHOLE = Fidelity(until=1)
"""The end of every training: all images, in full size, to the last step."""


Function = Literal["loss", "metric"]

BUILT_IN: dict[Function, str] = {"loss": "cross-entropy", "metric": "top1"}
"""What a recipe has of either by default, by the names that may be written for it."""


class Chosen(Value):
    """A loss or a metric of another package, with its options.

    `version` is written down when a campaign is submitted: another one is another training.
    """

    name: str = Field(pattern=PATTERN, description="an entry point's, or package.module:Class")
    options: dict[str, Any] = Field(default={}, description="its own settings")
    version: str = Field(default="", description="written down by submit")


def _chosen(kind: Function) -> BeforeValidator:
    """A name alone as a `Chosen`, the built-in one as None."""

    def read(written: object) -> object:
        if written == BUILT_IN[kind]:
            return None
        return {"name": written} if isinstance(written, str) else written

    return BeforeValidator(read)


class Recipe(Value):
    """How a network is trained. Times are in epochs; rates are for a batch, not for an image.

    The L2 terms of the genome are part of the objective whatever the optimiser is (their gradient
    passes through momentum and clipping); `weight_decay` here shrinks every kernel by
    `learning_rate * weight_decay` a step besides, and does not touch biases and gains.
    """

    epochs: Epochs = 20
    batch_size: Batch = 64
    evaluation_batch_size: Batch = 256
    optimiser: Literal["sgd", "adamw"] = "adamw"
    learning_rate: Positive = 0.003
    momentum: Fraction = Field(default=0.9, description="of sgd")
    nesterov: bool = Field(default=True, description="of sgd, where momentum is not 0")
    betas: tuple[Fraction, Fraction] = Field(default=(0.9, 0.999), description="of adamw")
    weight_decay: float = Field(
        default=0.0, ge=0, description="decoupled; besides the genome's L2"
    )
    schedule: Literal["constant", "cosine", "step"] = "cosine"
    step_epochs: Epochs = Field(
        default=30, description="epochs between the drops of the step schedule"
    )
    factor: float = Field(default=0.1, gt=0, lt=1, description="of each drop of the step schedule")
    warmup_epochs: float = Field(
        default=0.0, ge=0, le=EPOCHS, description="of linear rise to the learning rate"
    )
    clip: Clip | None = None
    precision: Literal["auto", "float32", "bf16", "fp16"] = Field(
        default="auto", description="of training on a GPU (auto: bf16); a CPU always takes float32"
    )
    augmentation: Augmentation = Augmentation()
    label_smoothing: Fraction = 0.0
    loss: Annotated[Chosen | None, _chosen("loss")] = Field(
        default=None,
        description="a loss of another package (docs/own-loss-and-metric.md); by default the "
        "cross entropy",
    )
    metric: Annotated[Chosen | None, _chosen("metric")] = Field(
        default=None,
        description="a metric of another package, which takes the place of top-1 in all that is "
        "decided and shown",
    )
    fidelity: tuple[Fidelity, ...] = Field(
        default=(),
        max_length=FIDELITIES,
        description="cheaper epochs before the full ones, in their order",
    )
    loss_steps: Literal["last", "all"] = Field(
        default="last",
        description="loss on the decoder's logits, or its mean over all informed steps",
    )
    unroll: Unroll = Field(
        default="planned",
        description="literal computes every stage at every step: equal up to rounding, slower",
    )
    recompute: bool = Field(
        default=False,
        description="less memory for more time: the backward pass computes most values again",
    )
    accumulate: Annotated[int, Field(ge=1, le=ACCUMULATED)] = Field(
        default=1, description="parts of a batch that are computed one by one, in less memory"
    )
    compile: Literal["auto", "always", "never"] = Field(
        default="auto",
        description="by torch.compile, which takes minutes; auto: only where that pays",
    )
    threads: int = Field(
        default=1,
        ge=1,
        le=THREADS,
        description="of torch, for a trial on a CPU; a campaign's default: its cores",
    )
    checkpoint_epochs: Epochs = Field(default=1, description="epochs between checkpoints")
    train_on: Literal["train", "train+validation"] = Field(
        default="train",
        description="the images that are trained on; the validation ones too only where nothing "
        "is decided any more, with score_on: test",
    )
    score_on: ScoredSplit = Field(
        default="validation",
        description="the split of the reports; test only where nothing is decided by them, as "
        "`ventral certify` does (data without a validation split is scored on test in any case)",
    )

    @model_validator(mode="after")
    def _recomputes_a_plan(self) -> Self:
        if self.recompute and self.unroll == "literal":
            problem = "the literal unroll keeps everything"
            raise InputError("recompute", problem, "write false, or unroll: planned")
        return self

    @model_validator(mode="after")
    def _suits_its_loss(self) -> Self:
        if self.loss is not None and self.label_smoothing:
            problem = f"is of the cross entropy, and the loss is {self.loss.name}"
            raise InputError("label_smoothing", problem, "write 0, or leave loss out")
        if self.loss is not None and self.accumulate > 1:
            problem = f"the loss {self.loss.name} may compare the images of a batch"
            raise InputError("accumulate", problem, "write 1, or leave loss out")
        return self

    @model_validator(mode="after")
    def _fidelity_grows(self) -> Self:
        last = 0
        for place, part in enumerate(self.fidelity):
            if part.until <= last:
                problem = f"{part.until} is not after epoch {last}, where the one before it ends"
                raise InputError(f"fidelity[{place}].until", problem, f"write {last + 1} or more")
            last = part.until
        if last >= self.epochs:
            problem = f"{last} leaves no epoch of {self.epochs} for the whole"
            cure = f"write up to {self.epochs - 1}, or raise epochs"
            raise InputError(f"fidelity[{len(self.fidelity) - 1}].until", problem, cure)
        return self

    @model_validator(mode="after")
    def _scores_what_it_did_not_see(self) -> Self:
        if self.train_on == "train+validation" and self.score_on == "validation":
            problem = "the network is trained on the validation images"
            raise InputError("score_on", problem, "write test, or train_on: train")
        return self

    @property
    def evaluated_at_once(self) -> int:
        """Images of a batch of an evaluation, which is divided as an update is."""
        return math.ceil(self.evaluation_batch_size / self.accumulate)

    def fidelity_of(self, epoch: int) -> Fidelity:
        """How an epoch (from 1) is trained."""
        return next((part for part in self.fidelity if epoch <= part.until), WHOLE)

    @property
    def looks_ahead(self) -> bool:
        """Whether the first epochs of a training depend on how many it will have."""
        return self.schedule == "cosine"

    @property
    def functions(self) -> dict[Function, Chosen]:
        """The loss and the metric of other packages, where it has them."""
        both: dict[Function, Chosen | None] = {"loss": self.loss, "metric": self.metric}
        return {kind: chosen for kind, chosen in both.items() if chosen is not None}

    def deciding(self) -> dict[str, Any]:
        """The keys that decide a training's numbers. Those that say how they are computed are
        left out: they may change no more than their rounding.
        """
        # Recipes are known by this: one that asks for nothing new has to look as it always did.
        new = {key for key, before in _LATER.items() if getattr(self, key) == before}
        return self.model_dump(mode="json", exclude=_EXECUTION | new)

    def overlaid(self, overlay: Mapping[str, Any], where: str = "recipe") -> "Recipe":
        """This recipe with the keys of `overlay` (nested as written) in place of its own.

        Raises InputError that names the path of a wrong key or value.
        """
        return parse(Recipe, _merge(self.model_dump(mode="json"), overlay), where)


_EXECUTION = {"unroll", "recompute", "accumulate", "compile", "threads", "checkpoint_epochs"}
_LATER = {
    "fidelity": (),
    "train_on": "train",
    "score_on": "validation",
    "loss": None,
    "metric": None,
}
"""The keys that recipes got later, with the value that means what was done before."""

_NEVER_MIXED = ("clip", *BUILT_IN)
"""The keys of which one is this or that: a new one takes the old one's place as a whole."""


def _merge(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in overlay.items():
        mine = merged.get(key)
        nested = isinstance(mine, Mapping) and isinstance(value, Mapping)
        mixed = nested and key not in _NEVER_MIXED
        merged[key] = _merge(mine, value) if mixed else value  # type: ignore[arg-type]
    return merged


# ------------------------------------------------------------------------------------------- job


CHECKPOINT = "checkpoint"
"""The folder of the checkpoints in a trial's folder."""

LOG = "worker.log"
"""In a trial's folder: what its worker wrote to its standard error, crashes above all."""


def _read_genome(value: object) -> Genome:
    # What is a genome already was checked: the driver makes a job of it at no cost.
    return value if isinstance(value, Genome) else Genome.parse(value)


class Job(Value):
    """One trial: a genome to build, a recipe to train it by, the data, a seed and a folder.

    `folder` is the trial's own, a path or a URL; its checkpoints lie in `folder/checkpoint`. In
    JSON the genome is its document.
    """

    genome: Annotated[Genome, BeforeValidator(_read_genome)]
    recipe: Recipe
    data: PackRef
    seed: int = Field(ge=0, lt=2**63)
    folder: str

    @classmethod
    def read(cls, text: str) -> "Job":
        """A job from its JSON. Raises InputError, which names the path of the field."""
        return parse(cls, json.loads(text), nodes=RECORD)


class Report(Value):
    """The evidence after an epoch, on the split that the recipe scores on: validation in a
    search, test where nothing is decided by it, and in campaigns of before, which lack validation.

    Scores lie in 0..1; `loss` and `train_loss` are mean cross entropies in nats, without L2. Where
    the recipe has a loss of its own, `train_loss` is that; where it has a metric, `top1` is that.
    """

    epoch: int = Field(ge=1)
    top1: float
    top5: float
    loss: float
    train_loss: float
    accuracy_by_step: tuple[float, ...] = Field(description="top-1 of the head at every step")
    seconds: float = Field(description="spent in this trial's epochs so far, resumed ones too")
    memory_mb: float = Field(description="peak of the GPU's memory, or of the process's")


DETERMINISTIC = ("diverged", "out-of-memory", "input")
"""Failures that follow from the trial alone: the same training fails again in the same way."""

HOPELESS = (*DETERMINISTIC, "corrupt-checkpoint")
"""Failures after which the trial's checkpoint is not used again."""


ENVIRONMENT = ("data", "storage", "environment")
"""Failures of the place, not of the trial: every other trial would fail there as well."""


class Failure(Value):
    """Why a trial has no score: a result like any other, not a crash."""

    kind: Literal[
        "diverged",
        "out-of-memory",
        "corrupt-checkpoint",
        "data",
        "input",
        "storage",  # the disk is full, say
        "environment",  # code that cannot be imported, files that cannot be reached
        "hung",
        "lost",  # its worker died as often as is allowed
        "error",
    ]
    reason: str = Field(description="one line, such as `loss is nan at epoch 3, step 17`")
    detail: str = Field(default="", description="the end of the traceback, if there is one")
