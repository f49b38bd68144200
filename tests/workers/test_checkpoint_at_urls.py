"""Checkpoints in an object store: what holds of those in folders, and what is the store's own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from space.errors import CheckpointError, UnreachableError
from workers import checkpoint
from workers.storage.opening import open_storage

TENSORS = {"network.weight": torch.arange(12.0).view(3, 4).t(), "empty": torch.zeros(0, 3)}


def test_an_object_store_keeps_two_versions_and_no_older_part(bucket: str) -> None:
    place, storage = f"{bucket}/trial/checkpoint", open_storage(bucket)
    storage.write("trial/checkpoint/00000001/tensors.safetensors", b"of a writer that was killed")
    for epoch in range(1, 5):
        made = checkpoint.save(place, TENSORS, {"epoch": epoch})
    assert made == f"{place}/00000005"
    assert checkpoint.versions(place) == [made, f"{place}/00000004"]
    assert len(storage.list()) == 4
    tensors, meta = checkpoint.load(place)
    assert meta == {"epoch": 4}
    assert torch.equal(tensors["network.weight"], TENSORS["network.weight"])
    assert checkpoint.read_meta(place) == {"epoch": 4}


@pytest.mark.parametrize("name", ["tensors.safetensors", "checkpoint.json"])
def test_damage_in_an_object_store_is_named_or_the_older_version_is_read(
    bucket: str, name: str
) -> None:
    storage = open_storage(bucket)
    for epoch in (1, 2):
        checkpoint.save(bucket, TENSORS, {"epoch": epoch})
    for number, how in ((2, bytes.swapcase), (1, lambda data: data[:-1])):
        key = f"{number:08d}/{name}"
        with storage.open(key) as opened:
            data = opened.stream.read()
        storage.write(key, how(data))
        if number == 2:
            assert checkpoint.load(bucket)[1] == {"epoch": 1}
    with pytest.raises(CheckpointError, match=name) as caught:
        checkpoint.load(bucket)
    assert f"delete {bucket}/00000002" in str(caught.value)


def test_a_copy_is_of_the_newest_good_version(bucket: str, tmp_path: Path) -> None:
    checkpoint.save(bucket, TENSORS, {"epoch": 1})
    newest = checkpoint.save(bucket, TENSORS, {"epoch": 2})
    checkpoint.copy(bucket, tmp_path / "here")
    assert checkpoint.load(tmp_path / "here")[1] == {"epoch": 2}
    open_storage(newest).remove("tensors.safetensors")
    checkpoint.copy(bucket, f"{bucket}/other")
    assert checkpoint.load(f"{bucket}/other")[1] == {"epoch": 1}
    with pytest.raises(CheckpointError, match="holds no checkpoint"):
        checkpoint.copy(tmp_path / "none", tmp_path / "here")
    assert checkpoint.read_meta(tmp_path / "none") is None


def test_a_store_that_is_away_is_no_damage(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a training would begin again, or have failed."""
    checkpoint.save(bucket, TENSORS, {"epoch": 1})
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    for attempt in (checkpoint.load, checkpoint.versions, checkpoint.read_meta):
        with pytest.raises(UnreachableError):
            attempt(bucket)
