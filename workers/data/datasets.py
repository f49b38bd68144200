"""The data sets by name: where their images are and how each is decoded to the asked-for size.

A `Source` lists a data set and decodes any of its images to uint8; `packing.py` writes them down
once. Pixels depend on nothing but the files and the `DataSpec`. Nothing here knows of torch, of
training or of where packs are kept.
"""

from dataclasses import replace
from typing import assert_never, get_args

from space.documents.outside import printable
from space.errors import DataError
from workers.data.clutter import describe_clutter, open_clutter
from workers.data.digits import describe_digits, open_digits
from workers.data.digits_occluded import describe_digits_occluded, open_digits_occluded
from workers.data.drawing import carve_validation, draw_part
from workers.data.fashion_mnist import describe_fashion_mnist, open_fashion_mnist
from workers.data.image_folder import describe_image_folder, open_image_folder
from workers.data.manifest import SplitName
from workers.data.npz import describe_npz, open_npz
from workers.data.objects import describe_objects, open_objects
from workers.data.outside import describe_outside, open_outside
from workers.data.pathfinder import describe_pathfinder, open_pathfinder
from workers.data.source import DatasetInfo, Source
from workers.data.specs import (
    Clutter,
    DataSpec,
    Digits,
    DigitsOccluded,
    FashionMnist,
    ImageFolder,
    Npz,
    Objects,
    OutsideData,
    Pathfinder,
)


def open_source(spec: DataSpec, workers: int = 1) -> Source:
    """The data set that `spec` asks for, listed but not decoded.

    `workers` threads decode image files. Raises DataError if it is missing, or if it holds fewer
    images than `spec` demands.
    """
    match spec:
        case Digits():
            source = open_digits(spec)
        case DigitsOccluded():
            source = open_digits_occluded(spec)
        case FashionMnist():
            source = open_fashion_mnist(spec)
        case ImageFolder():
            source = open_image_folder(spec, workers)
        case Npz():
            source = open_npz(spec)
        case Pathfinder():
            source = open_pathfinder(spec)
        case Clutter():
            source = open_clutter(spec)
        case Objects():
            source = open_objects(spec)
        case OutsideData():
            source = open_outside(spec)
        case _:
            assert_never(spec)
    source = _validated(source, spec)
    counts = {"train": spec.train_images, "test": spec.test_images}
    splits = {
        name: draw_part(split, counts.get(name), spec.seed, f"{name}_images")
        for name, split in source.splits.items()
        if name in get_args(SplitName)  # what a pack has a place for
    }
    labels = {name: set(split.labels.tolist()) for name, split in splits.items()}
    if lone := set().union(*labels.values()) - labels["train"]:
        problem = f"none of them is of the class {printable(source.classes[min(lone)])!r}"
        raise DataError("train_images", f"{spec.train_images}: {problem}", "write more")
    return replace(source, splits=splits)


def _validated(source: Source, spec: DataSpec) -> Source:
    """The data set with a validation split, unless `spec` wants none. Raises DataError."""
    train, test, own = (source.splits.get(name) for name in ("train", "test", "validation"))
    assert train is not None
    assert test is not None
    if not spec.validation:
        return replace(source, splits={"train": train, "test": test}, validation="")
    if own is not None:
        splits = {"train": train, "validation": own, "test": test}
        return replace(source, splits=splits, validation=source.validation or "its own")
    train, validation = carve_validation(train, spec.validation, spec.seed, source.classes)
    left, taken = len(train.labels), len(validation.labels)
    if spec.train_images is not None and spec.train_images > left:
        problem = f"{spec.train_images} asked for, {left} there beside {taken} for validation"
        raise DataError("train_images", problem, f"write {left} or fewer, or less validation")
    what = f"{taken:,} of the training images, every class in proportion"
    splits = {"train": train, "validation": validation, "test": test}
    return replace(source, splits=splits, validation=what)


def describe() -> list[DatasetInfo]:
    """Every data set that there is, and whether it can be used on this machine."""
    return [
        describe_digits(),
        describe_digits_occluded(),
        describe_fashion_mnist(),
        describe_image_folder(),
        describe_npz(),
        describe_pathfinder(),
        describe_clutter(),
        describe_objects(),
        *describe_outside(),
    ]
