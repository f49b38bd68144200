"""Checkpoints: what was written comes back, or an error that names the file; a kill costs none."""

import json
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from space.errors import CheckpointError
from workers import checkpoint

TENSORS = {
    "network.weight": torch.arange(12.0).view(3, 4).t(),  # not contiguous
    "network.count": torch.tensor(7),
    "low": torch.tensor([1.5, -2.0], dtype=torch.bfloat16),
    "empty": torch.zeros(0, 3),
}


def test_tensors_and_meta_come_back(tmp_path: Path) -> None:
    tied = {**TENSORS, "same memory": TENSORS["network.weight"]}
    meta = {"epoch": 3, "loss": 0.1, "deep": {"list": [1, None, "ä"]}}
    checkpoint.save(tmp_path / "c", tied, meta)
    tensors, result = checkpoint.load(tmp_path / "c")
    assert result == meta
    assert tensors.keys() == tied.keys()
    for name, value in tied.items():
        assert tensors[name].dtype == value.dtype
        assert torch.equal(tensors[name], value)


def test_what_a_long_training_reports_comes_back(tmp_path: Path) -> None:
    """5,000 epochs of 20 steps: far more values than a document of a person's holds."""
    reports = [{"epoch": e, "accuracy_by_step": [0.5] * 20} for e in range(5_000)]
    checkpoint.save(tmp_path, TENSORS, {"reports": reports})
    assert checkpoint.load(tmp_path)[1]["reports"] == reports


def test_two_versions_are_kept_and_the_newest_is_read(tmp_path: Path) -> None:
    for epoch in range(1, 5):
        checkpoint.save(tmp_path, TENSORS, {"epoch": epoch})
    assert checkpoint.load(tmp_path)[1] == {"epoch": 4}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["00000003", "00000004"]


def test_no_pickle_is_in_it(tmp_path: Path) -> None:
    version = Path(checkpoint.save(tmp_path, TENSORS, {}))
    assert sorted(p.name for p in version.iterdir()) == ["checkpoint.json", "tensors.safetensors"]
    json.loads((version / "checkpoint.json").read_text())


def damage(path: Path, how: str) -> None:
    data = bytearray(path.read_bytes())
    if how == "altered":
        data[len(data) // 2] ^= 1
    elif how == "cut":
        data = data[: len(data) // 2]
    elif how == "empty":
        data = bytearray()
    path.write_bytes(data)
    if how == "missing":
        path.unlink()


@pytest.mark.parametrize("how", ["altered", "cut", "empty", "missing"])
@pytest.mark.parametrize("name", ["tensors.safetensors", "checkpoint.json"])
def test_damage_is_named_or_the_older_version_is_read(tmp_path: Path, name: str, how: str) -> None:
    checkpoint.save(tmp_path, TENSORS, {"epoch": 1})
    damage(Path(checkpoint.save(tmp_path, TENSORS, {"epoch": 2}), name), how)
    assert checkpoint.load(tmp_path)[1] == {"epoch": 1}
    damage(Path(checkpoint.versions(tmp_path)[1], name), how)
    with pytest.raises(CheckpointError, match=name) as caught:
        checkpoint.load(tmp_path)
    assert f"delete {tmp_path}" in str(caught.value)


def test_every_altered_byte_of_the_json_is_found(tmp_path: Path) -> None:
    version = checkpoint.save(tmp_path, TENSORS, {"epoch": 1, "loss": 0.25})
    path = Path(version, "checkpoint.json")
    whole = path.read_bytes()
    record = json.loads(whole)
    for place in range(len(whole)):
        altered = bytearray(whole)
        altered[place] ^= 2
        try:
            if json.loads(altered) == record:
                continue  # only the layout changed
        except ValueError:
            pass
        path.write_bytes(altered)
        with pytest.raises(CheckpointError):
            checkpoint.load(tmp_path)


def test_there_may_be_none(tmp_path: Path) -> None:
    assert checkpoint.versions(tmp_path / "c") == []
    with pytest.raises(CheckpointError, match="holds no checkpoint"):
        checkpoint.load(tmp_path / "c")


@contextmanager
def small_disk() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, before[1]))
    try:  # for the test's own lines only: pytest writes to a file, too
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_the_version_before(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, TENSORS, {"epoch": 1})
    with small_disk(), pytest.raises(OSError, match="too large"):
        checkpoint.save(tmp_path, {"big": torch.zeros(10_000)}, {"epoch": 2})
    assert checkpoint.load(tmp_path)[1] == {"epoch": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["00000001"]


CHILD = """
import os, signal, sys
import torch
from workers import checkpoint, files
from workers.storage.folder import FolderStorage
folder, fatal = sys.argv[1], int(sys.argv[2])
calls = 0
def mortal(function):
    def call(*arguments):
        global calls
        calls += 1
        if calls == fatal:
            if function is write:  # half of the file gets to the disk
                write(arguments[0], arguments[1][: len(arguments[1]) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments)
    return call
write = files.write
checkpoint.save(folder, {"w": torch.full((1000,), 1.0)}, {"epoch": 1})
files.write, files.settle = mortal(files.write), mortal(files.settle)
FolderStorage._rename = mortal(FolderStorage._rename)
checkpoint.save(folder, {"w": torch.full((1000,), 2.0)}, {"epoch": 2})
"""


@pytest.mark.parametrize(("fatal", "epoch"), [(1, 1), (2, 1), (3, 1), (4, 1), (5, 2)])
def test_killed_at_any_moment_of_writing(tmp_path: Path, fatal: int, epoch: int) -> None:
    command = [sys.executable, "-c", CHILD, str(tmp_path), str(fatal)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    tensors, meta = checkpoint.load(tmp_path)
    assert meta == {"epoch": epoch}
    assert torch.equal(tensors["w"], torch.full((1000,), float(epoch)))
    # The next save clears away what the killed one left, and is the newest.
    checkpoint.save(tmp_path, tensors, {"epoch": 3})
    assert checkpoint.load(tmp_path)[1] == {"epoch": 3}
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
