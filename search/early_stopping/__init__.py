"""The early-stopping rules by name: the built-in ones, and those of other packages.

A rule of another package is a class: `Options` is the pydantic model of its options, its objects
are made as `Class(plan, options)` and keep the contract of `protocol.py`. The built-in ones have
their settings beside them in the campaign file, and are made by
`search/early_stopping/judging.py`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, cast

from pydantic import AfterValidator, WithJsonSchema

from search.early_stopping.protocol import (
    EarlyStopping,
    EpochReport,
    OfferedEarlyStopping,
    TrainingPlan,
)
from space.documents.extensions import Registry, parse_options
from space.errors import CampaignError

BUILT_IN = {"asha": False, "optimistic": True, "fifo": True}
"""The built-in rules, and whether each is right where several objectives count."""

NAMES = tuple(BUILT_IN)

REGISTRY = Registry(
    noun="early-stopping rule",
    group="ventral.early_stopping",
    built_in=NAMES,
    methods=("judge",),
)

RuleName = Annotated[
    str, AfterValidator(REGISTRY.check_name), WithJsonSchema(REGISTRY.json_schema())
]
"""A rule's name as it is written."""


def find_class(name: str) -> type[OfferedEarlyStopping]:
    """The class of another package's rule. Raises CampaignError if it cannot be loaded."""
    return cast(type[OfferedEarlyStopping], REGISTRY.load(name, "scheduler.name", CampaignError))


def check(name: str, options: Mapping[str, Any]) -> Any:
    """The options of the rule `name`, parsed; None of a built-in one.

    Raises CampaignError for a rule that cannot be loaded, or an option that it does not have.
    """
    if name not in BUILT_IN:
        return parse_options(find_class(name), options, "scheduler.options", CampaignError)
    if options:
        problem = f"{name} is built in: its settings stand beside its name"
        raise CampaignError("scheduler.options", problem, "write them without options")
    return None


def weighs_several(name: str) -> bool:
    """Whether the rule `name` knows of several objectives. Raises CampaignError."""
    return (
        BUILT_IN[name] if name in BUILT_IN else bool(getattr(find_class(name), "several", False))
    )


def make(name: str, plan: TrainingPlan, options: Mapping[str, Any]) -> EarlyStopping:
    """A fresh rule of another package. Raises CampaignError as `check` does."""
    return find_class(name)(plan, check(name, options))


__all__ = [
    "NAMES",
    "REGISTRY",
    "EarlyStopping",
    "EpochReport",
    "OfferedEarlyStopping",
    "RuleName",
    "TrainingPlan",
    "check",
    "find_class",
    "make",
    "weighs_several",
]
