"""The campaign file: what to search, on what, how, with what, and for how long.

`load` reads a YAML file and the `--set` overrides into a frozen `Campaign` and refuses what cannot
be run, before anything is written anywhere. `Campaign.document()` is the closed form that the
store keeps; `Campaign.parse` is its inverse. This module knows what may be written, not how a
campaign is run.
"""

import copy
import json
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from search import early_stopping, samplers
from search.machine import Machine, machine
from search.objectives import Objective, steps_of
from search.samplers.protocol import derive_seed
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
)
from space.documents.files import parse_yaml, read_document
from space.documents.trees import CHOICE_KINDS, place
from space.documents.validation import Value, parse, shown, suggestion
from space.errors import CampaignError, GenomeError, InputError
from space.genome import Genome
from space.reduction import reduced
from space.space import Space
from workers.data.specs import DataSpec
from workers.job import Recipe

SCHEMA = Path(__file__).with_name("campaign.schema.json")

Epochs = Annotated[int, Field(ge=1, le=EPOCHS)]
Quantity = Annotated[int, Field(ge=1, le=QUANTITY)]

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
        problem = f"{shown(written)} is not a size"
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

    name: samplers.SamplerName = Field(
        default="guided", description="built in, an entry point's, or package.module:Class"
    )
    options: dict[str, Any] = Field(
        default={}, description="the sampler's own settings, see search/samplers"
    )


class Scheduler(Value):
    """Which trainings are stopped early: asha stops the worse ones at each rung, optimistic those
    that by all that is known of the curves cannot become the best any more, fifo none; a rule of
    another package by its name, an entry point's or package.module:Class.
    """

    name: early_stopping.RuleName = "asha"
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
    controls: tuple[str, ...] | None = Field(
        default=None,
        max_length=CONTROLS,
        description="reference cells of the space to train; by default all",
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
        default=25, ge=0, le=TRIALS, description="best trials whose checkpoints are kept"
    )
    retries: int = Field(
        default=2, ge=0, le=RETRIES, description="new starts of a trial whose worker died"
    )
    reuse: bool = Field(
        default=True, description="take over what another campaign of the store trained already"
    )
    priority: int = Field(
        default=0, ge=-100, le=100, description="among campaigns that share a machine; high first"
    )

    @classmethod
    def parse(cls, document: Mapping[str, Any], where: str = "") -> "Campaign":
        """A campaign from its document. Raises CampaignError; looks at no other file."""
        return parse(cls, document, where, error=CampaignError)

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


# ------------------------------------------------------------------------------------- loading


def load(
    path: str | Path, overrides: Sequence[str] = (), *, offered: Machine | None = None
) -> Campaign:
    """The campaign of a YAML or JSON file with `overrides` ("budget.trials=8") applied.

    Its space is worked in and the path of its images made absolute (from the folder of the file;
    an override's from the current one), so that the campaign no longer depends on where either
    lies. Raises CampaignError, SpaceError or GenomeError for whatever would keep it from running
    on `offered`, by default this machine.
    """
    path = Path(path)
    document = read_document(path, CampaignError)
    _place_data(document, path.parent)
    return _loaded(document, str(path), overrides, path, offered)


def clone(
    document: Mapping[str, Any],
    where: str,
    overrides: Sequence[str] = (),
    *,
    offered: Machine | None = None,
) -> Campaign:
    """The campaign of a closed document, as the store keeps it, with `overrides` applied.

    Checked as by `load`; `where` names it in errors. A space that an override names by a path is
    looked for in the current folder.
    """
    opened = copy.deepcopy(dict(document))
    opened["recipe"] = _unset(opened["recipe"], Recipe().model_dump(mode="json"))
    return _loaded(opened, where, overrides, Path("campaign"), offered)


