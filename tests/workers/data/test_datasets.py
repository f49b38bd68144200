"""The data sets: what is in them, that it never changes, and what is said of broken files."""

import gzip
import hashlib
import os
import tracemalloc
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from space.errors import DataError
from workers.data.datasets import Source, describe, open_source, stratified
from workers.data.idx import read_idx
from workers.job import DataSpec, Digits, DigitsOccluded, FashionMnist, ImageFolder


def pixels(source: Source, split: str) -> np.ndarray:
    return source.splits[split].read(np.arange(len(source.splits[split].labels)))


# ------------------------------------------------------------------------------------------ digits


def test_digits_are_split_1200_to_597_with_every_class_in_proportion() -> None:
    source = open_source(Digits())
    train, test = (source.splits[name].labels for name in ("train", "test"))
    assert (len(train), len(test)) == (1200, 597)
    share = np.bincount(train) / (np.bincount(train) + np.bincount(test))
    np.testing.assert_allclose(share, 1200 / 1797, atol=0.01)
    everything = np.concatenate([pixels(source, "train"), pixels(source, "test")])
    assert everything.shape == (1797, 8, 8, 1)
    assert everything.max() == 255


@pytest.mark.parametrize("size", [8, 16, 24, 32])
def test_occluded_digits_come_in_multiples_of_8(size: int) -> None:
    source = open_source(DigitsOccluded(size=size, train_images=20, test_images=10))
    assert pixels(source, "train").shape == (20, size, size, 1)
    assert pixels(source, "test").shape == (10, size, size, 1)


PINNED = "b27c0b731168d0f9088ac4023b055709fd719a62d2f73095ea581b891dc28c84"


def test_occluded_digits_are_the_same_bytes_on_every_machine() -> None:
    images = open_source(DigitsOccluded()).splits["train"].read(np.arange(50))
    assert hashlib.sha256(images.tobytes()).hexdigest() == PINNED


def test_an_image_depends_on_the_seed_and_its_own_number_only() -> None:
    whole, again, other = (
        open_source(DigitsOccluded(seed=seed, copies=copies)).splits["train"]
        for seed, copies in ((0, 2), (0, 3), (1, 2))
    )
    few = np.array([7, 3, 1207])
    np.testing.assert_array_equal(whole.read(few), again.read(few))
    np.testing.assert_array_equal(whole.read(few)[1], whole.read(np.array([3]))[0])
    assert (whole.read(few) != other.read(few)).any(axis=(1, 2, 3)).all()


def test_a_copy_is_the_same_digit_occluded_otherwise() -> None:
    split = open_source(DigitsOccluded(copies=2)).splits["train"]
    first, second = split.read(np.array([5, 1205]))
    assert split.labels[5] == split.labels[1205]
    assert (first != second).any()


def test_nothing_added_leaves_the_digits() -> None:
    bare = DigitsOccluded(fragments=0, occluder=(0, 0), noise=0.0, copies=1)
    np.testing.assert_array_equal(
        pixels(open_source(bare), "test"), pixels(open_source(Digits(size=16)), "test")
    )


def test_noise_has_the_standard_deviation_asked_for() -> None:
    made = [
        pixels(open_source(DigitsOccluded(fragments=0, occluder=(0, 0), noise=noise)), "test")
        for noise in (0.0, 0.15)
    ]
    clean, noisy = (part.astype(float) / 255 for part in made)
    inside = (clean > 0.45) & (clean < 0.55)  # three deviations from black and from white
    difference = (noisy - clean)[inside]
    assert abs(difference.std() - 0.15) < 0.005
    assert abs(difference.mean()) < 0.005


def test_a_part_is_exact_in_number_and_in_proportion() -> None:
    labels = np.repeat(np.arange(4), [400, 200, 100, 100])
    kept = stratified(labels, 80, seed=3, stream=9)
    np.testing.assert_array_equal(np.bincount(labels[kept]), [40, 20, 10, 10])
    np.testing.assert_array_equal(kept, np.unique(kept))
    with pytest.raises(DataError, match=r"train_images: 5000 asked for, 1200 there"):
        open_source(Digits(train_images=5000))


def test_a_part_without_a_class_that_is_tested_is_refused() -> None:
    with pytest.raises(DataError, match=r"train_images: 9: none of them is of the class '\d'"):
        open_source(Digits(train_images=9))


# ----------------------------------------------------------------------------------- Fashion-MNIST


def idx(array: np.ndarray) -> bytes:
    shape = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return bytes([0, 0, 8, array.ndim]) + shape + array.astype(np.uint8).tobytes()


