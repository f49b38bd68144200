"""A loss and a metric of other packages: loaded if they are installed, and tried on a sample.

A recipe names one as `package.module:Class` or by an entry point (groups `ventral.losses` and
`ventral.metrics`). The class has a pydantic model of its options as `Options` and a method
`compute(logits, labels)`, from logits [N,classes] and labels [N]: a loss gives a scalar tensor,
the mean over N, through which gradients flow; a metric gives a number of 0..1, higher is better.

The version that a campaign records is the distribution's and a hash of the module's file: with
another one trainings are others, and are not taken over.
"""

import hashlib
import json
import math
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from space.documents.extensions import Registry, parse_options
from space.errors import InputError
from workers.job import BUILT_IN, Chosen, Function, Recipe

if TYPE_CHECKING:  # torch is loaded by what computes, not before
    from torch import Tensor

_PAGE = "docs/own-loss-and-metric.md"

_GROUPS: dict[Function, str] = {"loss": "ventral.losses", "metric": "ventral.metrics"}
_REGISTRIES = {
    kind: Registry(
        noun=kind, group=group, built_in=(BUILT_IN[kind],), methods=("compute",), page=_PAGE
    )
    for kind, group in _GROUPS.items()
}


class Loss(Protocol):
    """A loss of another package, with its options."""

    def compute(self, logits: "Tensor", labels: "Tensor") -> "Tensor":
        """Logits [N,classes], labels [N] -> the mean loss [], which has a gradient."""
        ...


class Metric(Protocol):
    """A metric of another package, with its options."""

    def compute(self, logits: "Tensor", labels: "Tensor") -> float:
        """Logits [N,classes] and labels [N] of a whole split -> 0..1, higher is better."""
        ...


def load_loss(chosen: Chosen) -> Loss:
    """The loss that a recipe names. Raises ImportError where it is not there, or another one."""
    return cast(Loss, _load("loss", chosen))


def load_metric(chosen: Chosen) -> Metric:
    """The metric that a recipe names. Raises ImportError as `load_loss` does."""
    return cast(Metric, _load("metric", chosen))


def _load(kind: Function, chosen: Chosen) -> object:
    try:
        made, version = _make(kind, chosen)
    except InputError as error:  # it was there when the campaign was submitted: the place lacks it
        raise ImportError(str(error)) from error
    if chosen.version and version != chosen.version:
        raise ImportError(
            f"recipe.{kind}: {chosen.name} is {version} here, and {chosen.version} was recorded; "
            "install that one, or start a campaign like it (ventral submit --from)"
        )
    return made


def _make(kind: Function, chosen: Chosen) -> tuple[Any, str]:
    """The function with its options, and its version. Raises InputError."""
    where = f"recipe.{kind}"
    loaded = _REGISTRIES[kind].load(chosen.name, where)
    options = parse_options(loaded, chosen.options, f"{where}.options")
    return loaded(options), describe_version(loaded)


def describe_version(loaded: type) -> str:
    """The distribution and its version, and a hash of the file that the class stands in."""
    top = loaded.__module__.partition(".")[0]
    names = metadata.packages_distributions().get(top, [])
    file = getattr(sys.modules[loaded.__module__], "__file__", None)
    digest = hashlib.sha256(Path(file).read_bytes()).hexdigest()[:12] if file else "no file"
    return " ".join([*(f"{name} {metadata.version(name)}" for name in sorted({*names})), digest])


# --------------------------------------------------------------------- tried before a campaign


def try_functions(recipe: Recipe) -> dict[Function, str]:
    """The versions of a recipe's loss and metric, each tried on a sample.

    Raises InputError for one that cannot be loaded, or that gives what it should not.
    """
    versions: dict[Function, str] = {}
    for kind, chosen in recipe.functions.items():
        made, versions[kind] = _make(kind, chosen)
        try:
            problem = _try_loss(made) if kind == "loss" else _try_metric(made)
        except Exception as error:  # noqa: BLE001  (another's code raises anything)
            problem = f"fails on a sample ({type(error).__name__}: {error})"
        if problem:
            raise InputError(f"recipe.{kind}", f"{chosen.name} {problem}", f"see {_PAGE}")
    return versions


def _sample() -> "tuple[Tensor, Tensor]":
    """Logits [12,4] with a gradient, and labels [12] with every class."""
    import torch

    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(12, 4, generator=generator, requires_grad=True)
    return logits, torch.arange(12) % 4


def _try_loss(loss: Loss) -> str:
    """What is wrong with a loss; nothing if all is well."""
    from torch import Tensor

    logits, labels = _sample()
    value = loss.compute(logits, labels)
    if not isinstance(value, Tensor) or value.shape != () or not value.is_floating_point():
        got = list(value.shape) if isinstance(value, Tensor) else type(value).__name__
        return f"gives {got}, and not one number as a tensor []"
    if not value.requires_grad:
        return "gives a number through which no gradient flows to the logits"
    value.backward()
    if logits.grad is None or not bool(logits.grad.isfinite().all()) or not logits.grad.any():
        return "has a gradient that is zero or not finite on a sample"
    return ""


def _try_metric(metric: Metric) -> str:
    """What is wrong with a metric; nothing if all is well."""
    from torch.nn.functional import one_hot

    logits, labels = _sample()
    scores = []
    for given in (logits.detach(), 10.0 * one_hot(labels, 4)):
        score = float(metric.compute(given, labels))
        if not math.isfinite(score) or not 0 <= score <= 1:
            return f"gives {score:g}, which is not in 0..1"
        scores.append(score)
    if scores[1] < scores[0]:
        return "gives right answers less than random ones: higher has to be better"
    return ""


def main() -> None:
    """Try the recipe on standard input: its versions, or the error, as the last line of output."""
    try:
        answer: dict[str, Any] = {
            "versions": try_functions(Recipe.model_validate_json(sys.stdin.read()))
        }
    except InputError as error:
        answer = {"where": error.where, "problem": error.problem, "cure": error.cure}
    print("\n" + json.dumps(answer))
