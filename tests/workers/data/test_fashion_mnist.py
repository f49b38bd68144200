"""Fashion-MNIST: what is read, and what is said of missing and broken files."""

import gzip
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from space.errors import DataError
from tests.support.datasets import idx_bytes, pixels
from workers.data.datasets import describe, open_source
from workers.data.specs import FashionMnist


@pytest.fixture
def fashion(tmp_path: Path) -> Path:
    """A folder of four IDX files, two of them gzipped."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 40), ("t10k", 20)):
        images = rng.integers(0, 256, (count, 28, 28))
        packed = gzip.compress(idx_bytes(images))
        (tmp_path / f"{split}-images-idx3-ubyte.gz").write_bytes(packed)
        (tmp_path / f"{split}-labels-idx1-ubyte").write_bytes(idx_bytes(np.arange(count) % 10))
    return tmp_path


def test_fashion_mnist_reads_idx_files(fashion: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = open_source(FashionMnist(path=str(fashion), validation=0))
    expected = np.random.default_rng(0).integers(0, 256, (40, 28, 28))
    np.testing.assert_array_equal(pixels(source, "train")[..., 0], expected)
    np.testing.assert_array_equal(source.splits["test"].labels, np.arange(20) % 10)
    monkeypatch.setenv("VENTRAL_FASHION_MNIST", str(fashion))
    small = open_source(FashionMnist(size=14, validation=10))
    shapes = [pixels(small, split).shape[:2] for split in ("train", "validation", "test")]
    assert shapes == [(30, 14), (10, 14), (20, 14)]
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
    path.write_bytes(gzip.compress(idx_bytes(images) + bytes(64 << 20)))
    tracemalloc.start()
    with pytest.raises(DataError, match=r"holds more bytes where its header says \[20, 28, 28\]"):
        open_source(FashionMnist(path=str(fashion)))
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()
    path.write_bytes(gzip.compress(bytes([0, 0, 8, 3]) + b"\xff" * 12 + bytes(1000)))
    with pytest.raises(DataError, match=r"more than 1,073,741,824 bytes"):
        open_source(FashionMnist(path=str(fashion)))


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
    (fashion / "train-labels-idx1-ubyte").write_bytes(idx_bytes(np.arange(39) % 10))
    with pytest.raises(DataError, match="40 train images and 39 labels"):
        open_source(FashionMnist(path=str(fashion)))