@pytest.fixture
def fashion(tmp_path: Path) -> Path:
    """A folder of four IDX files, two of them gzipped."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 40), ("t10k", 20)):
        images = rng.integers(0, 256, (count, 28, 28))
        packed = gzip.compress(idx(images))
        (tmp_path / f"{split}-images-idx3-ubyte.gz").write_bytes(packed)
        (tmp_path / f"{split}-labels-idx1-ubyte").write_bytes(idx(np.arange(count) % 10))
    return tmp_path


def test_fashion_mnist_reads_idx_files(fashion: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = open_source(FashionMnist(path=str(fashion)))
    expected = np.random.default_rng(0).integers(0, 256, (40, 28, 28))
    np.testing.assert_array_equal(pixels(source, "train")[..., 0], expected)
    np.testing.assert_array_equal(source.splits["test"].labels, np.arange(20) % 10)
    monkeypatch.setenv("VENTRAL_FASHION_MNIST", str(fashion))
    assert pixels(open_source(FashionMnist(size=14)), "test").shape == (20, 14, 14, 1)
    assert {info.name: info.available for info in describe()}["fashion-mnist"]


def test_missing_fashion_mnist_names_the_path_and_the_cures(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        open_source(FashionMnist(path=str(tmp_path)))
    for words in (str(tmp_path), "apt-get install dataset-fashion-mnist", "path"):
        assert words in str(caught.value)


@pytest.mark.parametrize("keep", [0, 3, 500, -1])
def test_a_cut_idx_file_is_named(fashion: Path, keep: int) -> None:
    path = fashion / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match=path.name):
        open_source(FashionMnist(path=str(fashion)))


def test_an_idx_file_is_unpacked_no_further_than_its_header_says(fashion: Path) -> None:
    path = fashion / "t10k-images-idx3-ubyte.gz"
    images = np.zeros((20, 28, 28))
    path.write_bytes(gzip.compress(idx(images) + bytes(64 << 20)))
    tracemalloc.start()
    with pytest.raises(DataError, match=r"holds more bytes where its header says \[20, 28, 28\]"):
        open_source(FashionMnist(path=str(fashion)))
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()
    path.write_bytes(gzip.compress(bytes([0, 0, 8, 3]) + b"\xff" * 12 + bytes(1000)))
    with pytest.raises(DataError, match=r"more than 1,073,741,824 bytes"):
        open_source(FashionMnist(path=str(fashion)))


@pytest.mark.parametrize("trials", [300, pytest.param(20_000, marks=pytest.mark.slow)])
def test_a_damaged_idx_file_is_an_array_or_one_error(tmp_path: Path, trials: int) -> None:
    rng = np.random.default_rng(0)
    plain = idx(rng.integers(0, 256, (3, 4, 5)))
    whole = {"x": plain, "x.gz": gzip.compress(plain)}
    for trial in range(trials):
        name = ("x", "x.gz")[trial % 2]
        data = bytearray(whole[name][: rng.integers(1, 100)] if trial % 3 == 0 else whole[name])
        for place in rng.integers(0, len(data), 2):
            data[place] = rng.integers(0, 256)
        (tmp_path / name).write_bytes(data)
        with suppress(DataError):
            read_idx(tmp_path / name, 3, "mend it")


@pytest.mark.parametrize("target", [None, "/dev/zero", "t10k-images-idx3-ubyte.gz"])
def test_an_idx_file_that_is_no_file_is_one_error(fashion: Path, target: str | None) -> None:
    path = fashion / "t10k-images-idx3-ubyte.gz"
    path.unlink()
    if target is None:
        os.mkfifo(path)
    else:
        path.symlink_to(target)
    with pytest.raises(DataError, match=path.name.removesuffix(".gz")):
        open_source(FashionMnist(path=str(fashion)))


def test_labels_that_do_not_match_are_refused(fashion: Path) -> None:
    (fashion / "train-labels-idx1-ubyte").write_bytes(idx(np.arange(39) % 10))
    with pytest.raises(DataError, match="40 train images and 39 labels"):
        open_source(FashionMnist(path=str(fashion)))


# ------------------------------------------------------------------------------------- ImageFolder


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
    assert train.shape == (30, 16, 16, 3)
    np.testing.assert_array_equal(train[:, 8, 8, 0], 50 * source.splits["train"].labels)
    assert len(source.splits["test"].labels) == 6
    alone = pixels(open_source(folder(tmp_path), workers=1), "train")
    np.testing.assert_array_equal(train, alone)


def test_a_tree_without_splits_is_split_the_same_each_time(tmp_path: Path) -> None:
    tree(tmp_path)
    first, second = (open_source(folder(tmp_path)) for _ in range(2))
    assert [len(first.splits[name].labels) for name in ("train", "test")] == [27, 3]
    np.testing.assert_array_equal(first.splits["test"].labels, [0, 1, 2])
    np.testing.assert_array_equal(pixels(first, "test"), pixels(second, "test"))
    seen = {tuple(p) for name in ("train", "test") for p in pixels(first, name)[:, 0, 0]}
    assert len(seen) == 30  # none twice, none left out


def test_the_crop_is_central_after_the_shortest_side(tmp_path: Path) -> None:
    tree(tmp_path)
    wide = np.zeros((20, 60, 3), np.uint8)
    wide[:, 20:40] = 255
    Image.fromarray(wide).save(tmp_path / "ant" / "0.png")
    source = open_source(ImageFolder(path=str(tmp_path), size=20))
    everything = np.concatenate([pixels(source, name) for name in ("train", "test")])
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
