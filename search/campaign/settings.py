"""What a campaign file says, as values, and the JSON Schema of it."""

import json
import math
import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from search.campaign.objectives import Objective
from search.early_stopping import RuleName
from search.samplers import SamplerName
from space.choices.domains import Scalar
from space.documents.bounds import (
    BRACKETS,
    CONCURRENT,
    CONTROLS,
    CORES,
    DEVIATIONS,
    DEVICE_HOURS,
    EPOCHS,
    LEAST_CORES,
    LEAST_REDUCTION,
    NAME,
    QUANTITY,
    REDUCTION,
    RETRIES,
    SECONDS,
    SEEDS,
    TOTAL_EPOCHS,
    TRIALS,
    VERSIONS,
)
from space.documents.validation import Value, parse, quote
from space.errors import CampaignError, InputError
from workers.data.specs import DataSpec
from workers.job import Recipe
from workers.storage.places import read_url

SCHEMA = Path(__file__).parents[1] / "campaign.schema.json"

Epochs = Annotated[int, Field(ge=1, le=EPOCHS)]
Quantity = Annotated[int, Field(ge=1, le=QUANTITY)]

StorageUrl = Annotated[str, AfterValidator(lambda text: read_url(text, ""))]

UNITS = {"": 1, "B": 1} | {
    f"{prefix}{unit}": base**power
    for unit, base in (("B", 1000), ("iB", 1024))
    for power, prefix in enumerate("KMGT", 1)
}
"""Units in which a size may be written, in bytes."""


def _in_bytes(written: object) -> object:
    """A text like "8 GiB" as a number of bytes; anything else as it is."""
    if not isinstance(written, str):
        return written
    size = re.fullmatch(r"(\d{1,18}(?:\.\d{1,18})?) ?([A-Za-z]*)", written.strip())
    if size is None or size[2] not in UNITS:
        problem = f"{quote(written)} is not a size"
        raise InputError("", problem, 'write a number of bytes, or a text like "8 GiB"')
    return int(Decimal(size[1]) * UNITS[size[2]])


Bytes = Annotated[
    int,
    BeforeValidator(_in_bytes),
    Field(ge=1, le=QUANTITY),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": QUANTITY},
                {"type": "string", "pattern": r"^\d+(\.\d+)? ?([KMGT]?B|[KMGT]iB)?$"},
            ]
        }
    ),
]


class Sampler(Value):
    """Where the next genome comes from."""

    name: SamplerName = Field(
        default="guided", description="built in, an entry point's, or package.module:Class"
    )
    options: dict[str, Any] = Field(
        default={}, description="the sampler's own settings, see search/samplers"
    )
    version: Annotated[int, Field(ge=1, le=VERSIONS)] | None = Field(
        default=None,
        description="by default the latest, which is written down when a campaign is submitted: "
        "it is carried on and replayed by that version, also when the sampler was mended since",
    )


class Scheduler(Value):
    """Which trainings are stopped early: asha stops the worse ones at each rung, optimistic those
    that by all that is known of the curves cannot become the best any more, fifo none; a rule of
    another package by its name, an entry point's or package.module:Class.
    """

    name: RuleName = "asha"
    options: dict[str, Any] = Field(
        default={}, description="of a rule of another package: its own settings"
    )
    grace_epochs: Epochs | None = Field(
        default=None,
        description="epochs that every trial may train; by default a quarter of all, rounded up",
    )
    reduction_factor: float = Field(
        default=2.0,
        ge=LEAST_REDUCTION,
        le=REDUCTION,
        description="one in so many goes on at each rung",
    )
    brackets: int = Field(
        default=1, ge=1, le=BRACKETS, description="sets of rungs, each starting later"
    )
    guessing: Literal["stop", "train"] = Field(
        default="stop",
        description="of all but fifo: what becomes of a training that from its grace "
        "epochs on is no better than a constant answer, once another one was by then",
    )
    deviations: float = Field(
        default=6.0,
        ge=0,
        le=DEVIATIONS,
        description="of optimistic: how much better than foreseen a training may end",
    )

    def grace(self, epochs: int) -> int:
        """The epochs that every training of `epochs` may have."""
        return math.ceil(epochs / 4) if self.grace_epochs is None else self.grace_epochs


class Resources(Value):
    """What one trial takes."""

    cpus: float = Field(
        default=1.0, ge=LEAST_CORES, le=CORES, description="processor cores of a trial"
    )
    gpus: float = Field(
        default=0.0, ge=0, le=CORES, description="graphics processors, or a part of one"
    )
    concurrent: Annotated[int, Field(ge=1, le=CONCURRENT)] | None = Field(
        default=None, description="trials at once; by default as many as fit"
    )

    @property
    def devices(self) -> float:
        """What a trial is charged by the hour: its GPUs, or its cores if it takes none."""
        return self.gpus or self.cpus


class Budget(Value):
    """When the campaign is over. Interrupted trials stay resumable."""

    trials: int = Field(
        default=100, ge=1, le=TRIALS, description="trained trials, the controls included"
    )
    seconds: float | None = Field(
        default=None, gt=0, le=SECONDS, description="wall time over all resumes"
    )
    device_hours: float | None = Field(
        default=None,
        gt=0,
        le=DEVICE_HOURS,
        description="hours of GPUs (of cores where trials take no GPU), every attempt charged",
    )
    epochs: Annotated[int, Field(ge=1, le=TOTAL_EPOCHS)] | None = Field(
        default=None, description="trained epochs of all trials together, repeated ones too"
    )


