"""NumPy archives as data sets: their splits and classes, and what is refused."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from space.errors import DataError
from tests.support.datasets import pixels
from workers.data.datasets import open_source
from workers.data.packing import pack
from workers.data.specs import Npz


def arrays(count: int = 40, size: int = 6, channels: int = 5, **changes: Any) -> dict[str, Any]:
    """Images whose first channel is ten times the label, and whose others are noise."""
    rng = np.random.default_rng(0)
    made: dict[str, Any] = {}
    for split, images in (("train", count), ("validation", 8), ("test", 12)):
        labels = np.arange(images) % 4
        values = rng.integers(0, 256, (images, size, size, channels), dtype=np.uint8)
        values[..., 0] = 10 * labels[:, None, None]
        made |= {f"{split}_images": values, f"{split}_labels": labels}
    return {key: value for key, value in (made | changes).items() if value is not None}


def write(folder: Path, **parts: Any) -> Npz:
    np.savez(folder / "dots.npz", **parts)
    return Npz(path=str(folder / "dots.npz"), size=6)


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_an_archive_is_packed_as_it_is(tmp_path: Path, channels: int) -> None:
    parts = arrays(channels=channels, classes=np.array(["ant", "bee", "cat", "dog"]))
    packed = pack(write(tmp_path, **parts), tmp_path / "packs")
    assert (packed.channels, packed.size) == (channels, 6)
    assert packed.classes == ["ant", "bee", "cat", "dog"]
    for split in ("train", "validation", "test"):
        np.testing.assert_array_equal(packed.images(split), parts[f"{split}_images"])
        np.testing.assert_array_equal(packed.labels(split), parts[f"{split}_labels"])


def test_splits_that_are_not_there_are_taken_from_the_training_images(tmp_path: Path) -> None:
    parts = {name: array for name, array in arrays().items() if name.startswith("train")}
    spec = write(tmp_path, **parts)
    source = open_source(spec)
    counts = {name: len(split.labels) for name, split in source.splits.items()}
    assert counts == {"train": 32, "validation": 4, "test": 4}
    assert source.classes == ("0", "1", "2", "3")
    seen = {image.tobytes() for split in counts for image in pixels(source, split)}
    assert len(seen) == 40
    for split in counts:
        first = pixels(source, split)[:, 0, 0, 0]
        np.testing.assert_array_equal(first, 10 * source.splits[split].labels)


def test_labels_may_be_names_and_grey_images_lack_an_axis(tmp_path: Path) -> None:
    names = np.array(["cat", "ant", "bee", "dog"])
    parts = arrays(channels=1)
    for split in ("train", "validation", "test"):
        parts[f"{split}_labels"] = names[parts[f"{split}_labels"]]
        parts[f"{split}_images"] = parts[f"{split}_images"][..., 0]
    source = open_source(write(tmp_path, **parts))
    assert source.classes == ("ant", "bee", "cat", "dog")
    assert source.splits["test"].labels[:4].tolist() == [2, 0, 1, 3]
    assert pixels(source, "train").shape == (40, 6, 6, 1)


def test_images_of_another_side_are_resized(tmp_path: Path) -> None:
    spec = write(tmp_path, **arrays(size=12))
    made = pixels(open_source(spec), "train")
    assert made.shape == (40, 6, 6, 5)
    np.testing.assert_array_equal(
        made[..., 0], (10 * (np.arange(40) % 4))[:, None, None] + 0 * made[..., 0]
    )


def test_a_changed_archive_is_another_data_set(tmp_path: Path) -> None:
    before = open_source(write(tmp_path, **arrays())).fingerprint
    assert open_source(write(tmp_path, **arrays())).fingerprint == before
    changed = arrays()
    changed["test_images"][0, 0, 0, 1] ^= 1
    assert open_source(write(tmp_path, **changed)).fingerprint != before


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"train_labels": None}, "has no array train_labels"),
    ({"test_labels": None}, "has no array test_labels"),
    ({"extra": np.zeros(3)}, "has an array extra, which nothing reads"),
    ({"train_images": np.zeros((40, 6, 6, 5))}, r"train_images are float64; give uint8.*255 \*"),
    ({"train_images": np.zeros((40, 6, 7, 5), np.uint8)}, r"the shape \[40, 6, 7, 5\]"),
    ({"train_images": np.zeros((39, 6, 6, 5), np.uint8)}, "has 39 train_images and 40"),
    ({"train_images": np.zeros((40, 6, 6, 2), np.uint8)}, "images of 2 and of 5 channels"),
    ({"train_labels": np.zeros(40)}, r"train_labels are float64 \[40\]"),
    ({"train_labels": np.full(40, -1)}, "labels that are not from 0 to"),
    ({"train_labels": np.full(40, "a")}, "labels that are numbers and labels that are names"),
    ({"classes": np.array(["a", "b"])}, "labels that are not from 0 to 1"),
    ({"classes": np.array([*"abcde"])}, "has no training image of the class e"),
    ({"train_labels": np.array([{}] * 40)}, "Python objects"),
]


@pytest.mark.parametrize(("changes", "message"), WRONG)
def test_what_is_not_a_data_set_is_one_error(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        open_source(write(tmp_path, **arrays(**changes)))


def test_a_damaged_file_is_one_error(tmp_path: Path) -> None:
    file = tmp_path / "dots.npz"
    with pytest.raises(DataError, match="no such file"):
        open_source(Npz(path=str(file), size=6))
    file.write_bytes(b"no archive")
    with pytest.raises(DataError, match=r"cannot be read \(File is not a zip file\)"):
        open_source(Npz(path=str(file), size=6))
    header = (
        b"\x93NUMPY\x01\x00v\x00{'descr': '|u1', 'fortran_order': False, 'shape': (999999999999,)"
    )
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("train_images.npy", header.ljust(127) + b"\n")
        archive.writestr("train_labels.npy", header[:20])
    with pytest.raises(DataError, match="cannot be read"):
        open_source(Npz(path=str(file), size=6))
