"""The samplers by name: built-in ones, one file and one line here each, and other packages'.

A sampler is a class: `Options` is the pydantic model of its options, its objects are made as
`Class(space, seed, options)` and keep the contract of `protocol.py`, and `several = True` says
that it weighs several objectives. Its module is imported only when it is asked for.

A sampler that was mended answers otherwise than before. It says so by `version = 2`, and knows the
earlier ones, as `Class(space, seed, options, version)`: a campaign's document holds the version
that the campaign was submitted with, so that it is carried on and replayed as it began.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Annotated, Any, cast

from pydantic import AfterValidator, WithJsonSchema

from search.host.libraries import check_library
from search.samplers.protocol import Choices, OfferedSampler, Outcome, Sampler, replay
from space.documents.extensions import Registry, parse_options
from space.errors import CampaignError, InputError
from space.space import Space

BUILT_IN = {
    "random": "random_:RandomSampler",
    "evolution": "evolution:EvolutionSampler",
    "guided": "guided:GuidedSampler",
    "optuna": "via_optuna:OptunaSampler",
    "nsga2": "via_nsga2:Nsga2Sampler",
    "hyperopt": "via_hyperopt:HyperoptSampler",
}
NAMES = tuple(BUILT_IN)
LIBRARIES = {"optuna": "optuna", "nsga2": "optuna", "hyperopt": "hyperopt"}
"""By sampler, the library of which its module imports private names."""

REGISTRY = Registry(
    noun="sampler",
    group="ventral.samplers",
    built_in=NAMES,
    methods=("ask", "recall", "tell"),
    # Where a trial does not come from a sampler, its origin on record is one of these.
    reserved=("control", "retry", "enqueued"),
)

SamplerName = Annotated[
    str, AfterValidator(REGISTRY.check_name), WithJsonSchema(REGISTRY.json_schema())
]
"""A sampler's name as it is written."""


def find_class(
    name: str, where: str = "sampler.name", error: type[InputError] = CampaignError
) -> type[OfferedSampler]:
    """The class of the sampler `name`. Raises `error` if it may not, or cannot, be loaded,
    and VentralError if its library is of a version that was not tested.
    """
    if name not in BUILT_IN:
        return cast(type[OfferedSampler], REGISTRY.load(name, where, error))
    if name in LIBRARIES:
        check_library(LIBRARIES[name])
    module, _, attribute = BUILT_IN[name].partition(":")
    return cast(type[OfferedSampler], getattr(import_module(f"{__name__}.{module}"), attribute))


def check(
    name: str,
    options: Mapping[str, Any],
    where: str = "sampler.options",
    error: type[InputError] = CampaignError,
) -> Any:
    """The options of the sampler `name`, parsed. Raises `error` for one that it does not have."""
    return parse_options(find_class(name, error=error), options, where, error)


def weighs_several(name: str) -> bool:
    """Whether the sampler `name` knows of several objectives. Raises CampaignError."""
    return bool(getattr(find_class(name), "several", False))


def latest_version(name: str) -> int:
    """The version of the sampler `name` that new campaigns have. Raises CampaignError."""
    return int(getattr(find_class(name), "version", 1))


def check_version(name: str, version: int) -> None:
    """Raise CampaignError if the sampler `name` has no such version."""
    if version > (latest := latest_version(name)):
        raise CampaignError(
            "sampler.version",
            f"{version} is more than {latest}, the latest version of {name}",
            f"write a number up to {latest}, or leave it out for the latest one",
        )


def make(
    name: str,
    space: Space,
    seed: int,
    options: Mapping[str, Any] | None = None,
    version: int | None = None,
) -> Sampler:
    """A fresh sampler `name` over `space`, by default of its latest version.

    Raises CampaignError for an option or a version that it does not have.
    """
    offered, parsed = find_class(name), check(name, options or {})
    if version is None or version == latest_version(name):
        return offered(space, seed, parsed)
    check_version(name, version)
    return cast(Callable[..., Sampler], offered)(space, seed, parsed, version)


__all__ = [
    "NAMES",
    "REGISTRY",
    "Choices",
    "OfferedSampler",
    "Outcome",
    "Sampler",
    "SamplerName",
    "check",
    "check_version",
    "find_class",
    "latest_version",
    "make",
    "replay",
    "weighs_several",
]
