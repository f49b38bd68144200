"""Packs at a storage: what is fetched is what was packed, once a machine, whatever breaks."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from space.errors import DataError, UnreachableError
from tests.support.broken_network import Line
from workers.data import publishing
from workers.data.manifest import MANIFEST
from workers.data.pack import Pack
from workers.data.packing import pack
from workers.data.publishing import fetch_pack, find_manifest, open_pack, publish_pack
from workers.data.specs import DigitsOccluded
from workers.job import PackRef
from workers.storage.opening import open_storage


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """Its training images are 3 MB."""
    spec = DigitsOccluded(size=40, train_images=2_000, test_images=60)
    return pack(spec, tmp_path_factory.mktemp("packs"))


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of a machine on whose disk nothing is."""
    monkeypatch.setenv("VENTRAL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "packs"


def ref_of(packed: Pack, url: str) -> PackRef:
    """The pack as a machine knows it that has not packed it."""
    return PackRef(path="/nowhere/digits", checksum=packed.checksum, url=url)


def test_it_is_published_once_and_fetched_once(
    packed: Pack, bucket: str, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files: list[str] = []
    url = publish_pack(packed, bucket, lambda name, _done, _total: files.append(name))
    assert url == f"{bucket}/packs/{packed.checksum}"
    assert files == [*packed.manifest.files, MANIFEST]
    assert publish_pack(packed, bucket, lambda *_: pytest.fail("it is there")) == url
    fetched = open_pack(ref_of(packed, url))
    assert fetched.path == elsewhere / packed.checksum
    assert (fetched.images("train") == packed.images("train")).all()
    assert (fetched.labels("test") == packed.labels("test")).all()
    assert [path.name for path in elsewhere.iterdir() if path.suffix != ".lock"] == [
        packed.checksum
    ]
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert open_pack(ref_of(packed, url)).checksum == packed.checksum  # the server is not asked


def test_where_it_was_packed_nothing_is_fetched(packed: Pack, elsewhere: Path) -> None:
    ref = packed.ref.model_copy(update={"url": "s3://never/asked"})
    assert open_pack(ref).path == packed.path
    assert find_manifest(ref) == packed.manifest
    assert not elsewhere.exists()


def test_a_folder_that_is_shared_is_read_where_it_is(
    packed: Pack, tmp_path: Path, elsewhere: Path
) -> None:
    url = publish_pack(packed, f"file://{tmp_path}/shared")
    assert open_pack(ref_of(packed, url)).path == tmp_path / "shared" / "packs" / packed.checksum
    assert not elsewhere.exists()


def test_the_manifest_alone_is_small(packed: Pack, bucket: str, elsewhere: Path) -> None:
    url = publish_pack(packed, bucket)
    assert find_manifest(ref_of(packed, url)) == packed.manifest
    assert not elsewhere.exists() or not any(elsewhere.iterdir())


def test_a_broken_connection_is_gone_on_with(
    packed: Pack, bucket: str, tmp_path: Path, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = publish_pack(packed, bucket)
    line.cut_received = line.received + 1_000_000
    monkeypatch.setattr(publishing, "TRIES", 1)
    with pytest.raises(UnreachableError):
        fetch_pack(url, packed.checksum, tmp_path)
    assert not (tmp_path / packed.checksum).exists()
    before = line.received
    fetched = fetch_pack(url, packed.checksum, tmp_path)
    # What had arrived is not sent again.
    size = sum(entry.bytes for entry in packed.manifest.files.values())
    assert line.received - before < size - 500_000
    assert (fetched.images("train") == packed.images("train")).all()


def test_a_broken_connection_is_tried_again_by_itself(
    packed: Pack, bucket: str, tmp_path: Path, line: Line
) -> None:
    url = publish_pack(packed, bucket)
    line.cut_received = line.received + 1_000_000
    assert fetch_pack(url, packed.checksum, tmp_path).checksum == packed.checksum
    assert line.cut_received is None


def test_what_an_earlier_attempt_left_damaged_is_fetched_again(
    packed: Pack, bucket: str, tmp_path: Path
) -> None:
    url = publish_pack(packed, bucket)
    hidden = tmp_path / f".{packed.checksum}.fetched"
    hidden.mkdir()
    (hidden / "train.images.npy").write_bytes(os.urandom(1000))
    (hidden / "test.images.npy").write_bytes(os.urandom(10_000_000))  # longer than it may be
    fetched = fetch_pack(url, packed.checksum, tmp_path)
    assert (fetched.images("test") == packed.images("test")).all()


@pytest.mark.parametrize("how", ["altered", "cut", "missing", "other"])
def test_what_was_altered_at_the_storage_is_one_error(
    packed: Pack, bucket: str, tmp_path: Path, how: str
) -> None:
    url, name, storage = publish_pack(packed, bucket), "test.images.npy", open_storage(bucket)
    key = f"packs/{packed.checksum}/{name}"
    data = (packed.path / name).read_bytes()
    expected = packed.checksum
    if how == "altered":
        storage.write(key, data[:-1] + bytes([data[-1] ^ 1]))
    elif how == "cut":
        storage.write(key, data[:-1])
    elif how == "missing":
        storage.remove(key)
    else:
        expected, name = "0" * 64, packed.checksum
    with pytest.raises(DataError) as caught:
        fetch_pack(url, expected, tmp_path)
    assert str(caught.value).startswith(url)
    assert name in str(caught.value)
    assert not (tmp_path / expected).exists()


def test_a_pack_that_is_not_there_is_one_error(bucket: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no pack; publish it there"):
        fetch_pack(f"{bucket}/packs/none", "0" * 64, tmp_path)


def fetch_in_process(url: str, checksum: str, root: str) -> None:
    fetch_pack(url, checksum, Path(root))


def test_processes_that_want_it_at_once_fetch_it_once(
    packed: Pack, bucket: str, tmp_path: Path, line: Line
) -> None:
    url = publish_pack(packed, bucket)
    context = multiprocessing.get_context("spawn")
    arguments = (url, packed.checksum, str(tmp_path))
    both = [context.Process(target=fetch_in_process, args=arguments) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    gets = [one for one in line.requests if one.startswith("GET") and "train.images" in one]
    assert len(gets) == 1