class Limits(Value):
    """A genome over a limit is infeasible: recorded, told to the sampler, not trained."""

    parameters: Quantity | None = Field(default=None, description="learned numbers of a network")
    macs: Quantity | None = Field(default=None, description="multiply-adds of an image")
    memory: Bytes | None = Field(
        default=None,
        description='bytes that a trial may take on its device, as forecast: a number or "8 GiB"',
    )
    over_memory: Literal["infeasible", "recompute"] = Field(
        default="infeasible",
        description="what becomes of a network over limits.memory: recompute trains it with "
        "recipe.recompute, where it fits so",
    )
    epoch_seconds: float | None = Field(
        default=21_600.0,
        gt=0,
        le=SECONDS,
        description="a trial without a new epoch for longer has hung: its worker is ended",
    )


class Controls(Value):
    """What the search is compared with: named controls, and feedforward networks that are
    searched for like all others.
    """

    names: tuple[str, ...] | None = Field(
        default=None,
        max_length=CONTROLS,
        description="reference cells of the space to train; by default all",
    )
    search: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="the share of the suggestions that are networks of the space without loops, "
        "by the same sampler, and compared among themselves where trainings are stopped early",
    )


class Enqueued(Value):
    """A network that is trained before those that the sampler suggests, as the campaign is kept:
    where it was taken from, and its place in the space.
    """

    source: str = Field(min_length=1, description="as the campaign file named it")
    choices: dict[str, Scalar] = Field(description="the choices of the space that make it")


class Campaign(Value):
    """One campaign."""

    name: str = Field(min_length=1, max_length=NAME, description="a label; ids are identities")
    space: str | dict[str, Any] = Field(
        description="a named space, a path relative to this file, or a space written here"
    )
    data: DataSpec
    recipe: Recipe = Field(
        default=Recipe(), description="what all trainings share; the space's choices are added"
    )
    sampler: Sampler = Sampler()
    objectives: tuple[Objective, ...] = Field(
        default=(),
        description="what counts beside top-1: parameters, macs (fewer are better) and top1@STEP "
        "(at a step of the clock); for nsga2",
    )
    scheduler: Scheduler = Scheduler()
    resources: Resources = Resources()
    budget: Budget = Budget()
    limits: Limits = Limits()
    controls: Controls | Annotated[tuple[str, ...], Field(max_length=CONTROLS)] | None = Field(
        default=None,
        description="what the search is compared with: reference cells of the space to train "
        "(by default all), and with `search: 0.25` searched controls",
    )
    enqueue: Annotated[tuple[str | Enqueued, ...], Field(max_length=CONTROLS)] = Field(
        default=(),
        description="networks of the space to train first and to search around: a genome's file, "
        "an export's folder, a model of the zoo, or CAMPAIGN/TRIAL",
    )
    control_seeds: int = Field(
        default=1,
        ge=1,
        le=SEEDS,
        description="seeds with which every control is trained, the campaign's own and others: "
        "how far a score is luck",
    )
    seed: int = Field(default=0, ge=0, lt=2**32, description="of the sampler and every training")
    keep: int = Field(
        default=25,
        ge=0,
        le=TRIALS,
        description="best trials whose checkpoints are kept, and as many best searched controls",
    )
    retries: int = Field(
        default=2, ge=0, le=RETRIES, description="new starts of a trial whose worker died"
    )
    reuse: bool = Field(
        default=True, description="take over what another campaign of the store trained already"
    )
    storage: StorageUrl | None = Field(
        default=None,
        description="where checkpoints and packed data are kept: s3://BUCKET/PREFIX or "
        "file:///FOLDER; by default in the home, or where VENTRAL_STORAGE says",
    )
    priority: int = Field(
        default=0, ge=-100, le=100, description="among campaigns that share a machine; high first"
    )

    @classmethod
    def parse(cls, document: Mapping[str, Any], where: str = "") -> "Campaign":
        """A campaign from its document. Raises CampaignError; looks at no other file."""
        return parse(cls, document, where, error=CampaignError)

    @property
    def named_controls(self) -> tuple[str, ...] | None:
        """The reference cells of the space to train; None for all."""
        return self.controls.names if isinstance(self.controls, Controls) else self.controls

    @property
    def searched_share(self) -> float:
        """The share of the suggestions that are searched controls, 0..1."""
        return self.controls.search if isinstance(self.controls, Controls) else 0.0

    @property
    def enqueued(self) -> tuple[Enqueued, ...]:
        """The networks that are trained first, as far as their place in the space is known."""
        return tuple(one for one in self.enqueue if isinstance(one, Enqueued))

    def document(self) -> dict[str, Any]:
        """The campaign with every default written out, as JSON and YAML hold it."""
        return self.model_dump(mode="json")


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a campaign file, for editors."""
    schema = Campaign.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Ventral campaign"
    return schema


def schema_text() -> str:
    """`json_schema()` as the published file `search/campaign.schema.json` holds it."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
