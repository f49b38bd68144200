"""Images of a data set as a stimulus set: a table, and a folder of PNG files."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from space.documents.outside import printable
from space.errors import DataError
from workers import files
from workers.brains.stimuli import StimulusSet, read_stimuli
from workers.data.datasets import open_source
from workers.data.images import Images
from workers.data.source import Integers
from workers.data.specs import DataSpec
from workers.seeds import mix_seed

TABLE, FOLDER = "stimuli.csv", "images"
SPLIT = "train"


def write_stimuli(spec: DataSpec, count: int, folder: Path) -> StimulusSet:
    """`count` training images of a data set, of every object as many, drawn by its seed, as
    `folder`/stimuli.csv and `folder`/images; what they show is in the column `object_name`.

    A folder that holds just these is left as it is. Raises DataError for fewer images than that,
    and for a folder that holds something else; OSError.
    """
    source = open_source(spec)
    split = source.splits[SPLIT]
    total = len(split.labels)
    if not 0 < count <= total:
        problem = f"{count:,} of {total:,} in {printable(spec.name)}"
        raise DataError("count", problem, f"give 1 to {total:,}")
    chosen = choose_images(split.labels, count, mix_seed(spec.seed, "stimuli"))
    names = [f"{spec.name}-{place:06}" for place in chosen.tolist()]
    objects = [source.classes[label] for label in split.labels[chosen].tolist()]
    made = {
        f"{FOLDER}/{name}.png": encode_png(image)
        for name, image in zip(names, split.read(chosen), strict=True)
    }
    made[TABLE] = _write_table(names, objects)
    if not _holds(folder, made):
        _write_files(folder, made)
    return read_stimuli(folder / TABLE, folder / FOLDER)


def choose_images(labels: Integers, count: int, seed: int) -> Integers:
    """`count` places of images [total], of every object as many as there are for all, or one more:
    in rising order. An object with fewer images than that has all of them there.
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    turns = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        places = np.flatnonzero(labels[order] == label)
        turns[places] = np.arange(len(places))
    return np.sort(order[np.argsort(turns, kind="stable")[:count]])


def _write_table(names: Sequence[str], objects: Sequence[str]) -> bytes:
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(["stimulus_id", "filename", "object_name"])
    table.writerows(
        (name, f"{name}.png", shown) for name, shown in zip(names, objects, strict=True)
    )
    return text.getvalue().encode()


def _holds(folder: Path, made: Mapping[str, bytes]) -> bool:
    """Whether a folder has these files, and is not empty or missing. Raises DataError if it has
    others.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return False
    there = {
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()
    }
    if there != {*made} or any((folder / name).read_bytes() != made[name] for name in made):
        cure = "name another recording, or remove the folder"
        raise DataError(printable(str(folder)), "holds something else than these stimuli", cure)
    return True


def _write_files(folder: Path, made: Mapping[str, bytes]) -> None:
    with files.partial(folder.absolute().parent, folder.name) as partial:
        (partial / FOLDER).mkdir()
        for name, content in made.items():  # to wait for the disk at each would take minutes
            (partial / name).write_bytes(content)
        if folder.exists():
            folder.rmdir()
        partial.rename(folder)


def encode_png(image: Images) -> bytes:
    """An image [H,W,C] of one channel or three as a PNG file. Raises DataError for others."""
    from PIL import Image

    if image.shape[2] not in (1, 3):
        problem = f"an image of {image.shape[2]} channels is no picture"
        raise DataError("images", problem, "take data in grey or in colour")
    stream = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).save(stream, "PNG")
    return stream.getvalue()
