"""A tree of image files as a data set: its splits, and how its images are decoded."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from space.documents.outside import printable
from space.errors import DataError
from workers.data.drawing import HELD_OUT, draw_held_out
from workers.data.image_tree import ImageFile, read_image_tree
from workers.data.images import Framing, Images, read_images
from workers.data.source import DatasetInfo, Integers, Source, Split
from workers.data.specs import ImageFolder


def open_image_folder(spec: ImageFolder, workers: int) -> Source:
    """The images of a tree, decoded by `workers` threads.

    A tree without split folders is split: a tenth of it, every class in proportion, is held out.
    Raises DataError for a tree that is not a data set.
    """
    tree = read_image_tree(Path(spec.path).expanduser(), validate=bool(spec.validation))
    splits, held_out = {"train": tree.train}, tree.held_out
    if held_out is None:
        splits["train"], held_out = _hold_out(tree.train, spec)
    splits["test"] = held_out
    if tree.validation is not None:
        splits["validation"] = tree.validation
    framing = Framing(
        size=spec.size,
        shortest=spec.shortest or spec.size,
        background=spec.background_colour,
    )

    def read(paths: Sequence[Path], indices: Integers) -> Images:
        return read_images([paths[index] for index in indices], framing, workers)

    return Source(
        classes=tree.classes,
        channels=3,
        fingerprint=f"imagefolder-2 {_fingerprint(Path(spec.path).expanduser(), splits)}",
        splits={
            name: Split(
                labels=np.array([image.label for image in images], dtype=np.int64),
                read=partial(read, [image.path for image in images]),
            )
            for name, images in splits.items()
        },
        held_out=HELD_OUT if tree.held_out_folder is None else f"{tree.held_out_folder}/",
        validation="" if tree.validation_folder is None else f"{tree.validation_folder}/",
        passed_over=tree.passed_over,
    )


_Files = tuple[ImageFile, ...]


def _hold_out(images: _Files, spec: ImageFolder) -> tuple[_Files, _Files]:
    """A tree without splits as (its training images, a tenth of all, every class in proportion).

    Raises DataError if a class has no image left to train on.
    """
    labels = np.array([image.label for image in images], dtype=np.int64)
    rest, held_out = draw_held_out(labels, spec.seed)
    train = tuple(images[index] for index in rest)
    if lone := set(labels.tolist()) - {image.label for image in train}:
        folder = next(image.path for image in images if image.label in lone).parent
        problem = "has too few images: none is left to train on"
        raise DataError(printable(str(folder)), problem, "give every class two or more")
    return train, tuple(images[index] for index in held_out)


def _fingerprint(root: Path, files: Mapping[str, _Files]) -> str:
    """Of names, sizes and times: reading ImageNet through for it would take as long as packing."""
    digest = hashlib.sha256()
    for split, images in sorted(files.items()):
        for image in images:
            path = image.path.relative_to(root)
            line = f"{split} {path} {image.size} {image.modified_ns}\n"
            digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()


def describe_image_folder() -> DatasetInfo:
    """The line of `ventral data list`."""
    return DatasetInfo(
        name="imagefolder",
        images="your own",
        classes="your own",
        sizes="any",
        origin="path: ROOT with ROOT/train/CLASS/*.jpg and ROOT/val or ROOT/test or both, "
        "or ROOT/CLASS/*.jpg",
        available=True,
    )
