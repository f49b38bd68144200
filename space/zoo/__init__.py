"""The zoo: every published model as a short genome, with its published scores and their source.

One YAML file a model, called by the model's name:

    name: rgc_intermediate
    source: where the network and its scores are published
    top1: 73.0                    published ImageNet top-1 in percent; null where none is known
    top5: 91.16
    note: what a reader should know
    genome:
      base: median_2018_t17       another model of the zoo (left out: the genome is whole)
      feedback: {...}             laid over it: mappings merge, the rest replaces; a key may be
      stages[3].cell: rgc         a path

What is known of a model is data here; this module only reads it. It knows no torch and no weights.
"""

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from pydantic import Field

from space.documents.files import parse_yaml
from space.documents.trees import Document, merge
from space.documents.validation import Value, parse, quote, suggestion
from space.errors import GenomeError, InputError
from space.genome import Genome

_SUFFIX = ".yaml"
_SHELF = resources.files(__name__)


class _Written(Value):
    """A file of the zoo."""

    name: str
    source: str = Field(min_length=1)
    top1: float | None
    top5: float | None
    note: str = ""
    genome: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model of the zoo. `top1` and `top5` are in percent, None where none are published."""

    name: str
    source: str
    top1: float | None
    top5: float | None
    note: str
    genome: Genome


@cache
def names() -> tuple[str, ...]:
    """The names of the models, in order."""
    files = (file.name for file in _SHELF.iterdir() if file.name.endswith(_SUFFIX))
    return tuple(sorted(file.removesuffix(_SUFFIX) for file in files))


@cache
def model(name: str) -> Model:
    """A model by its name. Raises InputError for an unknown one."""
    if name not in names():
        raise InputError("", f"the zoo has no model {quote(name)}", suggestion(name, names()))
    written = _read(name)
    try:
        genome = Genome.parse(_whole(written.genome, name), f"{name}{_SUFFIX}: genome")
    except RecursionError:
        raise GenomeError(f"{name}{_SUFFIX}", "is its own base", "name another one") from None
    return Model(
        name=name,
        source=written.source,
        top1=written.top1,
        top5=written.top5,
        note=written.note,
        genome=genome,
    )


def _read(name: str) -> _Written:
    file = f"{name}{_SUFFIX}"
    document = parse_yaml((_SHELF / file).read_text(encoding="utf-8"), file)
    return parse(_Written, document, file)


def _whole(genome: dict[str, Any], name: str) -> Document:
    """A genome's document with its base worked in."""
    changes = dict(genome)
    base = changes.pop("base", None)
    if base is None:
        return changes
    if base not in names():
        raise GenomeError(f"{name}{_SUFFIX}: genome.base", f"{quote(base)} is not in the zoo")
    return merge(_whole(_read(base).genome, base), changes, GenomeError)
