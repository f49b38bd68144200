"""Exports at a storage: whole or none, and what is read is what was written."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from models.build import build
from space.errors import InputError, StorageError
from tests.support.exports import card, genome
from workers import export
from workers.published_export import bring_export, is_at_url, publish_export
from workers.storage.opening import open_storage


@pytest.fixture
def cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An export, on a machine that has fetched none."""
    monkeypatch.setenv("VENTRAL_CACHE", str(tmp_path / "cache"))
    return export.write(tmp_path / "cell", genome(), build(genome(), seed=3).state_dict(), card())


def test_what_is_read_from_a_url_is_what_was_written(cell: Path, bucket: str) -> None:
    url = publish_export(cell, f"{bucket}/cells", "1-trial-7")
    assert url == f"{bucket}/cells/1-trial-7"
    brought = bring_export(url)
    assert {path.name: path.read_bytes() for path in brought.iterdir()} == {
        path.name: path.read_bytes() for path in cell.iterdir()
    }
    assert bring_export(url) == brought, "fetched once"
    assert export.read_card(brought) == card()
    weights = export.load(brought).state_dict()
    assert all(torch.equal(weights[k], v) for k, v in build(genome(), seed=3).state_dict().items())
    with pytest.raises(InputError, match="is an export already"):
        publish_export(cell, f"{bucket}/cells", "1-trial-7")
    assert (is_at_url(url), is_at_url(cell), is_at_url(f"file://{cell}")) == (True, False, False)


def test_a_folder_is_read_where_it_is(cell: Path) -> None:
    assert bring_export(cell) == bring_export(str(cell)) == bring_export(f"file://{cell}") == cell


@pytest.mark.parametrize("name", ["export.json", "model.safetensors", "genome.json"])
@pytest.mark.parametrize("how", ["altered", "longer", "missing"])
def test_what_is_not_whole_is_no_export(cell: Path, bucket: str, name: str, how: str) -> None:
    """Also what a writer left that was killed: the record is written last."""
    url = publish_export(cell, bucket, "cell")
    storage = open_storage(url)
    with storage.open(name) as opened:
        data = opened.stream.read()
    if how == "missing":
        storage.remove(name)
    else:
        changed = data[:-1] + bytes([data[-1] ^ 1]) if how == "altered" else data + b"x"
        storage.write(name, changed)
    with pytest.raises(InputError) as caught:
        bring_export(url)
    assert url in str(caught.value)


def test_other_addresses_are_refused(bucket: str) -> None:
    with pytest.raises(StorageError, match="gs:// is not a scheme"):
        bring_export("gs://bucket/cell")
    with pytest.raises(
        InputError, match="is no export; name what `ventral export --to URL` wrote"
    ):
        bring_export(f"{bucket}/none")
