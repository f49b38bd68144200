"""What an opened data set is: its classes, its splits, and how their images are decoded."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from workers.data.image_tree import PassedOver
from workers.data.images import Images

Integers = NDArray[np.int64]
SPLITS = ("train", "test")
"""The splits that every data set has; one may have a `validation` split as well."""


@dataclass(frozen=True, kw_only=True)
class Split:
    """One split: `labels` [N], and `read(indices [n])` -> images [n,H,W,C] uint8.

    `origins` [N] says which images are made of the same thing (copies of one digit, say): these
    are of one class, and stay together where a split is divided. By default none are.
    """

    labels: Integers
    read: Callable[[Integers], Images]
    origins: Integers | None = None


@dataclass(frozen=True, kw_only=True)
class Source:
    """An opened data set. `fingerprint` changes whenever its files do.

    `splits` are `train`, `test` and perhaps `validation`, which is else taken from `train`.
    `held_out` says what the `test` split is, `validation` what that is ("" if there is none),
    `passed_over` what was come across and left out.
    """

    classes: tuple[str, ...]
    channels: int
    fingerprint: str
    splits: dict[str, Split]
    held_out: str = "test"
    validation: str = ""
    passed_over: tuple[PassedOver, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DatasetInfo:
    """A line of `ventral data list`."""

    name: str
    images: str
    classes: str
    sizes: str
    origin: str
    available: bool
    note: str = ""


class DataSet(Protocol):
    """A data set of another package, at one size and with its options."""

    def open(self) -> Source:
        """The data set, listed but not decoded: the same labels and images on every machine.

        Raises DataError if it is missing.
        """
        ...


class OfferedDataSet(DataSet, Protocol):
    """A kind of data set that another package offers."""

    @property
    def Options(self) -> type[BaseModel]:
        """Its own settings, which stand in `data:` of a campaign file beside the common keys."""
        ...

    version: str
    """Another one for every change of its images: with it the data set is packed anew."""

    def __init__(self, size: int, seed: int, options: Any, /) -> None:
        """The data set at `size` pixels a side; `seed` is for its random draws."""
        ...
