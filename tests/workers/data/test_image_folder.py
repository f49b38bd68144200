"""A tree of images as a data set: its splits, its crops, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from space.errors import DataError
from tests.support.datasets import pixels
from workers.data.datasets import open_source
from workers.data.packing import pack
from workers.data.specs import DataSpec, ImageFolder


def tree(root: Path, per_class: int = 10) -> Path:
    """root/CLASS/N.png: plain images whose red says the class and whose green says the number."""
    for label, name in enumerate(("ant", "bee", "cat")):
        (root / name).mkdir(parents=True)
        for number in range(per_class):
            image = Image.new("RGB", (40, 30), (50 * label, 10 * number, 7))
            image.save(root / name / f"{number}.png")
    return root


def folder(root: Path, size: int = 16) -> DataSpec:
    return ImageFolder(path=str(root), size=size)


def test_a_tree_with_splits(tmp_path: Path) -> None:
    tree(tmp_path / "train"), tree(tmp_path / "val", 2)
    source = open_source(folder(tmp_path), workers=2)
    assert source.classes == ("ant", "bee", "cat")
    train = pixels(source, "train")
    assert train.shape == (27, 16, 16, 3)
    assert np.bincount(source.splits["validation"].labels).tolist() == [1, 1, 1]
    assert (source.held_out, source.validation[:5]) == ("val/", "3 of ")
    np.testing.assert_array_equal(train[:, 8, 8, 0], 50 * source.splits["train"].labels)
    assert len(source.splits["test"].labels) == 6
    alone = pixels(open_source(folder(tmp_path), workers=1), "train")
    np.testing.assert_array_equal(train, alone)


def test_a_tree_without_splits_is_split_the_same_each_time(tmp_path: Path) -> None:
    tree(tmp_path)
    first, second = (open_source(folder(tmp_path)) for _ in range(2))
    counts = {name: len(split.labels) for name, split in first.splits.items()}
    assert counts == {"train": 24, "validation": 3, "test": 3}
    np.testing.assert_array_equal(first.splits["test"].labels, [0, 1, 2])
    np.testing.assert_array_equal(pixels(first, "test"), pixels(second, "test"))
    seen = {tuple(p) for name in first.splits for p in pixels(first, name)[:, 0, 0]}
    assert len(seen) == 30  # none twice, none left out


def test_a_tree_with_three_splits_is_taken_as_it_is(tmp_path: Path) -> None:
    for name, count in (("train", 10), ("val", 3), ("test", 2)):
        tree(tmp_path / name, count)
    source = open_source(folder(tmp_path))
    assert {name: len(split.labels) for name, split in source.splits.items()} == {
        "train": 30,
        "validation": 9,
        "test": 6,
    }
    assert (source.validation, source.held_out, source.passed_over) == ("val/", "test/", ())
    before = open_source(ImageFolder(path=str(tmp_path), size=16, validation=0))
    assert (set(before.splits), before.held_out) == ({"train", "test"}, "val/")
    np.testing.assert_array_equal(pixels(before, "test"), pixels(source, "validation"))
    (tmp_path / "val" / "cat").rename(tmp_path / "cats")
    with pytest.raises(DataError, match=r"not every class .* train/ and val/: 'cat' in train/ al"):
        open_source(folder(tmp_path))


def test_a_tree_of_a_campaign_of_before_is_packed_as_it_was(tmp_path: Path) -> None:
    """Its pack is known by this checksum: `val` is its test split, and `test` is left alone."""
    for name, count in (("train", 10), ("val", 3), ("test", 2)):
        tree(tmp_path / "tree" / name, count)
    before = ImageFolder(path=str(tmp_path / "tree"), size=16, validation=0)
    assert pack(before, tmp_path / "packs").checksum == OF_BEFORE


OF_BEFORE = "7d1706a331aa3fa8a0d30c66d3f450f01e4e06b4014803756f3875b1f617901e"


def test_a_class_with_too_few_images_to_validate_on_is_named_with_what_would_do(
    tmp_path: Path,
) -> None:
    tree(tmp_path / "train"), tree(tmp_path / "test", 1)
    for number in range(2, 10):
        (tmp_path / "train" / "bee" / f"{number}.png").unlink()
    with pytest.raises(
        DataError, match=r"0\.1 leaves no .* class 'bee', which has 2; write 11 or"
    ):
        open_source(folder(tmp_path))
    enough = open_source(ImageFolder(path=str(tmp_path), size=16, validation=11))
    assert np.bincount(enough.splits["validation"].labels).tolist() == [5, 1, 5]
    (tmp_path / "train" / "bee" / "1.png").unlink()
    with pytest.raises(DataError, match="'bee', which has 1; give every class two or more"):
        open_source(folder(tmp_path))


def test_the_crop_is_central_after_the_shortest_side(tmp_path: Path) -> None:
    tree(tmp_path)
    wide = np.zeros((20, 60, 3), np.uint8)
    wide[:, 20:40] = 255
    Image.fromarray(wide).save(tmp_path / "ant" / "0.png")
    source = open_source(ImageFolder(path=str(tmp_path), size=20))
    everything = np.concatenate([pixels(source, name) for name in source.splits])
    assert (everything == 255).all(axis=(1, 2, 3)).any()


def test_a_corrupt_image_is_named(tmp_path: Path) -> None:
    tree(tmp_path)
    bad = tmp_path / "bee" / "3.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(bad)
    bad.write_bytes(bad.read_bytes()[:3000])
    for broken in (None, b"not an image"):
        if broken is not None:
            bad.write_bytes(broken)
        with pytest.raises(DataError, match=r"bee/3\.png: cannot be decoded"):
            pixels(open_source(folder(tmp_path), workers=2), "train")


def test_a_class_with_one_image_cannot_be_held_out(tmp_path: Path) -> None:
    for name in ("ant", "bee"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (8, 8), (9, 9, 9)).save(tmp_path / name / "1.png")
    with pytest.raises(DataError, match="has too few images: none is left to train on"):
        open_source(folder(tmp_path))


def test_wrong_trees_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none: no such folder; it needs ROOT/train"):
        open_source(folder(tmp_path / "none"))
    with pytest.raises(DataError, match="has no class folders"):
        open_source(folder(tmp_path))
    tree(tmp_path / "train")
    with pytest.raises(DataError, match="neither test/ nor val/"):
        open_source(folder(tmp_path))
    tree(tmp_path / "test")
    (tmp_path / "test" / "cat").rename(tmp_path / "test" / "cow")
    with pytest.raises(DataError, match="'cat' in train/ alone, 'cow' in test/ alone"):
        open_source(folder(tmp_path))
    (tmp_path / "test" / "dog").mkdir()
    with pytest.raises(DataError, match="dog: holds no images"):
        open_source(folder(tmp_path))