def _unset(closed: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """What a closed recipe says beyond the defaults: the rest may stand in a space."""
    said = {key: item for key, item in closed.items() if item != defaults.get(key)}
    for key, item in said.items():
        if isinstance(item, Mapping) and isinstance(defaults.get(key), Mapping):
            said[key] = _unset(item, defaults[key])
    return said


CHANGEABLE = ("budget", "keep", "retries", "resources", "priority", "reuse")
"""What may change in a campaign that has begun: nothing that a result or a decision rests on."""


def amend(document: Mapping[str, Any], where: str, overrides: Sequence[str]) -> Campaign:
    """The campaign of a closed document, changed while it is being carried out.

    Raises CampaignError for a wrong value, and for a key that results depend on.
    """
    changed = copy.deepcopy(dict(document))
    for override in overrides:
        key = override.partition("=")[0].strip()
        if key.partition(".")[0] not in CHANGEABLE:
            raise CampaignError(
                f"--set {override}",
                f"{key} cannot change in a campaign that has begun; {', '.join(CHANGEABLE)} can",
                "start a campaign like it, with `ventral submit --from ID --set ...`",
            )
        apply(changed, override)
    try:
        return Campaign.parse(changed, where)
    except CampaignError as error:
        raise _blamed(error, overrides, where) from None


def _loaded(
    document: Any, where: str, overrides: Sequence[str], file: Path, offered: Machine | None
) -> Campaign:
    """A document with overrides as a campaign that can run; spaces lie beside `file`."""
    for override in overrides:
        apply(document, override)
    _place_data(document, Path())
    try:
        campaign = Campaign.parse(document, where)
    except CampaignError as error:
        raise _blamed(error, overrides, where) from None
    space = _space(campaign.space, file)
    check(campaign, space, offered or machine())
    recipe = _threaded(campaign.recipe, campaign.resources)
    return campaign.model_copy(update={"space": space.document(), "recipe": recipe})


def _place_data(document: Any, folder: Path) -> None:
    """Make the path of the images absolute, in place: `folder` is where it starts."""
    data = document.get("data") if isinstance(document, Mapping) else None
    path = data.get("path") if isinstance(data, Mapping) else None
    if isinstance(data, dict) and isinstance(path, str) and path:
        # As os.path has it: no file is looked at, and any text is taken for a path.
        data["path"] = os.path.abspath(os.path.join(folder, os.path.expanduser(path)))


def _threaded(recipe: Recipe, resources: Resources) -> Recipe:
    """The recipe with as many threads as a trial has whole cores, unless it says how many.

    It is written down, because sums are taken in another order by another number of threads.
    """
    if "threads" in recipe.model_fields_set:
        return recipe
    return recipe.model_copy(update={"threads": max(1, int(resources.cpus))})


def apply(document: Any, override: str) -> None:
    """Write one override, `a.b[2]=value`, into a document; mappings on the way are made.

    The value is read as YAML. Raises CampaignError if the path leads through something that is
    neither a mapping nor a list with that place; names are checked when the document is parsed.
    """
    written, equals, text = override.partition("=")
    where = f"--set {override}"
    if not equals or not written.strip():
        raise CampaignError(where, "is not of the form PATH=VALUE", "write budget.trials=8, say")
    value = parse_yaml(text, where, CampaignError)
    try:
        # Emptied first: a mapping replaces the one that is there, it is not merged into it.
        place(document, written.strip(), None, CampaignError)
        place(document, written.strip(), value, CampaignError)
    except CampaignError as error:
        raise CampaignError(where, f"{error.where} {error.problem}".strip(), error.cure) from None


def _blamed(error: CampaignError, overrides: Sequence[str], file: str) -> CampaignError:
    """The error with the override in place of the file where the override is to blame."""
    field = error.where.removeprefix(file).removeprefix(": ")
    for override in overrides:
        written = override.partition("=")[0].strip()
        parent, _, key = written.rpartition(".")
        inside = field == written or field.startswith((f"{written}.", f"{written}["))
        unknown = field == parent and error.problem == f"unknown key {shown(key)}"
        # A misspelt mapping on the way is an unknown key further up.
        above = written.startswith(f"{field}." if field else "") and any(
            error.problem == f"unknown key {shown(step)}" for step in written.split(".")
        )
        if inside or unknown or above:
            cure = error.cure
            if field == written and error.problem.endswith("is not text"):
                cure = f"""write {written}='"{override.partition("=")[2].strip()}"'"""
            return CampaignError(f"--set {override}", error.problem, cure)
    return error


def _space(written: str | dict[str, Any], file: Path) -> Space:
    """The space that a campaign file names or holds. Raises SpaceError or GenomeError."""
    if not isinstance(written, str):
        return Space.parse(written, f"{file}: space", folder=file.parent)
    if written in Space.named():
        return Space.load(written)
    if os.path.isfile(beside := file.parent / written):  # which takes any text for a path
        return Space.load(beside)
    names = Space.named()
    cure = suggestion(written, names) or "give a path relative to the campaign file"
    raise CampaignError(f"{file}: space", f"{shown(written)} is no named space and no file", cure)


# ------------------------------------------------------------------------------------- checks


def check(campaign: Campaign, space: Space, offered: Machine) -> None:
    """Refuse a campaign that cannot run over `space` on `offered`.

    Raises CampaignError for what the campaign says, SpaceError or GenomeError for its space.
    """
    _check_recipe(campaign, space)
    _check_controls(campaign, space)
    samplers.check(campaign.sampler.name, campaign.sampler.options)
    early_stopping.check(campaign.scheduler.name, campaign.scheduler.options)
    _check_objectives(campaign, space)
    scheduler, epochs = campaign.scheduler, full_epochs(campaign, space)
    if scheduler.name != "fifo" and scheduler.grace(epochs) > epochs:
        raise CampaignError(
            "scheduler.grace_epochs",
            f"{scheduler.grace_epochs} is more than the {epochs} epochs of a training",
            f"write a number up to {epochs}, or raise recipe.epochs",
        )
    check_resources(campaign.resources, offered)


def _check_objectives(campaign: Campaign, space: Space) -> None:
    """Several objectives want a sampler and a scheduler that know of them."""
    if not campaign.objectives:
        return
    if len(set(campaign.objectives)) < len(campaign.objectives):
        listed = ", ".join(campaign.objectives)
        raise CampaignError("objectives", f"{listed} names one twice", "write each of them once")
    if not samplers.weighs_several(campaign.sampler.name):
        known = next(name for name in samplers.NAMES if samplers.weighs_several(name))
        raise CampaignError(
            "objectives",
            f"the sampler {campaign.sampler.name} knows of top-1 alone",
            f"write sampler: {{name: {known}}}, or no objectives "
            "(`ventral top --by pareto` weighs top-1 against size in any campaign)",
        )
    steps = space.genome.get("clock", {}).get("steps")
    for step in steps_of(campaign.objectives):
        if isinstance(steps, int) and step >= steps:
            raise CampaignError(
                "objectives",
                f"top1@{step} is after the last of the clock's {steps} steps",
                f"write a step from 0 to {steps - 1}",
            )
    if not early_stopping.weighs_several(campaign.scheduler.name):
        raise CampaignError(
            "objectives",
            f"{campaign.scheduler.name} stops trainings by top-1 alone",
            "write scheduler: {name: optimistic}, which stops what is beaten in all of them, "
            "or fifo",
        )


def full_epochs(campaign: Campaign, space: Space) -> int:
    """Epochs of a full training: the space's, if it fixes them, else the campaign's."""
    return int(space.recipe.get("epochs", campaign.recipe.epochs))


def controls(campaign: Campaign, space: Space) -> tuple[str, ...]:
    """The names of the controls to train, in the order of the space if none are named."""
    return tuple(space.controls) if campaign.controls is None else campaign.controls


def control_runs(campaign: Campaign, space: Space) -> tuple[tuple[str, int], ...]:
    """The controls to train by name, each with a seed; all with the campaign's own seed first.

    More seeds begin with those of fewer, so that what was trained with these is not again.
    """
    others = (derive_seed(campaign.seed, "control", n) for n in range(1, campaign.control_seeds))
    names = controls(campaign, space)
    return tuple((name, seed) for seed in (campaign.seed, *others) for name in names)


def _check_recipe(campaign: Campaign, space: Space) -> None:
    if isinstance(space.recipe.get("epochs"), Mapping):
        raise CampaignError(
            "space.recipe.epochs",
            "is a choice, but trials are compared by the epochs that they reached",
            "fix it, in the space or in the campaign's recipe",
        )
    for path in _leaves(campaign.recipe.model_dump(mode="json", exclude_unset=True)):
        if _holds(space.recipe, path):
            raise CampaignError(
                f"recipe.{'.'.join(path)}",
                "stands in the campaign and in its space",
                "remove one of the two",
            )
    sample = space.complete({})
    try:
        recipe = campaign.recipe.overlaid(sample.recipe, "space.recipe")
    except InputError as error:
        raise CampaignError(error.where, error.problem, error.cure) from None
    _check_fidelity(campaign, recipe, sample.genome)


def _check_fidelity(campaign: Campaign, recipe: Recipe, genome: Genome) -> None:
    """What a part of a training asks for has to be there; `genome` is the space's default."""
    if not recipe.fidelity:
        return
    size, channels = campaign.data.size, genome.image.channels
    whole = genome.with_images(size=size, channels=channels, classes=genome.classes)
    for index, part in enumerate(recipe.fidelity):
        where = f"recipe.fidelity[{index}]"
        if part.size is not None and part.size > size:
            problem = f"{part.size} is more than the data's {size} pixels"
            raise CampaignError(f"{where}.size", problem, f"write {size} or less")
        try:
            reduced(whole, size=part.size, steps=part.steps)
        except GenomeError as error:
            told = f"the space's default network does not fit: {error.where} {error.problem}"
            raise CampaignError(where, told, error.cure) from None


def _leaves(node: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in node.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key)


def _holds(node: Any, path: Sequence[str]) -> bool:
    """Whether a document with choices says anything about the value at `path`."""
    for step in path:
        if not isinstance(node, Mapping) or any(kind in node for kind in CHOICE_KINDS):
            return True  # a value or a choice in place of the whole
        if step not in node:
            return False
        node = node[step]
    return True


def _check_controls(campaign: Campaign, space: Space) -> None:
    for number, name in enumerate(campaign.controls or ()):
        if name not in space.controls:
            cure = suggestion(name, space.controls) or "the space has none: write controls: []"
            raise CampaignError(f"controls[{number}]", f"there is no control {shown(name)}", cure)
    runs, trials = len(control_runs(campaign, space)), campaign.budget.trials
    if campaign.control_seeds > 1 and runs > trials:
        raise CampaignError(
            "control_seeds",
            f"{campaign.control_seeds} seeds of the controls are {runs} trials, and budget.trials "
            f"is {trials}",
            "raise budget.trials, or write fewer seeds",
        )


def check_resources(resources: Resources, offered: Machine) -> None:
    """Refuse resources of a trial that `offered` does not have. Raises CampaignError."""
    cpus, gpus = resources.cpus, resources.gpus
    if 0 < gpus < LEAST_CORES:
        cure = f"write 0, or {LEAST_CORES} and more"
        raise CampaignError("resources.gpus", f"{gpus:g} is too small a part", cure)
    if gpus > 1 and gpus != int(gpus):
        cure = f"write {int(gpus)} or {int(gpus) + 1}"
        raise CampaignError("resources.gpus", f"{gpus:g} is more than one, but not whole", cure)
    if gpus > offered.gpus:
        have = f"has {offered.gpus}" if offered.gpus else "has none"
        cure = f"write at most {offered.gpus}" if offered.gpus else "set resources.gpus: 0"
        problem = f"asks for {gpus:g} GPU a trial; {offered.name} {have}"
        raise CampaignError("resources.gpus", problem, cure)
    if cpus > offered.cpus:
        raise CampaignError(
            "resources.cpus",
            f"asks for {cpus:g} cores a trial; {offered.name} has {offered.cpus}",
            f"write at most {offered.cpus}",
        )
