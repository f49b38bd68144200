"""Data sets of other packages: loaded if they are installed, and held to what a `Source` is.

A name, `package.module:Class` or an entry point of the group `ventral.data`, leads to a class as
`workers/data/source.py` describes it (`OfferedDataSet`).
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NoReturn, cast

import numpy as np

from space.documents.bounds import IMAGE_CHANNELS
from space.documents.extensions import parse_options
from space.errors import DataError
from workers.data.images import Images
from workers.data.source import SPLITS, DatasetInfo, Integers, OfferedDataSet, Source, Split
from workers.data.specs import REGISTRY, OutsideData

_CURE = "the data set's author has to mend it"


def load_class(name: str) -> type[OfferedDataSet]:
    """The class of the data set `name`.

    Raises DataError if it may not be loaded, cannot be, or is no data set.
    """
    loaded = REGISTRY.load(name, "data.name", DataError)
    if not (isinstance(version := getattr(loaded, "version", None), str) and version):
        problem = f"{name} is not a data set: it has no text version"
        raise DataError("data.name", problem, _CURE)
    return cast(type[OfferedDataSet], loaded)


def close_spec(spec: OutsideData) -> OutsideData:
    """The same with every option written out, so that equal data sets are equal specs.

    Raises DataError for an option that the data set does not have, and as `load_class` does.
    """
    options = _options(spec).model_dump(mode="json")
    common = spec.model_dump(mode="json", exclude=set(spec.options))
    return OutsideData.model_validate(options | common)


def open_outside(spec: OutsideData) -> Source:
    """The data set of `spec`, listed but not decoded.

    Raises DataError as `close_spec` does, and if what the data set opens is no `Source`. An image
    that is not one is found when it is read.
    """
    kind = load_class(spec.name)
    source = kind(spec.size, spec.seed, _options(spec)).open()
    refuse = partial(_refuse, spec.name)
    _check_source(source, refuse)
    shape = (spec.size, spec.size, source.channels)

    def read(split: Split, indices: Integers) -> Images:
        images = split.read(indices)
        is_bytes = isinstance(images, np.ndarray) and images.dtype == np.uint8
        if not is_bytes or images.shape != (len(indices), *shape):
            got = f"{images.dtype} {images.shape}" if isinstance(images, np.ndarray) else images
            refuse(f"gives {got} for uint8 {(len(indices), *shape)}")
        return images

    splits = {
        name: replace(split, labels=split.labels.astype(np.int64), read=partial(read, split))
        for name, split in source.splits.items()
    }
    return replace(source, fingerprint=f"{kind.version} {source.fingerprint}", splits=splits)


def describe_outside() -> list[DatasetInfo]:
    """The lines of `ventral data list` for what installed distributions offer; loads none."""
    return [
        DatasetInfo(
            name=name,
            images="its own",
            classes="its own",
            sizes="its own",
            origin=" and ".join(sorted({p.dist.name for p in points if p.dist is not None})),
            available=True,
            note="of another package",
        )
        for name, points in REGISTRY.entry_points().items()
    ]


def _options(spec: OutsideData) -> Any:
    return parse_options(load_class(spec.name), spec.options, "data", DataError)


def _refuse(name: str, problem: str) -> NoReturn:
    raise DataError("data.name", f"{name} {problem}", _CURE)


def _check_source(source: object, refuse: Callable[[str], NoReturn]) -> None:
    """Refuse what is no listed data set."""
    if not isinstance(source, Source):
        refuse(f"opens a {type(source).__name__}, and no Source")
    if set(source.splits) - {"validation"} != set(SPLITS):
        refuse(
            f"has the splits {', '.join(source.splits)}, and not {' and '.join(SPLITS)}, with a "
            "validation split or without"
        )
    if source.channels not in range(1, IMAGE_CHANNELS + 1):
        refuse(f"has {source.channels} channels, and not 1 to {IMAGE_CHANNELS}")
    classes = len(source.classes)
    for name, split in source.splits.items():
        labels = split.labels
        if not (isinstance(labels, np.ndarray) and labels.ndim == 1 and labels.dtype.kind in "iu"):
            refuse(f"has labels of {name} that are no array [N] of whole numbers")
        if not len(labels):
            refuse(f"has no images of {name}")
        if labels.min() < 0 or labels.max() >= classes:
            refuse(f"has labels of {name} outside of its {classes} classes")
        _check_origins(name, split, refuse)
    if (own := source.splits.get("validation")) is not None:
        lacking = set(source.splits["train"].labels.tolist()) - set(own.labels.tolist())
        if lacking:
            refuse(f"has no image of validation of the class {source.classes[min(lacking)]!r}")


def _check_origins(name: str, split: Split, refuse: Callable[[str], NoReturn]) -> None:
    """Refuse origins that are not one whole number an image, or of images of two classes."""
    origins = split.origins
    if origins is None:
        return
    whole = isinstance(origins, np.ndarray) and origins.dtype.kind in "iu"
    if not whole or origins.shape != split.labels.shape:
        refuse(f"has origins of {name} that are no array [N] of whole numbers")
    pairs = np.unique(
        np.stack([origins.astype(np.int64), split.labels.astype(np.int64)], 1), axis=0
    )
    if len(pairs) > len(np.unique(origins)):
        refuse(f"has images of {name} of one origin and two classes")
