"""Making packs: equal to their source, made once, whole or not there."""

import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from space.errors import DataError, VentralError
from tests.support.waiting import GUARD
from workers.data import datasets, digits_occluded, packing
from workers.data.images import BrokenImages
from workers.data.packing import pack
from workers.data.source import Source
from workers.data.specs import DataSpec, Digits, DigitsOccluded, ImageFolder

SPEC = DigitsOccluded(size=16, train_images=300, test_images=100)


def files(root: Path) -> list[str]:
    """What is in a folder of packs, the empty lock files left out."""
    return sorted(p.name for p in root.iterdir() if not p.name.endswith(".lock"))


def test_a_pack_holds_what_the_source_decodes(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    made = pack(SPEC, tmp_path, progress=lambda *step: seen.append(step))
    source = datasets.open_source(SPEC)
    for name, count in (("train", 300), ("test", 100)):
        expected = source.splits[name].read(np.arange(count))
        np.testing.assert_array_equal(made.images(name), expected)  # type: ignore[arg-type]
        np.testing.assert_array_equal(made.labels(name), source.splits[name].labels)  # type: ignore[arg-type]
        assert seen[-1 if name == "test" else 0][0] == name
    train = made.images("train").astype(np.float64) / 255
    np.testing.assert_allclose(made.mean, train.mean(axis=(0, 1, 2)), atol=1e-12)
    np.testing.assert_allclose(made.std, train.std(axis=(0, 1, 2)), atol=1e-12)
    assert isinstance(made.images("train").base, np.memmap) or isinstance(
        made.images("train"), np.memmap
    )
    assert (made.size, made.channels, len(made.classes)) == (16, 1, 10)
    assert made.images("train").dtype == np.uint8
    assert made.labels("train").dtype == np.int64


def test_packing_again_gives_the_same_folder_untouched(tmp_path: Path) -> None:
    first = pack(SPEC, tmp_path)
    before = (first.path / "manifest.json").stat().st_mtime_ns
    assert pack(SPEC, tmp_path).path == first.path
    assert (first.path / "manifest.json").stat().st_mtime_ns == before
    other = pack(SPEC.model_copy(update={"seed": 1}), tmp_path)
    assert other.path != first.path
    assert other.checksum != first.checksum


def test_chunks_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = pack(SPEC, tmp_path / "a")
    monkeypatch.setattr(packing, "CHUNK_BYTES", 1)  # then 64 images at a time
    assert pack(SPEC, tmp_path / "b").checksum == whole.checksum


@contextmanager
def small_disk() -> Iterator[None]:
    """No file may grow beyond 20 kB: writing further fails as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:  # for the test's own lines only: pytest writes to a file, too
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    with (
        small_disk(),
        pytest.raises(VentralError, match=r"cannot write the pack .*; free some space"),
    ):
        pack(SPEC, tmp_path)
    assert files(tmp_path) == []


def test_a_bad_source_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise DataError("image.png", "cannot be decoded")

    monkeypatch.setattr(digits_occluded, "_pool_or_resize", broken)
    with pytest.raises(DataError):
        pack(SPEC, tmp_path)
    assert files(tmp_path) == []


def image_tree(root: Path) -> Path:
    """Two classes of ten images; those of `cat` are clear on their left half."""
    for label, name in enumerate(("cat", "dog")):
        (root / name).mkdir(parents=True)
        for number in range(10):
            pixels = np.full((8, 8, 4), (10 * number, 99 * label, 7, 255), np.uint8)
            pixels[:, :4, 3] = 255 * label
            Image.fromarray(pixels).save(root / name / f"{number}.png")
    return root


def test_all_broken_images_of_both_splits_are_named_at_once(tmp_path: Path) -> None:
    tree = image_tree(tmp_path / "tree")
    spec = ImageFolder(path=str(tree), size=8)
    held_out = datasets.open_source(spec).splits["test"]
    for name in ("cat", "dog"):
        for number in range(10):
            (tree / name / f"{number}.png").write_bytes(b"no image")
    assert len(held_out.labels) == 2
    with pytest.raises(BrokenImages, match="20 images cannot be used") as caught:
        pack(spec, tmp_path / "packs")
    assert len({path for path, _ in caught.value.images}) == 20
    assert files(tmp_path / "packs") == []


def test_backgrounds_never_share_a_pack(tmp_path: Path) -> None:
    tree = image_tree(tmp_path / "tree")
    specs = [
        ImageFolder.model_validate({"path": str(tree), "size": 8} | written)
        for written in (
            {},
            {"background": "white"},
            {"background": (255, 255, 255)},
            {"background": "black"},
            {"background": (0, 0, 0)},
            {"background": (1, 2, 3)},
        )
    ]
    packs = [pack(spec, tmp_path / "packs") for spec in specs]
    paths = [made.path for made in packs]
    assert paths == [paths[0]] * 3 + [paths[3]] * 2 + [paths[5]]
    assert len({made.checksum for made in packs}) == 3
    # What a spec did not say before backgrounds there were is not said by the default now.
    assert "background" not in packs[0].spec
    assert packs[5].spec["background"] == [1, 2, 3]
    cats = packs[5].images("train")[packs[5].labels("train") == 0]
    assert (cats[:, :, :4] == (1, 2, 3)).all()


def test_images_of_one_colour_are_refused(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / "tree" / name).mkdir(parents=True)
        for number in range(10):
            Image.new("RGB", (8, 8)).save(tmp_path / "tree" / name / f"{number}.png")
    with pytest.raises(DataError, match="all training images are of one and the same colour"):
        pack(ImageFolder(path=str(tmp_path / "tree"), size=8), tmp_path / "packs")
    assert files(tmp_path / "packs") == []


def test_as_many_threads_decode_as_the_process_may_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requested: list[int] = []

    def opened(_spec: DataSpec, workers: int) -> Source:
        requested.append(workers)
        raise DataError("", "enough")

    monkeypatch.setattr(datasets, "open_source", opened)
    monkeypatch.setattr(packing, "usable_processors", lambda: 3)
    for workers in (None, 5):
        with pytest.raises(DataError, match="enough"):
            pack(SPEC, tmp_path, workers=workers)
    assert requested == [3, 5]


def test_packs_keep_the_identity_that_they_had(tmp_path: Path) -> None:
    """Recorded scores are of packs with these checksums; a trial's identity is made of them."""
    expected: dict[DataSpec, tuple[str, str]] = {
        Digits(validation=0): ("digits-8-b2db7a40a2a8", "66c6a5ef3d66d41a"),
        DigitsOccluded(size=16, copies=1, train_images=100, validation=0): (
            "digits-occluded-16-809d2d3f4164",
            "d05254748aaeb507",
        ),
        Digits(): ("digits-8-93516350e9e7", "141e525bfa38ea4b"),
    }
    for spec, identity in expected.items():
        made = pack(spec, tmp_path)
        assert (made.path.name, made.checksum[:16]) == identity


CHILD = """
import sys, time
from workers.data import digits_occluded
from workers.data.specs import DigitsOccluded
from workers.data.packing import pack
made, delay = digits_occluded._pool_or_resize, float(sys.argv[2])
def slowly(image, size):
    time.sleep(delay)
    return made(image, size)
digits_occluded._pool_or_resize = slowly
spec = DigitsOccluded(size=16, train_images=300, test_images=100)
print("ready", flush=True)
print(pack(spec, sys.argv[1], progress=lambda *step: print(step, flush=True)).checksum)
"""


def child(root: Path, delay: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD, str(root), str(delay)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_two_processes_at_once_make_one_pack(tmp_path: Path) -> None:
    children = [child(tmp_path, 0.002) for _ in range(2)]
    outputs = [process.communicate(timeout=GUARD)[0].splitlines() for process in children]
    assert [process.returncode for process in children] == [0, 0]
    assert outputs[0][-1] == outputs[1][-1]
    # One of them decoded; the other waited for it and found the pack.
    assert sorted(len(lines) for lines in outputs)[0] == 2
    assert len(files(tmp_path)) == 1


def test_a_killed_packing_is_cleared_away(tmp_path: Path) -> None:
    process = child(tmp_path, 0.01)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("("):  # the first chunk is written
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(files(tmp_path)) == 1
    assert files(tmp_path)[0].startswith(".")
    made = pack(SPEC, tmp_path)
    assert files(tmp_path) == [made.path.name]
