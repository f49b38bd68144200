"""The entries of a folder of published results, as typed values.

An entry may say more than is read here. Numbers have bounds that no published result meets, so
that an index can ask for no more than a machine has.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Self, TypeVar

from pydantic import ConfigDict, Field, model_validator

from space.documents.bounds import CHANNELS, STEPS
from space.documents.validation import Value, parse
from space.errors import InputError

NUMBERS = 1 << 24
"""Of one generated tensor."""

ALL_NUMBERS = 1 << 26
"""Of all generated weights of an entry."""

Side = Annotated[int, Field(ge=1, le=2**20)]
Channels = Annotated[int, Field(ge=1, le=CHANNELS)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Gain = Annotated[float, Field(ge=-1e6, le=1e6)]
E = TypeVar("E", bound="_Entry")


class _Open(Value):
    """A value that may say more than is read."""

    model_config = ConfigDict(extra="ignore")


class Variable(_Open):
    """A weight that follows from the formula, or has a value of its own."""

    name: str
    shape: tuple[Side, ...] = Field(max_length=8)
    rule: str | None = None
    value: float = 1.0

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if math.prod(self.shape) > NUMBERS:
            raise InputError("shape", f"{list(self.shape)} is larger than {NUMBERS:,} numbers")
        return self


class _Entry(_Open):
    file: str = ""
    options: dict[str, Any] | None = None

    @property
    def given(self) -> Mapping[str, Any]:
        """The options, empty if the entry has none."""
        return self.options or {}


class CellEntry(_Entry):
    """A recurrent cell: its class, its options, the channels of its maps."""

    cell: str
    seed: Seed = 0
    gain: Gain = 1.0
    in_channels: Channels | None = None
    out_channels: Channels | None = None
    cell_channels: Channels | None = None
    residual_channels: Channels | None = None
    feedback_channels: Channels | None = None
    weights: tuple[Variable, ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _check_total("weights", self.weights)
        return self


class JoinEntry(_Entry):
    """Inputs of a node that are concatenated, summed or multiplied."""

    feedforward: str | None = None
    channel_op: str | None = None
    kind: str | None = None


class DecoderEntry(_Entry):
    """Decoders of one set of logits."""

    beta: float | None = None
    threshold: float | None = None


class NetworkEntry(_Entry):
    """A network of the zoo, at an image size and a clock, with weights by the formula."""

    zoo_model: str
    seed: Seed
    gain: Gain
    batch: int = Field(ge=1, le=64)
    image_size: int = Field(ge=16, le=1024, multiple_of=16)
    timesteps: int = Field(ge=1, le=STEPS)
    image_off: int | None = None
    image_on: int | None = None
    blank: float | None = None
    variables: tuple[Variable, ...]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _check_total("variables", self.variables)
        if self.batch * self.image_size**2 * 3 > NUMBERS:
            raise InputError("batch", f"{self.batch} such images are too many", "write fewer")
        return self


def _check_total(field: str, variables: tuple[Variable, ...]) -> None:
    total = sum(math.prod(variable.shape) for variable in variables)
    if total > ALL_NUMBERS:
        raise InputError(field, f"{total:,} numbers are more than {ALL_NUMBERS:,}")


def read_entry(kind: type[E], entry: E | Mapping[str, Any], where: str = "") -> E:
    """An entry of an index as a value. Raises InputError that names the field."""
    return entry if isinstance(entry, kind) else parse(kind, entry, where)
