"""The samplers by name. One file each; their libraries are imported only when one is made."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast

from search.samplers.protocol import Choices, Outcome, Sampler, replay
from space.documents.validation import parse
from space.errors import CampaignError, InputError
from space.space import Space

MODULES = {
    "random": "random_",
    "evolution": "evolution",
    "guided": "guided",
    "optuna": "via_optuna",
    "nsga2": "via_nsga2",
    "hyperopt": "via_hyperopt",
}
NAMES = tuple(MODULES)


def check(
    name: str,
    options: Mapping[str, Any],
    where: str = "sampler.options",
    error: type[InputError] = CampaignError,
) -> Any:
    """The options of the sampler `name`, parsed. Raises `error` for one that it does not have."""
    return parse(_module(name).Options, dict(options), where, error=error)


def make(name: str, space: Space, seed: int, options: Mapping[str, Any] | None = None) -> Sampler:
    """A fresh sampler `name` over `space`. Raises CampaignError for an option it does not have."""
    return cast(Sampler, _module(name).create(space, seed, check(name, options or {})))


def _module(name: str) -> Any:
    return import_module(f"search.samplers.{MODULES[name]}")


__all__ = ["NAMES", "Choices", "Outcome", "Sampler", "check", "make", "replay"]
